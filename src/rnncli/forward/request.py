"""What is asked of a run, and what it gave."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from rnncli.forward.provenance import NOTHING, Origin
from rnncli.layers.op import Array, Sizes

if TYPE_CHECKING:
    from rnncli.forward.probe import Look
    from rnncli.forward.probe_cells import First
    from rnncli.forward.trace import Trace


@dataclass(frozen=True, slots=True)
class Request:
    """How to run a model.

    `inputs` are `(name or None, path)`, none of them for random ones of `batch_size` and `steps`
    where the model leaves these open. `weights` is the file that they come from, an `.npz` or one
    that the model's weights have been located in; without it `init` (`keras` or `uniform01`) draws
    them, and with neither they are those of the model's file, or `keras`. `until` is the
    layer to stop after, `save` the file for the outputs, `look` what to see of the inside.
    """

    inputs: tuple[tuple[str | None, str], ...] = ()
    seed: int = 0
    batch_size: int | None = None
    steps: int | None = None
    dtype: str = "float32"
    init: str | None = None
    weights: str | None = None
    until: str | None = None
    save: str | None = None
    look: "Look | None" = None


class Output(NamedTuple):
    """One output. `return_sequences` is None where the layer has no such argument."""

    name: str
    return_sequences: bool | None
    shape: Sizes


@dataclass(frozen=True, slots=True)
class Result:
    """What a run gave. `arrays` holds each output, None for one that went to `saved` in blocks.

    `other_shapes` has, for an output of a recurrent layer, the one that the other choice of
    `return_sequences` gives; `layers`, `trace` and `first` are what was to be seen of the inside.
    """

    input_shapes: tuple[Sizes, ...]
    dtype: str
    seed: int
    outputs: tuple[Output, ...]
    other_shapes: tuple[Output, ...]
    states: tuple[tuple[str, str, Sizes], ...]
    stats: dict[str, Any]
    params: int
    lacks: int | None
    saved: str | None
    arrays: tuple[Array | None, ...] = field(default=(), repr=False)
    weights: Origin = NOTHING
    input: Origin = NOTHING
    warnings: tuple[str, ...] = ()
    layers: list[dict[str, Any]] | None = None
    trace: "Trace | None" = field(default=None, repr=False)
    first: "First | None" = None
