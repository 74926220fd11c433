"""What Keras 1 and 2 wrote, in the nouns of Keras 3.

Every value whose meaning depends on the Keras that wrote the file is made explicit here, so that
nothing after this module asks for a version: `reset_after`, `recurrent_activation`,
`zero_output_for_mask`, and `hard_sigmoid`, which Keras 1 and 2 computed as clip(0.2 x + 0.5) and
whose name is then `hard_sigmoid_keras2`.

Sources: `get_config` of Keras 1.2.2, 2.3.1, tf.keras 1.14 to 2.15 and Keras 3.
"""

from typing import Any

from rnncli.activation_names import name_of_layer
from rnncli.cells import names
from rnncli.formats.keras.nodes import INNER, Node, class_of, is_model
from rnncli.formats.keras.version import KerasVersion

_RENAMED = {
    "output_dim": "units",
    "nb_filter": "filters",
    "filter_length": "kernel_size",
    "subsample_length": "strides",
    "subsample": "strides",
    "stride": "strides",
    "border_mode": "padding",
    "atrous_rate": "dilation_rate",
    "pool_length": "pool_size",
    "length": "size",
    "bias": "use_bias",
    "inner_activation": "recurrent_activation",
    "init": "kernel_initializer",
    "inner_init": "recurrent_initializer",
    "W_regularizer": "kernel_regularizer",
    "U_regularizer": "recurrent_regularizer",
    "b_regularizer": "bias_regularizer",
    "W_constraint": "kernel_constraint",
    "b_constraint": "bias_constraint",
    "dropout_W": "dropout",
    "dropout_U": "recurrent_dropout",
    "p": "rate",
    "sigma": "stddev",
}
# Keys of Keras 1 that mean nothing once the weights are trained.
_DROPPED = ("input_dtype", "consume_less", "forget_bias_init", "input_length", "batch_input_shape",
            "dim_ordering", "nb_row", "nb_col")  # fmt: skip
_RECURRENT = (*names(), *(f"{name}Cell" for name in names()), "ConvLSTM2D")
_TABLES = ("Embedding", "ReversibleEmbedding")
# Arguments of today that have an old name.
_OWN = {*((kind, "output_dim") for kind in _TABLES), ("RandomGaussianBlur", "sigma")}

# Operations that Keras takes for the layers of these names where it loads them from HDF5.
_AS_LAYERS = ("keras.Softmax", "keras.Concatenate")


def normalised(node: Node, era: KerasVersion) -> dict[str, Any]:
    """Return the config of a node in Keras 3's nouns, with the layers inside it."""
    kind, _ = class_of(node)
    given = node.get("config")
    config = dict(given) if isinstance(given, dict) else {}
    if kind is None:
        return config
    if kind in _AS_LAYERS and "module" not in node:
        config.setdefault("trainable", True)
    _rename(kind, config)
    _reshape_arguments(kind, config)
    for key in ("activation", "recurrent_activation"):
        if key in config:
            config[key] = _activation(config[key], era)
    if isinstance(config.get("dtype"), dict):
        config |= _policy(config["dtype"].get("config"))
    _explicit(kind, config, era)
    for key in INNER:
        if isinstance(config.get(key), dict):
            config[key] = _inner(config[key], era)
    for key in ("cells", *(("layers",) if kind == "Pipeline" else ())):
        if isinstance(config.get(key), list):
            config[key] = [_inner(each, era) for each in config[key] if isinstance(each, dict)]
    return config


def _policy(given: Any) -> dict[str, Any]:
    """Return the name of a dtype policy, `int8_from_float32` of a quantized layer."""
    if not isinstance(given, dict):
        return {"dtype": None}
    if "mode" not in given:
        return {"dtype": given.get("name")}
    history = given.get("amax_history_length")
    name = f"{given['mode']}_from_{given.get('source_name') or 'float32'}"
    return {"dtype": name, **({"amax_history_length": history} if history else {})}


def _inner(node: Node, era: KerasVersion) -> dict[str, Any]:
    if is_model(node):
        return dict(node)
    return {"class_name": class_of(node)[0], "config": normalised(node, era)}


def _rename(kind: str, config: dict[str, Any]) -> None:
    for old, new in _RENAMED.items():
        if old not in config or (kind, old) in _OWN:
            continue
        value = config.pop(old)
        config.setdefault(
            "embeddings_initializer" if kind in _TABLES and old == "init" else new, value
        )
    if kind == "LeakyReLU" and "alpha" in config:
        config.setdefault("negative_slope", config.pop("alpha"))


def _reshape_arguments(kind: str, config: dict[str, Any]) -> None:
    """Bring what Keras 1 split or wrote in another form into Keras 3's arguments."""
    if "nb_row" in config and "nb_col" in config:
        config.setdefault("kernel_size", [config["nb_row"], config["nb_col"]])
    if "dim_ordering" in config:
        first = config["dim_ordering"] == "th"
        config.setdefault("data_format", "channels_first" if first else "channels_last")
    if "forget_bias_init" in config:
        config.setdefault("unit_forget_bias", config["forget_bias_init"] == "one")
    padding = config.get("padding")
    if kind == "ZeroPadding1D" and isinstance(padding, dict):
        config["padding"] = [padding.get("left_pad", 0), padding.get("right_pad", 0)]
    if kind == "ZeroPadding2D" and isinstance(padding, list) and len(padding) == 4:
        config["padding"] = [padding[:2], padding[2:]]
    if kind == "InputLayer" and "batch_input_shape" in config:
        config.setdefault("batch_shape", config["batch_input_shape"])
    for key in _DROPPED if kind in _TABLES else (*_DROPPED, "input_dim"):
        config.pop(key, None)


def _activation(value: Any, era: KerasVersion) -> Any:
    """Return an activation's name; a function of the user's keeps its own."""
    if isinstance(value, dict):
        inner, class_name = value.get("config"), str(value.get("class_name"))
        if isinstance(inner, dict):  # a layer
            given = _named_arguments(class_name, inner) | {"built": bool(value.get("build_config"))}
            value = name_of_layer(class_name, given) or class_name
        else:
            value = inner if isinstance(inner, str) else value.get("class_name") or value
    if value == "hard_sigmoid" and era.major < 3:
        return "hard_sigmoid_keras2"
    return "softmax" if value == "softmax_v2" else value


def _named_arguments(class_name: str, config: Node) -> dict[str, Any]:
    """Return the arguments of an activation's layer; its own activation may be one again."""
    given = dict(config)
    _rename(class_name, given)
    if isinstance(given.get("activation"), dict):
        inner = given["activation"].get("config")
        given["activation"] = inner if isinstance(inner, str) else None
    return given


def _explicit(kind: str, config: dict[str, Any], era: KerasVersion) -> None:
    """Write out what the Keras of the file took for granted."""
    if kind in ("GRU", "GRUCell"):
        config.setdefault("reset_after", era.major == 3)
    if kind in _RECURRENT and not kind.startswith("Simple"):
        gates = "hard_sigmoid_keras2" if era.hard_sigmoid_gates else "sigmoid"
        config.setdefault("recurrent_activation", gates)
    if era.major < 3 and config.get("trainable") is False:
        config["frozen"] = True
    if kind == "Bidirectional":
        # True: masked steps of a returned sequence are zero (tf.keras, Keras 3). False: they repeat
        # the last output, as in any other recurrent layer (Keras 1, and 2 up to 2.3.1).
        config["zero_output_for_mask"] = era.zeros_where_masked
