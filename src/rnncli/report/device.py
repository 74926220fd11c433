"""What a model takes on a device and in training: seconds, scales of int8, gradients."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from rnncli.model import Model, Weight
from rnncli.shapes import Dim
from rnncli.storage import ITEM_SIZE

OPTIMIZERS = {"sgd": 0, "adam": 2}  # values that the optimizer keeps per trainable one
_SCALE_BYTES, _BIAS_BYTES = ITEM_SIZE["float32"], ITEM_SIZE["int32"]

_RATE = (
    "Seconds are MACs divided by --macs-per-second. Published figures of TensorFlow Lite Micro "
    "for LSTM and GRU on a Cortex-M4 are 7.5 to 7.6 million MACs per second."
)
_LEAST = (
    "Training memory is a lower bound: weights, gradients, the optimizer's state, and the output "
    "of every layer, kept for the backward pass."
)
_INT8 = (
    "In int8 a weight takes one byte. Scales and biases counts what comes on top: a float32 scale "
    "per tensor, and biases in int32."
)


class Asked(NamedTuple):
    """What to add to the cost; None: nothing. `optimizer` is a key of `OPTIMIZERS`."""

    macs_per_second: int | None = None
    optimizer: str | None = None


NOTHING = Asked()


class Figure(NamedTuple):
    """A total: its key in JSON, its label, the kind of its value (see `report.Column`)."""

    key: str
    label: str
    kind: str
    value: float | None


def figures(
    model: Model, totals: Mapping[str, Dim], asked: Asked, dtype: str | None
) -> Iterator[Figure]:
    """Yield the totals that were asked for; None where a part is not known."""
    if asked.macs_per_second is not None:
        for key, label in (("macs_per_step", "per step"), ("macs", "per sequence")):
            macs = totals[key]
            name = "seconds_per_step" if key == "macs_per_step" else "seconds"
            value = None if macs is None else macs / asked.macs_per_second
            yield Figure(name, f"Seconds {label}", "number", value)
    if dtype == "int8":
        yield Figure("quantization_bytes", "Scales and biases", "bytes", _beside(model))
    if asked.optimizer is not None:
        yield from _training(model, totals, asked.optimizer, dtype)


def notes(asked: Asked, dtype: str | None) -> Iterator[str]:
    """Yield a sentence per kind of figure."""
    if asked.macs_per_second is not None:
        yield _RATE
    if dtype == "int8":
        yield _INT8
    if asked.optimizer is not None:
        yield _LEAST


def _training(
    model: Model, totals: Mapping[str, Dim], optimizer: str, dtype: str | None
) -> Iterator[Figure]:
    trainable = [weight for weight in _weights(model) if weight.trainable]
    size = sum(w.params * ITEM_SIZE[dtype] if dtype else w.bytes for w in trainable)
    state = size * OPTIMIZERS[optimizer]
    held = (totals["weight_bytes"], size, state, totals["output_bytes"])
    known = [each for each in held if each is not None]
    yield Figure("gradient_bytes", "Gradients", "bytes", size)
    yield Figure("optimizer_bytes", f"State of {optimizer}", "bytes", state)
    total = sum(known) if len(known) == len(held) else None
    yield Figure("training_bytes", "Training memory, at least", "bytes", total)


def _beside(model: Model) -> int:
    """Return the bytes of scales, and of what biases take beyond one byte each."""
    weights = _weights(model)
    biases = sum(weight.params for weight in weights if _is_bias(weight))
    return _SCALE_BYTES * len(weights) + (_BIAS_BYTES - 1) * biases


def _is_bias(weight: Weight) -> bool:
    return weight.name == "B" or weight.name.startswith("bias") or weight.name.endswith("bias")


def _weights(model: Model) -> list[Weight]:
    return [weight for layer in model.layers for weight in layer.all_weights()]
