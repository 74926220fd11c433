"""What a node of a Keras config is: a layer and its class, an operation on tensors, a model."""

import re
from collections.abc import Mapping
from typing import Any

from rnncli.formats.keras.tensorflow_calls import LAYERS, operation_of
from rnncli.layers import ALIASES, TABLE

Node = Mapping[str, Any]  # {"class_name": ..., "config": ...}
NO_WEIGHTS = "the file holds no weights for its layers"

_CLASSES = {
    **ALIASES,
    "AtrousConvolution1D": "Conv1D",
    "AtrousConvolution2D": "Conv2D",
    "UnifiedLSTM": "LSTM",  # TensorFlow 1.13
    "UnifiedGRU": "GRU",
    "BatchNormalizationV1": "BatchNormalization",  # TensorFlow 1.13 and 1.14
    "BatchNormalizationV2": "BatchNormalization",
    "SyncBatchNormalization": "BatchNormalization",
}
# Classes that Keras 3 saves under another name than it shows.
_SHOWN = {"GroupQueryAttention": "GroupedQueryAttention"}

# The keys of a config under which a layer or a cell inside stands.
INNER = ("layer", "backward_layer", "cell")
# A tensor's operation, not a layer: no weights of its own.
WEIGHTLESS = ("Lambda", "TFOpLambda", "SlicingOpLambda", "TensorFlowOpLayer", "ClassMethod",
              "InstanceMethod", "InstanceProperty")  # fmt: skip


def class_of(node: Node) -> tuple[str | None, str]:
    """Return `(kind, type)`: the class in the table of layer types, and the name the file gives.

    The kind of a layer that rnncli does not know, a user's own `LSTM` say, is None.
    """
    written = str(node.get("class_name"))
    type_ = written.rpartition(">")[2]
    type_ = _SHOWN.get(type_, type_)
    kind = _CLASSES.get(type_, type_)
    config = node.get("config")
    config = config if isinstance(config, dict) else {}
    if type_ in LAYERS and operation_of(config) is not None:
        return f"keras.{operation_of(config)}", type_
    if f"keras.{type_}" in TABLE and _is_operation(node, config):
        return f"keras.{type_}", type_
    known = kind in TABLE and ">" not in written and not _is_custom(node)
    if kind in ("Attention", "AdditiveAttention") and "use_scale" not in config:
        known = False  # a class of the user's: Keras's own always says
    if kind == "Merge" and config.get("mode_type", "raw") != "raw":
        known = False  # the mode is code
    for inner in (config.get(key) for key in INNER):
        known = known and (not isinstance(inner, dict) or is_model(inner) or _knows(inner))
    return (kind if known else None), type_


def _is_operation(node: Node, config: Node) -> bool:
    """Whether a node of Keras 3 is an operation on tensors: HDF5 leaves out the module, but all
    layers say whether they are trainable."""
    calls = node.get("inbound_nodes")
    if not isinstance(calls, list) or not calls or not isinstance(calls[0], dict):
        return False
    return ".ops." in str(node.get("module", ".ops.")) and "trainable" not in config


def _knows(node: Node) -> bool:
    kind, _ = class_of(node)
    if kind == "StackedRNNCells":
        config = node.get("config")
        cells = config.get("cells") if isinstance(config, dict) else None
        return isinstance(cells, list) and all(isinstance(c, dict) and _knows(c) for c in cells)
    return kind in TABLE


def _is_custom(node: Node) -> bool:
    """Whether a file of Keras 2.12 or later says that the class is not one of Keras's layers."""
    module, registered = node.get("module"), node.get("registered_name")
    if isinstance(module, str):
        return not re.fullmatch(r"((tf_)?keras|tensorflow)(\..*)?", module) or ".ops." in module
    return isinstance(registered, str) and registered != node.get("class_name")


# What the config of a Sequential has.
_SEQUENTIAL = {"name", "trainable", "dtype", "layers", "build_input_shape"}


def is_sequential(node: Node) -> bool:
    """Whether a node is a Sequential, or of a class made from it."""
    config = node.get("config")
    if node.get("class_name") == "Sequential":
        return isinstance(config, list) or (isinstance(config, dict) and "layers" in config)
    if not isinstance(config, dict) or not set(config) <= _SEQUENTIAL:
        return False
    layers = config.get("layers")
    return (
        isinstance(layers, list)
        and bool(layers)
        and all(isinstance(layer, dict) and "class_name" in layer for layer in layers)
    )


def is_model(node: Node) -> bool:
    """Whether a node is a model with layers of its own, of whatever class."""
    config = node.get("config")
    if is_sequential(node):
        return True
    return (
        isinstance(config, dict)
        and isinstance(config.get("layers"), list)
        and ("output_layers" in config or "input_layers" in config)
    )
