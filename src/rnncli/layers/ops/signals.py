"""Transforms of signals: Fourier's, of windows too."""

from functools import partial

from rnncli.layers.lazy import function_of
from rnncli.layers.ops.row import Row, types
from rnncli.model import Config
from rnncli.shapes import Dim, Shapes


def _parts(config: Config, inputs: Shapes) -> Shapes:
    return inputs[:2]


def _half(config: Config, inputs: Shapes) -> Shapes:
    length = config.get("fft_length") or inputs[0][-1]
    shape = (*inputs[0][:-1], None if length is None else length // 2 + 1)
    return shape, shape


def _whole(config: Config, inputs: Shapes) -> Shapes:
    length, bins = config.get("fft_length"), inputs[0][-1]
    if length is None and bins is not None:
        length = 2 * (bins - 1)
    return ((*inputs[0][:-1], length),)


def _frames(dim: Dim, length: int, stride: int) -> Dim:
    return None if dim is None else 1 + (dim - length) // stride


def _sequences(config: Config, inputs: Shapes) -> Shapes:
    length, stride = config["sequence_length"], config["sequence_stride"]
    return ((*inputs[0][:-1], _frames(inputs[0][-1], length, stride), length),)


def _short(config: Config, inputs: Shapes) -> Shapes:
    size, dim = config["fft_length"], inputs[0][-1]
    if config.get("center", True):
        dim = None if dim is None else dim + 2 * (size // 2)
    shape = (*inputs[0][:-1], _frames(dim, size, config["sequence_stride"]), size // 2 + 1)
    return shape, shape


def _signal(config: Config, inputs: Shapes) -> Shapes:
    length, frames = config.get("length"), inputs[0][-2]
    if length is None and frames is not None:
        length = (frames - 1) * config["sequence_stride"] + config["fft_length"]
        length -= 2 * (config["fft_length"] // 2) if config.get("center", True) else 0
    return ((*inputs[0][:-2], length),)


_lazily = partial(function_of, "kernels.signals")
_FRAMES = ("sequence_length", "sequence_stride", "fft_length", "window", "center")
TYPES = types(
    {
        "FFT": Row(_parts, _lazily("fft")),
        "FFT2": Row(_parts, _lazily("fft2")),
        "IFFT2": Row(_parts, _lazily("ifft2")),
        "RFFT": Row(_half, _lazily("rfft"), ("fft_length",)),
        "IRFFT": Row(_whole, _lazily("irfft"), ("fft_length",)),
        "ExtractSequences": Row(
            _sequences, _lazily("sequences"), ("sequence_length", "sequence_stride")
        ),
        "STFT": Row(_short, _lazily("stft"), _FRAMES),
        "ISTFT": Row(_signal, _lazily("istft"), (*_FRAMES, "length")),
    }
)
