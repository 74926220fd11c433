"""`rnncli check`: does it hold."""

from typing import Annotated

from typer import Argument, Exit, Option

from rnncli.cli.models import load
from rnncli.cli.options import CellFlags, ModelFlags, OutputFlags, StackFlags, amount, with_options
from rnncli.cli.output import emit, talk, warn
from rnncli.errors import ExitCode, UsageError
from rnncli.model import Model
from rnncli.shapes import parse


@with_options
def command(
    stack: StackFlags,
    cell: CellFlags,
    output: OutputFlags,
    files: Annotated[
        list[str] | None, Argument(metavar="[FILE]...", help="Model files.", show_default=False)
    ] = None,
    params: Annotated[
        int | None, Option("--params", parser=amount, metavar="N", help="Exactly so many.")
    ] = None,
    max_params: Annotated[
        int | None, Option("--max-params", parser=amount, metavar="N", help="At most, as 50k.")
    ] = None,
    max_bytes: Annotated[
        int | None, Option("--max-bytes", parser=amount, metavar="N", help="Of weights: 64KiB.")
    ] = None,
    max_macs: Annotated[
        int | None, Option("--max-macs", parser=amount, metavar="N", help="Per sequence: 1.5M.")
    ] = None,
    output_shape: Annotated[
        str | None, Option("--output-shape", metavar="SHAPE", help='As "None,100,64".')
    ] = None,
    no_nan: Annotated[bool, Option("--no-nan", help="No weight is NaN or infinite.")] = False,
) -> None:
    """Check models against limits; exit 1 if one does not hold.

    \b
    Examples:
      rnncli check model.keras --max-params 50k
      rnncli check a.h5 b.h5 --max-bytes 2MB --no-nan
      rnncli check --cell gru --units 64 --params 18816 --output-shape "None,64"
    """
    from rnncli.report.check import Limits, check

    shape = parse(output_shape) if output_shape is not None else None
    limits = Limits(params, max_params, max_bytes, max_macs, shape, no_nan)
    if limits == Limits():
        raise UsageError("check needs a limit", "add --max-params, --params or --output-shape, say")
    models = []
    for file in files or [None]:  # type: ignore[list-item]
        found = load(ModelFlags(file, stack.layer), cell)
        warn(found, output)
        models.append((file or found.name, found, _bad_weights(found) if no_nan else 0))
    report = check(models, limits)
    emit(report, output)
    if not report.ok:
        for note in report.notes:
            talk(f"check failed: {note}")
        raise Exit(ExitCode.CHECK_FAILED)


def _bad_weights(model: Model) -> int:
    from rnncli.forward.weights import count_not_finite

    if model.store is None:
        raise UsageError("--no-nan needs a file that holds weights")
    return count_not_finite(model)
