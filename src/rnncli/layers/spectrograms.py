"""Spectrograms of sequences of samples.

Sources: `keras/src/layers/preprocessing/stft_spectrogram.py` and `mel_spectrogram.py`.
"""

from typing import TYPE_CHECKING, Any

from rnncli.layers.layer_type import LayerType, channels_first, rank, scan, signature
from rnncli.layers.lazy import lazy
from rnncli.layers.op import Array, Op, OpContext, Plain
from rnncli.layers.reshaping import AXES, channels_last
from rnncli.model import Config, Weight
from rnncli.shapes import Dim, Shapes, known

if TYPE_CHECKING:
    import numpy as np

    from rnncli.kernels import spectra, windows
else:
    np, spectra = lazy("numpy"), lazy("rnncli.kernels.spectra")
    windows = lazy("rnncli.kernels.windows")

_LEAST = 1e-7  # Keras's epsilon


def _geometry(config: Config) -> tuple[int, int, int]:
    """Return the samples of a frame and between frames, and the number of frequencies."""
    frame = config["frame_length"]
    length = config["fft_length"] or 1 << (frame - 1).bit_length()
    return frame, config["frame_step"] or max(frame // 2, 1), length // 2 + 1


def _outputs(config: Config, inputs: Shapes) -> Shapes:
    shape = rank(inputs[0], 3, "STFTSpectrogram", AXES[1])
    first = channels_first(config)
    samples, channels = (shape[2], shape[1]) if first else (shape[1], shape[2])
    frame, step, bins = _geometry(config)
    times: Dim = scan(samples, frame, step, config["padding"])
    many = known(channels, "the channels of STFTSpectrogram's input")
    bins *= 2 if config["mode"] == "stft" else 1
    if config["expand_dims"]:
        return ((shape[0], many, times, bins) if first else (shape[0], times, bins, many),)
    return ((shape[0], bins * many, times) if first else (shape[0], times, bins * many),)


def _weights(config: Config, inputs: Shapes) -> tuple[Weight, ...]:
    frame, _, bins = _geometry(config)
    sides = [side for side, other in (("real", "imag"), ("imag", "real"))
             if config["mode"] != other]  # fmt: skip
    how = f"{_listed(config['window'])}/{config['scaling']}/{config['periodic']}"
    return tuple(
        Weight(f"{side}_kernel", (frame, 1, bins), "frame × frequencies", path=f"{side}_kernel",
               initializer=f"stft/{side}/{how}")
        for side in sides
    )  # fmt: skip


def _listed(window: Any) -> str:
    """Return a window's name, or its numbers."""
    return ",".join(map(str, window)) if isinstance(window, list | tuple) else str(window)


def _macs(config: Config, inputs: Shapes, outputs: Shapes) -> Dim:
    frame, step, bins = _geometry(config)
    shape = inputs[0]
    samples, channels = (shape[2], shape[1]) if channels_first(config) else (shape[1], shape[2])
    times = scan(samples, frame, step, config["padding"])
    if times is None or channels is None:
        return None
    return times * channels * frame * bins * len(_weights(config, inputs))


def _stft(setup: OpContext) -> Op:
    config, (_, step, _) = setup.config, _geometry(setup.config)

    def side(x: Array, name: str) -> Array:
        """Return `(batch, channels, times, frequencies)`."""
        batch, samples, channels = x.shape
        flat = x.transpose(0, 2, 1).reshape(batch * channels, samples, 1)
        kernel = setup.weights[f"{name}_kernel"]
        found = windows.convolve(flat, kernel, (step,), (1,), config["padding"])
        return found.reshape(batch, channels, *found.shape[1:])

    def arranged(y: Array) -> Array:
        batch, channels, times, bins = y.shape
        if config["expand_dims"]:
            return y if channels_first(config) else y.transpose(0, 2, 3, 1)
        flat = y.transpose(0, 1, 3, 2).reshape(batch, channels * bins, times)
        return flat if channels_first(config) else flat.transpose(0, 2, 1)

    def transform(x: Array) -> Array:
        x, mode = channels_last(config, x), config["mode"]
        if mode in ("real", "imag"):
            return arranged(side(x, mode))
        real, imag = side(x, "real"), side(x, "imag")
        if mode == "angle":
            return arranged(np.arctan2(imag, real))
        if mode == "stft":
            return arranged(np.concatenate((real, imag), axis=-1))
        power = np.square(real) + np.square(imag)
        if mode == "psd":
            power[..., 1:-1] *= 2
            return arranged(power)
        root = np.sqrt(np.maximum(power, x.dtype.type(_LEAST)))
        if mode == "magnitude":
            return arranged(root)
        return arranged(np.log(np.maximum(root, x.dtype.type(_LEAST))))

    return Plain(transform)


def _mel_outputs(config: Config, inputs: Shapes) -> Shapes:
    *batch, samples = inputs[0]
    stride = config["sequence_stride"]
    times = None if samples is None else (samples + stride + 1) // stride
    return ((*batch, config["num_mel_bins"], times),)


def _mel_window(setup: OpContext) -> Array:
    config = setup.config
    size, given = config["sequence_length"] or config["fft_length"], config["window"]
    return spectra.window("boxcar" if given is None else _listed(given), size, True)


def _mel(setup: OpContext) -> Op:
    config, values = setup.config, _mel_window(setup)
    rate, length = config["sampling_rate"], config["fft_length"]
    high = config["max_freq"] or int(rate / 2)

    def transform(x: Array) -> Any:
        spectrum = spectra.magnitudes(x, values, config["sequence_stride"], length)
        matrix = spectra.mel_matrix(
            spectrum.shape[-1], config["num_mel_bins"], rate, config["min_freq"], high
        )
        bands = np.power(spectrum, config["mag_exp"]) @ matrix.astype(x.dtype)
        if config["power_to_db"]:
            bands = _decibels(bands, config)
        return bands.swapaxes(-1, -2).astype(x.dtype)

    return Plain(transform)


def _decibels(x: Array, config: Config) -> Any:
    """Return decibels above the reference, none more than `top_db` below the loudest of all."""
    least, reference = config["min_power"], abs(config["ref_power"])
    loud = 10 * np.log10(np.maximum(x, least)) - 10 * np.log10(max(reference, least))
    return np.maximum(loud, loud.max() - config["top_db"])


TYPES = {
    "STFTSpectrogram": LayerType(
        signature(
            "mode='log', frame_length=256, frame_step=None, fft_length=None, window='hann', "
            "periodic=False, scaling='density', padding='valid', expand_dims=False, "
            "data_format=None"
        ),
        _outputs,
        _weights,
        _macs,
        run=_stft,
    ),
    "MelSpectrogram": LayerType(
        signature(
            "fft_length=2048, sequence_stride=512, sequence_length=None, window='hann', "
            "sampling_rate=16000, num_mel_bins=128, min_freq=20.0, max_freq=None, "
            "power_to_db=True, top_db=80.0, mag_exp=2.0, min_power=1e-10, ref_power=1.0"
        ),
        _mel_outputs,
        built_at_init=True,
        run=_mel,
    ),
}
