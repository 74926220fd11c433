"""The table of layers that can be run: layer kind → the module that knows how.

Each module's `OPS` maps a kind to a function that makes its operation from a `OpContext`.
"""

from importlib import import_module

from rnncli.errors import UnsupportedError
from rnncli.layers import TABLE as TYPES
from rnncli.layers.op import Op, OpContext

_MODULES = {
    "rnncli.layers.rnn.run_keras": "SimpleRNN LSTM GRU RNN Bidirectional",
    "core": (
        "Dense Activation Embedding Masking TimeDistributed Dropout SpatialDropout1D "
        "SpatialDropout2D SpatialDropout3D GaussianNoise GaussianDropout AlphaDropout "
        "ActivityRegularization"
    ),
    "normalization": (
        "LayerNormalization BatchNormalization GroupNormalization UnitNormalization Normalization"
    ),
    "reshaping": (
        "Flatten Reshape Permute RepeatVector UpSampling1D ZeroPadding1D Cropping1D "
        "UpSampling2D ZeroPadding2D Cropping2D"
    ),
    "convolutional": "Conv1D Conv2D SeparableConv1D",
    "pooling": (
        "MaxPooling1D AveragePooling1D GlobalMaxPooling1D GlobalAveragePooling1D "
        "MaxPooling2D AveragePooling2D GlobalMaxPooling2D GlobalAveragePooling2D"
    ),
    "activation": "ReLU LeakyReLU ELU ThresholdedReLU PReLU Softmax Rescaling",
    "merging": "Add Subtract Multiply Average Maximum Minimum Concatenate Dot Merge",
    "attention": "Attention AdditiveAttention",
    "legacy": "TimeDistributedDense MaxoutDense Highway CuDNNLSTM CuDNNGRU",
    "rnncli.layers.rnn.run_torch": (
        "torch.RNN torch.LSTM torch.GRU torch.RNNCell torch.LSTMCell torch.GRUCell"
    ),
}

TABLE = {
    **{kind: module for module, kinds in _MODULES.items() for kind in kinds.split()},
    **{kind: "operations" for kind, family in TYPES.items() if family == "operations"},
}


def make(setup: OpContext) -> Op:
    """Return the operation of a layer. Raises: UnsupportedError if there is none."""
    if setup.kind not in TABLE:
        raise unsupported(setup.name, setup.kind)
    name = TABLE[setup.kind]
    place = name if "." in name else f"rnncli.forward.ops.{name}"
    op: Op = import_module(place).OPS[setup.kind](setup)
    return op


def unsupported(name: str, kind: str, why: str = "") -> UnsupportedError:
    """Return the error that says which layer cannot be run."""
    reason = f"; {why}" if why else ""
    return UnsupportedError(
        f"layer {name!r} ({kind}) cannot be run{reason}",
        "--until LAYER runs the model up to a layer before it",
    )
