"""Layers that act in training only: at inference they hand their input through."""

from rnncli.layers.layer_type import LayerType, each_step, signature
from rnncli.layers.op import Through


def _kind(arguments: str, lists: bool = True) -> LayerType:
    return LayerType(
        signature(arguments),
        built_at_init=True,
        streams=each_step,
        run=lambda setup: Through(),
        lists=lists,
    )


TYPES = {
    "Dropout": _kind("rate, noise_shape=None, seed=None"),
    "SpatialDropout1D": _kind("rate, seed=None", lists=False),
    "SpatialDropout2D": _kind("rate, data_format=None, seed=None", lists=False),
    "SpatialDropout3D": _kind("rate, data_format=None, seed=None", lists=False),
    "GaussianNoise": _kind("stddev, seed=None"),
    "GaussianDropout": _kind("rate, seed=None"),
    "AlphaDropout": _kind("rate, noise_shape=None, seed=None"),
    "ActivityRegularization": _kind("l1=0.0, l2=0.0"),
}
