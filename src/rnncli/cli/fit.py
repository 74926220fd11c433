"""`rnncli fit`: what fits."""

from collections.abc import Callable
from typing import Annotated, Literal

from typer import Exit, Option

from rnncli.cli.models import CLASSES, cell_specs
from rnncli.cli.options import CellFlags, CellName, OutputFlags, StackFlags, amount, with_options
from rnncli.cli.output import emit
from rnncli.errors import ExitCode, UsageError
from rnncli.graph import build, sequential
from rnncli.model import Model, Source


@with_options
def command(
    stack: StackFlags,
    cell: CellFlags,
    output: OutputFlags,
    max_params: Annotated[
        int | None, Option("--max-params", parser=amount, metavar="N", help="50k parameters, say.")
    ] = None,
    max_bytes: Annotated[
        int | None, Option("--max-bytes", parser=amount, metavar="N", help="Of weights: 64KiB.")
    ] = None,
    max_macs: Annotated[
        int | None, Option("--max-macs", parser=amount, metavar="N", help="Per sequence: 1.5M.")
    ] = None,
    dtype: Annotated[
        Literal["float64", "float32", "float16", "bfloat16", "int8"],
        Option("--dtype", help="In which weights are stored."),
    ] = "float32",
) -> None:
    """Print the largest units within a budget, for each cell or for the ? of a stack.

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
        raise Exit(ExitCode.CHECK_FAILED)


def _cells(cell: CellFlags) -> dict[str, Callable[[int], Model]]:
    names: list[CellName] = [cell.cell] if cell.cell else list(CLASSES)

    def make(name: CellName) -> Callable[[int], Model]:
        flags = cell._replace(cell=name)
        return lambda units: build(
            sequential(cell_specs(flags._replace(units=units))), Source("flags")
        )

    return {name: make(name) for name in names}


def _stack(stack: StackFlags, cell: CellFlags) -> dict[str, Callable[[int], Model]]:
    from rnncli.expressions import HOLE, parse_stack

    texts = stack.layer or []
    if cell.given():
        raise UsageError(f"{cell.given()[0]} does not go with --layer")
    if sum(text.count(HOLE) for text in texts) != 1:
        raise UsageError("fit looks for one size", f'write it as {HOLE}: --layer "LSTM({HOLE})"')
    name = next(text for text in texts if HOLE in text)

    def make(units: int) -> Model:
        filled = [text.replace(HOLE, str(units)) for text in texts]
        return build(sequential(parse_stack(filled)), Source("layers"))

    return {name: make}
