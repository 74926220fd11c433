"""Layers that act in training only: at inference they hand their input through."""

from rnncli.layers.layer_type import LayerType, each_step, signature
from rnncli.layers.op import masked


def _kind(arguments: str) -> LayerType:
    return LayerType(
        signature(arguments),
        built_at_init=True,
        streams=each_step,
        run=lambda setup: masked(lambda x: x),
    )


TYPES = {
    "Dropout": _kind("rate, noise_shape=None, seed=None"),
    "SpatialDropout1D": _kind("rate, seed=None"),
    "SpatialDropout2D": _kind("rate, data_format=None, seed=None"),
    "SpatialDropout3D": _kind("rate, data_format=None, seed=None"),
    "GaussianNoise": _kind("stddev, seed=None"),
    "GaussianDropout": _kind("rate, seed=None"),
    "AlphaDropout": _kind("rate, noise_shape=None, seed=None"),
    "ActivityRegularization": _kind("l1=0.0, l2=0.0"),
}
