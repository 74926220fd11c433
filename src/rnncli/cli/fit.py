"""`rnncli fit`: what fits."""

from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any

from typer import Exit

from rnncli.cli.models import CLASSES, cell_layers, steps_of
from rnncli.cli.options import (
    CellFlags,
    CellName,
    OutputFlags,
    StackFlags,
    StoredDtype,
    number,
    with_options,
)
from rnncli.cli.output import emit, talk
from rnncli.errors import ExitCode, UsageError
from rnncli.graph.infer import infer
from rnncli.graph.sizes import sized
from rnncli.model import Model, Source, sequential

# The arguments that may be looked for: more of them takes more.
SIZES = ("units", "filters", "input_dim", "output_dim", "n", "shape", "batch_shape", "hidden_size",
         "out_features", "num_embeddings", "embedding_dim", "out_channels")  # fmt: skip


@with_options
def command(
    stack: StackFlags,
    cell: CellFlags,
    output: OutputFlags,
    max_params: Annotated[
        int | None, number("--max-params", "Budget of parameters, such as 50k.")
    ] = None,
    max_bytes: Annotated[
        int | None, number("--max-bytes", "Budget of bytes for the weights, such as 64KiB.")
    ] = None,
    max_macs: Annotated[
        int | None,
        number("--max-macs", "Budget of multiply-accumulates per sequence, such as 1.5M."),
    ] = None,
    dtype: StoredDtype = None,
) -> None:
    """Print the largest units that fit a budget, per cell or for the ? in a --layer.

    \b
    Examples:
      rnncli fit --max-params 50k
      rnncli fit --cell gru --max-bytes 64KiB --dtype int8
      rnncli fit --max-params 20k --layer "Input((100, 8))" --layer "LSTM(?)" --layer "Dense(1)"
    """
    from rnncli.report.fit import fit

    given = {"max_params": max_params, "max_bytes": max_bytes, "max_macs": max_macs}
    limits = {name: value for name, value in given.items() if value is not None}
    if not limits:
        raise UsageError("fit needs a budget", "add --max-params, --max-bytes or --max-macs")
    if cell.units is not None:
        raise UsageError("--units is what fit looks for", "leave it out")
    candidates = _stack(stack, cell) if stack.layer else _cells(cell)
    report = fit(candidates, limits, dtype)
    emit(report, output)
    if not report.ok:
        talk("fit failed: not even one unit fits")
        raise Exit(ExitCode.CHECK_FAILED)


def _cells(cell: CellFlags) -> dict[str, Callable[[int], Model]]:
    names: list[CellName] = [cell.cell] if cell.cell else list(CLASSES)

    def make(name: CellName) -> Callable[[int], Model]:
        flags = cell._replace(cell=name)
        return lambda units: infer(sequential(cell_layers(flags._replace(units=units))))

    return {name: make(name) for name in names}


def _stack(stack: StackFlags, cell: CellFlags) -> dict[str, Callable[[int], Model]]:
    from rnncli.graph import torch_expressions
    from rnncli.graph.expressions import HOLE, parse_stack

    texts = stack.layer or []
    others = [flag for flag in cell.given() if flag != "--steps"]
    if others:
        raise UsageError(
            f"{others[0]} describes a layer given by flags and does not go with --layer"
        )
    steps = None if cell.steps is None else steps_of(cell)

    def filled(units: int) -> list[str]:
        return [text.replace(HOLE, str(units)) for text in texts]

    def chain(units: int) -> Model:
        if any(map(torch_expressions.is_torch, texts)):
            return torch_expressions.parse_stack(filled(units))
        return sequential(parse_stack(filled(units)), source=Source("layers"))

    def make(units: int) -> Model:
        return sized(infer(chain(units)), steps=steps)

    if sum(text.count(HOLE) for text in texts) != 1:
        raise UsageError("fit looks for one size", f'write it as {HOLE}: --layer "LSTM({HOLE})"')
    name = next(text for text in texts if HOLE in text)
    one, two = ([layer.config for layer in chain(units).layers] for units in (1, 2))
    if not _is_size(one, two):
        raise UsageError(f"--layer {name!r}: {HOLE} is not a size that fit can look for",
                         f"it looks for one of {', '.join(SIZES)}")  # fmt: skip
    return {name: make}


def _is_size(one: Any, two: Any) -> bool:
    """Whether what 1 and 2 in the place of the hole change is one size, and all of its number."""
    pairs = zip(_leaves("", one), _leaves("", two), strict=True)
    changed = [(name, a, b) for (name, a), (_, b) in pairs if a != b]
    return [each for each in changed if each[0] in SIZES and each[1:] == (1, 2)] == changed != []


def _leaves(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Yield the values of a nest, each with the name of the argument that it is part of."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _leaves(key, item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _leaves(name, item)
    else:
        yield name, value
