"""Values moved without being changed; Keras drops the mask in all of these."""

import numpy as np

from rnncli.forward.ops import unsupported
from rnncli.layers.layer_type import channels_first, pair
from rnncli.layers.op import Array, Op, OpContext, Plain
from rnncli.layers.reshaping import padding_1d, padding_2d


def _flatten(setup: OpContext) -> Op:
    def flatten(x: Array) -> Array:
        if channels_first(setup.config) and x.ndim > 2:
            x = np.moveaxis(x, 1, -1)
        return x.reshape(len(x), -1)

    return Plain(flatten)


def _reshape(setup: OpContext) -> Op:
    target = [-1 if dim is None else dim for dim in setup.config["target_shape"]]
    return Plain(lambda x: x.reshape(len(x), *target))


def _permute(setup: OpContext) -> Op:
    return Plain(lambda x: x.transpose(0, *setup.config["dims"]))


def _repeat(setup: OpContext) -> Op:
    return Plain(lambda x: np.repeat(x[:, None], setup.config["n"], axis=1))


def _upsample(setup: OpContext) -> Op:
    config = setup.config
    if config.get("interpolation", "nearest") != "nearest":
        raise unsupported(setup.name, setup.kind, f"interpolation {config['interpolation']!r}")
    first = 2 if channels_first(config) else 1
    times = pair(config["size"], 2 if setup.kind.endswith("2D") else 1)

    def upsample(x: Array) -> Array:
        for axis, many in enumerate(times, first):
            x = np.repeat(x, many, axis=axis)
        return x

    return Plain(upsample)


def _ends(setup: OpContext, key: str) -> list[tuple[int, int]]:
    """Return what is added to or cut from both ends of each axis between batch and channels."""
    value = setup.config[key]
    ends = list(padding_2d(value)) if setup.kind.endswith("2D") else [padding_1d(value)]
    return [(0, 0), *ends] if channels_first(setup.config) else ends


def _pad(setup: OpContext) -> Op:
    ends = _ends(setup, "padding")
    return Plain(lambda x: np.pad(x, [(0, 0), *ends, *[(0, 0)] * (x.ndim - 1 - len(ends))]))


def _crop(setup: OpContext) -> Op:
    cuts = tuple(slice(before, -after or None) for before, after in _ends(setup, "cropping"))
    return Plain(lambda x: x[(slice(None), *cuts)])


OPS = {
    "Flatten": _flatten,
    "Reshape": _reshape,
    "Permute": _permute,
    "RepeatVector": _repeat,
    "UpSampling1D": _upsample,
    "UpSampling2D": _upsample,
    "ZeroPadding1D": _pad,
    "ZeroPadding2D": _pad,
    "Cropping1D": _crop,
    "Cropping2D": _crop,
}
