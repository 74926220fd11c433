"""The table of layer kinds: class name → the family file that knows it.

Names are strings, so that listing the kinds loads none of them. Frameworks other than Keras have
their own prefix (`torch.LSTM`, `onnx.GRU`).
"""

from functools import cache
from importlib import import_module
from typing import Any

from rnncli.layers.layer_type import LayerType
from rnncli.model import Config

_FAMILIES = {
    "rnn.keras": (
        "SimpleRNN LSTM GRU SimpleRNNCell LSTMCell GRUCell StackedRNNCells RNN Bidirectional"
    ),
    "core": ("InputLayer Dense Activation Embedding Masking TimeDistributed"),
    "regularization": (
        "Dropout SpatialDropout1D SpatialDropout2D SpatialDropout3D GaussianNoise GaussianDropout "
        "AlphaDropout ActivityRegularization"
    ),
    "normalization": (
        "LayerNormalization BatchNormalization GroupNormalization UnitNormalization Normalization"
    ),
    "reshaping": (
        "Flatten Reshape Permute RepeatVector UpSampling1D ZeroPadding1D Cropping1D "
        "UpSampling2D ZeroPadding2D Cropping2D"
    ),
    "convolutional": "Conv1D Conv2D SeparableConv1D ConvLSTM2D",
    "pooling": (
        "MaxPooling1D AveragePooling1D GlobalMaxPooling1D GlobalAveragePooling1D "
        "MaxPooling2D AveragePooling2D GlobalMaxPooling2D GlobalAveragePooling2D"
    ),
    "activation": "ReLU LeakyReLU ELU ThresholdedReLU PReLU Softmax Rescaling",
    "merging": "Add Subtract Multiply Average Maximum Minimum Concatenate Dot Merge",
    "attention": "Attention AdditiveAttention",
    "legacy": "TimeDistributedDense MaxoutDense Highway CuDNNLSTM CuDNNGRU",
    "onnx": " ".join(
        f"onnx.{operator}"
        for operator in (
            "Abs Add And BatchNormalization Cast Clip Concat ConstantOfShape Conv Div Dropout Elu "
            "Equal Erf Exp Expand Flatten Gather Gemm GlobalAveragePool Greater GRU HardSigmoid "
            "Identity LayerNormalization LeakyRelu Less Log LogSoftmax LSTM MatMul Max Min Mul Neg "
            "Not Or Pad Pow Reciprocal ReduceMax ReduceMean ReduceSum Relu Reshape RNN Selu Shape "
            "Sigmoid Sign Slice Softmax Softplus Softsign Split Sqrt Squeeze Sub Tanh Tile "
            "Transpose Unsqueeze Where"
        ).split()
    ),
    # Keras 3's operations on tensors, which only files hold.
    "operations": " ".join(
        f"keras.{operation}"
        for operation in (
            "NotEqual Equal LogicalOr LogicalAnd LogicalNot Add Subtract Multiply TrueDivide "
            "Divide Power Maximum Minimum Negative Absolute Exp Sqrt Square Tanh Sigmoid Relu "
            "ZerosLike OnesLike Any All Sum Mean Max Min ExpandDims Concatenate GetItem"
        ).split()
    ),
    "rnn.torch": "torch.RNN torch.LSTM torch.GRU torch.RNNCell torch.LSTMCell torch.GRUCell",
}

TABLE = {name: family for family, names in _FAMILIES.items() for name in names.split()}

# What Keras itself accepts as another name of a class.
ALIASES = {
    "Input": "InputLayer",
    "Convolution1D": "Conv1D",
    "Convolution2D": "Conv2D",
    "SeparableConvolution1D": "SeparableConv1D",
    **{f"MaxPool{axes}": f"MaxPooling{axes}" for axes in ("1D", "2D")},
    **{f"AvgPool{axes}": f"AveragePooling{axes}" for axes in ("1D", "2D")},
    **{f"GlobalMaxPool{axes}": f"GlobalMaxPooling{axes}" for axes in ("1D", "2D")},
    **{f"GlobalAvgPool{axes}": f"GlobalAveragePooling{axes}" for axes in ("1D", "2D")},
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
