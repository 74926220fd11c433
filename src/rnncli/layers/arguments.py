"""What the arguments of layers may be, by their names."""

from collections.abc import Callable, Mapping
from typing import Any

from rnncli.activation_names import check_activation, is_weighted
from rnncli.cells import names
from rnncli.errors import UsageError
from rnncli.layers import TABLE, layer_type
from rnncli.layers.layer_type import REQUIRED
from rnncli.layers.rnn.structure import MERGE_MODES
from rnncli.model import Config
from rnncli.shapes import LARGEST

Check = Callable[[str, Any], None]


def check_arguments(class_name: str, config: Config, activations: bool = True) -> None:
    """Check a layer's arguments and those of the layers inside it. Raises: UsageError.

    Without `activations` an activation may be one that rnncli does not know, a user's own say.
    """
    if TABLE.get(class_name, "ops.").startswith("ops."):  # no layer: an initializer, say
        return
    for name, default in layer_type(class_name).signature.items():
        if default is REQUIRED and name not in config:
            raise UsageError(f"{class_name} needs {name}=…")
    for name, value in config.items():
        for inner in value if isinstance(value, list) else [value]:
            if isinstance(inner, dict) and isinstance(inner.get("config"), Mapping):
                check_arguments(str(inner.get("class_name")), inner["config"], activations)
        if name.endswith("activation") and not activations:
            continue
        checks = _OF_TORCH if class_name.startswith("torch.") else CHECKS
        check = _OTHERWISE.get((class_name, name), checks.get(name))
        if check is not None:
            shown = class_name.replace("torch.", "nn.", 1)
            check(f"{shown}({name}={_shown(value)})", value)


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."


def _is_size(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _size(what: str, value: Any) -> None:
    if not _is_size(value):
        raise UsageError(f"{what}: must be a whole number of at least 1")


def _sizes(what: str, value: Any) -> None:
    if _is_size(value):
        return
    if not (isinstance(value, list | tuple) and value and all(map(_is_size, value))):
        raise UsageError(f"{what}: must be whole numbers of at least 1")


def _ends(what: str, value: Any) -> None:
    """Padding and cropping: not negative, one number or a nest of pairs."""
    parts = value if isinstance(value, list | tuple) else [value]
    for part in parts:
        if isinstance(part, list | tuple):
            _ends(what, part)
        elif not isinstance(part, int) or part < 0:
            raise UsageError(f"{what}: must be whole numbers of at least 0")
    if isinstance(value, list | tuple) and len(value) not in (2, 3):
        raise UsageError(f"{what}: must be one number or one for each end")


def _optional(check: Check) -> Check:
    return lambda what, value: None if value is None else check(what, value)


def _switch(what: str, value: Any) -> None:
    if not isinstance(value, bool | int | None):
        raise UsageError(f"{what}: must be True or False")


def _shape(what: str, value: Any) -> None:
    if value is None:
        return
    fits = isinstance(value, list | tuple) and all(
        dim is None or (isinstance(dim, int) and not isinstance(dim, bool)) for dim in value
    )
    if not fits:
        raise UsageError(
            f"{what}: must be a tuple of sizes", "write (100, 32), or (32,) for one axis"
        )
    if any(dim is not None and dim < 0 for dim in value if dim != -1):
        raise UsageError(f"{what}: a size is negative")


def _input_shape(what: str, value: Any) -> None:
    _shape(what, value)
    if any(dim is not None and not 1 <= dim <= LARGEST for dim in value or ()):
        raise UsageError(f"{what}: sizes are from 1 to 10^18, or None",
                         "write (100, 32), or (None, 32) for any number of steps")  # fmt: skip


def _batch_shape(what: str, value: Any) -> None:
    _shape(what, value)
    if -1 in (value or ()):
        raise UsageError(f"{what}: a size is negative", "write None for an open size")


def _integers(what: str, value: Any) -> None:
    values = value if isinstance(value, list | tuple) else [value]
    if not all(isinstance(each, int) and not isinstance(each, bool) for each in values):
        raise UsageError(f"{what}: must be whole numbers")


def _number(what: str, value: Any) -> None:
    if not isinstance(value, int | float):
        raise UsageError(f"{what}: must be a number")


def _numbers(what: str, value: Any) -> None:
    for each in value if isinstance(value, list | tuple) else [value]:
        _number(what, each)


def _count(what: str, value: Any) -> None:
    if value != 0:
        _size(what, value)


def _range(what: str, value: Any) -> None:
    _numbers(what, value)
    if not isinstance(value, list | tuple) or len(value) != 2:
        raise UsageError(f"{what}: must be two numbers")


def _layers(what: str, value: Any) -> None:
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise UsageError(f"{what}: must be a list of layers")


def _layer(what: str, value: Any) -> None:
    fits = isinstance(value, dict) and isinstance(value.get("class_name"), str)
    if not fits or not isinstance(value.get("config"), dict):
        raise UsageError(
            f"{what}: must be a layer", 'write it as in Keras: "Bidirectional(LSTM(64))"'
        )


def _cell(what: str, value: Any) -> None:
    if not isinstance(value, dict) or not str(value.get("class_name")).endswith(("Cell", "Cells")):
        raise UsageError(f"{what}: must be a cell or a list of cells",
                         'write it as in Keras: "RNN(LSTMCell(64))"')  # fmt: skip


def _cells(what: str, value: Any) -> None:
    if not isinstance(value, list) or not value:
        raise UsageError(f"{what}: must be a list of cells")
    for each in value:
        _cell(what, each)


def _one_of(*choices: Any) -> Check:
    def check(what: str, value: Any) -> None:
        if value not in choices:
            raise UsageError(f"{what}: must be one of {', '.join(map(repr, choices))}")

    return check


def _activation(what: str, value: Any) -> None:
    if is_weighted(value) and not what.startswith(_IN_STEPS):
        return
    try:
        check_activation(value)
    except UsageError as error:
        raise UsageError(f"{what}: {error.message}", error.hint) from None


_IN_STEPS = (*names(), "ConvLSTM")  # whose activations hold no weights

# Where a name means something else.
_OTHERWISE: dict[tuple[str, str], Check] = {
    ("ZeroPadding1D", "padding"): _ends,
    ("ZeroPadding2D", "padding"): _ends,
    ("ZeroPadding3D", "padding"): _ends,
    ("InputLayer", "shape"): _input_shape,
    ("InputLayer", "batch_shape"): _batch_shape,
    ("Rescaling", "scale"): _numbers,
    ("Discretization", "num_bins"): _optional(_size),
    ("STFTSpectrogram", "fft_length"): _optional(_size),
    ("Discretization", "bin_boundaries"): _optional(_numbers),
    ("Merge", "layers"): lambda what, value: None,
    ("GroupNormalization", "groups"): _integers,
    ("Normalization", "axis"): _optional(_integers),
    ("MultiHeadAttention", "output_shape"): _optional(_sizes),
    ("RandomElasticTransform", "scale"): _numbers,
    ("RandomErasing", "scale"): _numbers,
    ("RandomPerspective", "scale"): _numbers,
}

CHECKS: dict[str, Check] = {
    **dict.fromkeys(
        ("units", "filters", "n", "input_dim", "output_dim", "groups", "depth_multiplier",
         "nb_feature", "height", "width", "num_tokens", "num_bins", "frame_length", "fft_length",
         "sequence_stride", "num_mel_bins", "sampling_rate", "power_iterations", "num_heads",
         "key_dim", "head_dim", "num_query_heads", "num_key_value_heads"), _size),
    **dict.fromkeys(
        ("lora_rank", "frame_step", "sequence_length", "value_dim", "max_tokens",
         "sliding_window", "output_sequence_length", "amax_history_length", "vocabulary_size"),
        _optional(_size)),
    "num_oov_indices": _count,
    "value_range": _range,
    "output_mode": _one_of("int", "one_hot", "multi_hot", "count", "tf_idf", "binary", "tf-idf"),
    "layers": _layers,
    "output_size": _sizes,
    **dict.fromkeys(("strides", "pool_size", "dilation_rate", "size"), _optional(_sizes)),
    "kernel_size": _sizes,
    **dict.fromkeys(
        ("return_sequences", "return_state", "go_backwards", "use_bias", "reset_after", "stateful",
         "unroll", "mask_zero", "center", "scale", "keepdims", "use_scale", "zero_output_for_mask"),
        _switch),
    **dict.fromkeys(("activation", "recurrent_activation"), _activation),
    **dict.fromkeys(("axis", "dims"), _integers),
    **dict.fromkeys(("rate", "stddev", "epsilon", "alpha", "negative_slope"), _number),
    "batch_size": _optional(_size),
    "attention_axes": _optional(_integers),
    "target_shape": _shape,
    "cropping": _ends,
    "merge_mode": _one_of(*MERGE_MODES),
    "data_format": _one_of("channels_last", "channels_first", None),
    "padding": _one_of("valid", "same", "causal"),
    "layer": _layer,
    "backward_layer": _optional(_layer),
    "cell": _cell,
    "cells": _cells,
}  # fmt: skip


def _share(what: str, value: Any) -> None:
    if not isinstance(value, int | float) or not 0 <= value <= 1:
        raise UsageError(f"{what}: must be from 0 to 1")


def _padding(what: str, value: Any) -> None:
    sizes = value if isinstance(value, list | tuple) else [value]
    if value not in ("same", "valid") and not all(type(n) is int and n >= 0 for n in sizes):
        raise UsageError(f"{what}: must be whole numbers of at least 0, or 'same' or 'valid'")


_OF_TORCH: dict[str, Check] = {
    **dict.fromkeys(
        ("input_size", "hidden_size", "num_layers", "in_features", "out_features",
         "num_embeddings", "embedding_dim", "num_features", "num_groups", "num_channels",
         "in_channels", "out_channels", "groups", "num_parameters"), _size),
    **dict.fromkeys(("kernel_size", "normalized_shape", "dilation"), _sizes),
    "stride": _optional(_sizes),
    **dict.fromkeys(
        ("bias", "batch_first", "bidirectional", "affine", "elementwise_affine", "ceil_mode",
         "track_running_stats", "count_include_pad", "inplace"), _switch),
    **dict.fromkeys(
        ("alpha", "negative_slope", "lambd", "beta", "threshold", "value",
         "min_val", "max_val"), _number),
    **dict.fromkeys(("start_dim", "end_dim", "proj_size"), _integers),
    **dict.fromkeys(("p", "dropout"), _share),
    "padding": _padding,
    "nonlinearity": _one_of("tanh", "relu", None),
    "padding_mode": _one_of("zeros", "reflect", "replicate", "circular"),
    "approximate": _one_of("none", "tanh"),
}  # fmt: skip
