"""`rnncli cost`: what a model takes."""

from typing import Annotated, Literal

from typer import Option

from rnncli.cli.models import load, steps_of
from rnncli.cli.options import CellFlags, ModelFlags, OutputFlags, size, with_options
from rnncli.cli.output import emit, warn


@with_options
def command(
    model: ModelFlags,
    cell: CellFlags,
    output: OutputFlags,
    batch_size: Annotated[
        int, Option("--batch-size", parser=size, metavar="N", help="Sequences at once.")
    ] = 1,
    dtype: Annotated[
        Literal["float64", "float32", "float16", "bfloat16", "int8"] | None,
        Option("--dtype", help="As if stored in this type (the model's own).", show_default=False),
    ] = None,
) -> None:
    """Print what a model takes: multiply-accumulates and bytes, per layer.

    \b
    Examples:
      rnncli cost --cell lstm --units 64 --steps 100
      rnncli cost model.h5 --steps 50 --dtype int8
      rnncli cost --cell gru --batch-size 32 --format json
    """
    from rnncli.graph import with_sizes
    from rnncli.report.cost import cost

    found = load(model, cell, allow=("--steps",))
    if cell.steps is not None:
        found = with_sizes(found, None, steps_of(cell))
    warn(found, output)
    emit(cost(found, dtype, batch_size), output)
