"""A Bidirectional of recurrent layers whose products are convolutions.

Source: `keras/src/layers/rnn/bidirectional.py`; outputs are joined along the last axis, whichever
that of the channels is.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rnncli.layers import layer_type
from rnncli.layers.layer_type import held
from rnncli.layers.op import Op, OpContext, Value, flat
from rnncli.layers.rnn.keras import directions
from rnncli.layers.rnn.run import merged
from rnncli.model import Config, Weight
from rnncli.shapes import Dim, Shapes

_NAMES = ("forward_", "backward_")  # before those of final states


def _sides(config: Config) -> Iterator[tuple[str, str, Config]]:
    """Yield the name, the class and the full config of each direction."""
    for name, class_name, inner in directions(config):
        yield name, class_name, layer_type(class_name).complete(inner)


def outputs(config: Config, inputs: Shapes) -> Shapes:
    """Return the shapes of the output(s), then of the final states."""
    one, other = (layer_type(kind).outputs(own, inputs[:1]) for _, kind, own in _sides(config))
    mode = config["merge_mode"]
    if mode is None:
        first: Shapes = (one[0], other[0])
    elif mode == "concat":
        ends = (one[0][-1], other[0][-1])
        first = ((*one[0][:-1], None if None in ends else sum(end or 0 for end in ends)),)
    else:
        first = one[:1]
    return (*first, *one[1:], *other[1:])


def weights(config: Config, inputs: Shapes) -> tuple[Weight, ...]:
    """Return the weights, those of the forward layer first."""
    found: list[Weight] = []
    for name, kind, own in _sides(config):
        each = held(kind, own, layer_type(kind).weights(own, inputs[:1]))
        found += [weight._replace(path=f"{name}/{weight.path}") for weight in each]
    return tuple(found)


def macs(config: Config, inputs: Shapes, outputs: Shapes) -> Dim:
    """Return the multiply-accumulates of both directions, None where a size is open."""
    found = [layer_type(kind).macs(own, inputs[:1], outputs) for _, kind, own in _sides(config)]
    return None if None in found else sum(each or 0 for each in found)


class ConvLSTMPair(Op):
    """Two layers that read the same, the second from the end."""

    def __init__(self, setup: OpContext) -> None:
        self.mode, self.sides = setup.config["merge_mode"], list(_sides(setup.config))
        self.sequences = bool(self.sides[0][2]["return_sequences"])
        self.setup, self.ops = setup, list[Op]()
        for name, kind, own in self.sides:
            run = layer_type(kind).run
            assert run is not None
            self.ops.append(run(setup.inside(name, kind, own)))

    def __call__(self, inputs: Sequence[Value], options: Mapping[str, Any]) -> tuple[Value, ...]:
        """Return the merged outputs and, where asked for, the final states."""
        value, *rest = inputs
        states = list(flat(options.get("initial_state"))) or rest
        half, notes = len(states) // 2, self.setup.notes.states
        found, noted = [], []
        for side, op, own in zip(_NAMES, self.ops, (states[:half], states[half:]), strict=True):
            found.append(op((value, *own), {}))
            noted += [(side + name, shape) for name, shape in notes[self.setup.name]]
        notes[self.setup.name] = noted
        one, other = found
        outputs = merged(self.mode, one[0].array, other[0].array, self.sequences)
        mask = value.mask if self.sequences else None
        return (*(Value(each, mask) for each in outputs), *one[1:], *other[1:])
