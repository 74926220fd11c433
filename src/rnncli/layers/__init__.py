"""The table of layer kinds: class name → the family file that knows it.

Names are strings, so that listing the kinds loads none of them. Frameworks other than Keras have
their own prefix (`torch.LSTM`, `onnx.GRU`).
"""

from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

from rnncli.cells import cells_in, names
from rnncli.layers.layer_type import LayerType
from rnncli.layers.ops.names import OPERATIONS
from rnncli.model import Call, Config, Constant, Layer, arrays_in

if TYPE_CHECKING:
    from rnncli.layers.op import Op, OpContext
    from rnncli.layers.rnn.structure import CellNode, Structure

# The layers that read sequences step by step, of one cell each, and what holds several.
RECURRENT = (*names(), *cells_in("cudnn"), "RNN", "Bidirectional")
_CELLS = (*(f"{name}Cell" for name in names()), "StackedRNNCells")

_FAMILIES = {
    "rnn.keras": " ".join(RECURRENT),
    "rnn.cell_layers": " ".join(_CELLS),
    "embedding": "Embedding ReversibleEmbedding",
    "inputs": "InputLayer",
    "core": "Dense Activation Masking Identity",
    "wrappers": "TimeDistributed SpectralNormalization Pipeline Wrapper",
    "regularization": (
        "Dropout SpatialDropout1D SpatialDropout2D SpatialDropout3D GaussianNoise GaussianDropout "
        "AlphaDropout ActivityRegularization"
    ),
    "normalization": (
        "LayerNormalization BatchNormalization GroupNormalization UnitNormalization "
        "RMSNormalization Normalization"
    ),
    "reshaping": (
        "Flatten Reshape Permute RepeatVector "
        "ZeroPadding1D ZeroPadding2D ZeroPadding3D Cropping1D Cropping2D Cropping3D"
    ),
    "images": (
        "UpSampling1D UpSampling2D UpSampling3D Resizing CenterCrop AutoContrast "
        "ContrastLimitedAdaptiveHistogramEqualization"
    ),
    "augmentation": (
        "AugMix CutMix Equalization MaxNumBoundingBoxes MixUp RandAugment RandomBrightness "
        "RandomColorDegeneration RandomColorJitter RandomContrast RandomCrop "
        "RandomElasticTransform RandomErasing RandomFlip RandomGaussianBlur RandomGrayscale "
        "RandomHue RandomInvert RandomPerspective RandomPosterization RandomRotation "
        "RandomSaturation RandomSharpness RandomShear RandomTranslation RandomZoom Solarization"
    ),
    "preprocessing": "CategoryEncoding Discretization Hashing HashedCrossing",
    "lookup": "IntegerLookup StringLookup TextVectorization",
    "spectrograms": "STFTSpectrogram MelSpectrogram",
    "convolutional": "Conv1D Conv2D Conv3D",
    "transposed": "Conv1DTranspose Conv2DTranspose Conv3DTranspose",
    "depthwise": "DepthwiseConv1D DepthwiseConv2D SeparableConv1D SeparableConv2D",
    "rnn.conv_lstm": "ConvLSTM1D ConvLSTM2D ConvLSTM3D",
    "pooling": " ".join(
        f"{where}{kind}Pooling{axes}D"
        for where in ("", "Global", "Adaptive")
        for kind in ("Max", "Average")
        for axes in (1, 2, 3)
    ),
    "activation": "ReLU LeakyReLU ELU ThresholdedReLU PReLU Softmax Rescaling",
    "merging": "Add Subtract Multiply Average Maximum Minimum Concatenate Dot Merge",
    "attention": "Attention AdditiveAttention",
    "multi_head_attention": "MultiHeadAttention GroupedQueryAttention",
    "einsum_dense": "EinsumDense",
    "legacy": "TimeDistributedDense MaxoutDense Highway",
    "onnx": "onnx.RNN onnx.LSTM onnx.GRU onnx.Node",
    # Keras 3's operations on tensors, which only files hold.
    **{
        f"ops.{family}": " ".join(f"keras.{name}" for name in names.split())
        for family, names in OPERATIONS.items()
    },
    "rnn.torch": " ".join(f"torch.{name} torch.{name}Cell" for name in cells_in("torch")),
    "tflite": "tflite.Operator tflite.Product tflite.Recurrent",
    "torch": (
        "torch.Linear torch.Embedding torch.Dropout torch.Dropout1d torch.Dropout2d "
        "torch.Dropout3d torch.AlphaDropout torch.FeatureAlphaDropout torch.Identity "
        "torch.Flatten torch.Unflatten torch.PReLU"
    ),
    "torch_norms": " ".join(
        ["torch.LayerNorm torch.RMSNorm torch.GroupNorm"]
        + [f"torch.{name}Norm{axes}d" for name in ("Batch", "Instance") for axes in (1, 2, 3)]
    ),
    "torch_activations": " ".join(
        f"torch.{name}"
        for name in (
            "ReLU ReLU6 Tanh Sigmoid SiLU Mish SELU Softsign LogSigmoid Tanhshrink Hardsigmoid "
            "Hardswish GELU ELU CELU LeakyReLU Hardtanh Softplus Softshrink Hardshrink Threshold "
            "Softmax LogSoftmax GLU"
        ).split()
    ),
    "torch_windows": " ".join(
        f"torch.{name}{axes}d"
        for name in "Conv ConvTranspose MaxPool AvgPool AdaptiveMaxPool AdaptiveAvgPool".split()
        for axes in (1, 2, 3)
    ),
}

TABLE = {name: family for family, names in _FAMILIES.items() for name in names.split()}

# What Keras itself accepts as another name of a class.
ALIASES = {
    "Input": "InputLayer",
    "GroupQueryAttention": "GroupedQueryAttention",
    **{
        name.replace("Conv", "Convolution"): name
        for name, family in TABLE.items()
        if family in ("convolutional", "transposed", "depthwise")
    },
    **{
        name.replace("Average", "Avg").replace("Pooling", "Pool"): name
        for name, family in TABLE.items()
        if family == "pooling" and "Adaptive" not in name
    },
}


def key(dialect: str, name: str) -> str:
    """Return the name in the table of a layer of a framework other than Keras: `torch.LSTM`."""
    return f"{dialect}.{name}"


def bare(kind: str) -> str:
    """Return the framework's own name of a layer of the table: `LSTM` of `torch.LSTM`."""
    return kind.rpartition(".")[2]


@cache
def layer_type(name: str) -> LayerType:
    """Return the kind called `name`. Raises: KeyError if there is none."""
    return import_module(f"rnncli.layers.{TABLE[name]}").TYPES[name]  # type: ignore[no-any-return]


def complete(class_name: str, config: Config) -> Config:
    """Return `config` with the defaults of what it leaves out, in nested layers too."""
    known = layer_type(class_name) if class_name in TABLE else LayerType()
    return known.complete({key: _complete_nested(value) for key, value in config.items()})


def _complete_nested(value: Any) -> Any:
    if type(value) in (list, tuple):
        return [_complete_nested(item) for item in value]
    if isinstance(value, dict) and isinstance(value.get("config"), dict):
        return {**value, "config": complete(value.get("class_name", ""), value["config"])}
    return value


def structure_of(layer: Layer) -> "Structure | None":
    """Return what a recurrent layer is made of; None of any other, and where its input is open."""
    if layer.kind not in TABLE or not layer.calls:
        return None
    made = layer_type(layer.kind).structure
    shapes = layer.calls[0].input_shapes
    if made is None or (shapes and not shapes[0]):
        return None
    size = shapes[0][-1] if shapes else None
    if size is None and layer.dialect == "keras":  # the others' configs and weights say it
        return None
    return made(layer.config, size or 0)


def cells_of(layer: Layer) -> "tuple[CellNode, ...]":
    """Return the cells of a recurrent layer, forward ones first; () for any other layer."""
    found = structure_of(layer)
    return () if found is None else found.cells


def operation(context: "OpContext") -> "Op":
    """Return the operation of a layer. Raises: UnsupportedError if there is none."""
    from rnncli.layers.op import unsupported

    known = layer_type(context.kind) if context.kind in TABLE else LayerType()
    if known.run is None:
        raise unsupported(context.name, context.kind, known.not_run)
    return known.run(context)


def streams(layer: Layer, call: Call) -> bool:
    """Whether a call gives its steps as it gets those of its input."""
    inputs = call.input_shapes
    if layer.kind not in TABLE or not inputs or (layer.model and layer.kind != "TimeDistributed"):
        return False
    if call.kwargs.get("training"):  # of Keras 2: statistics of all steps
        return False
    if call.constants or any(isinstance(each, Constant) for each in arrays_in(call.kwargs)):
        return False
    return layer_type(layer.kind).streams(layer.config, len(inputs[0]))
