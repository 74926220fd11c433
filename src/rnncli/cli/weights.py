"""`rnncli weights`: what is in the weights."""

from typing import Annotated

from typer import Option

from rnncli.cli.models import load, pick
from rnncli.cli.options import CellFlags, Init, LayerFlags, ModelFlags, OutputFlags, with_options
from rnncli.cli.output import emit, progress_bar, warn, warn_that


@with_options
def command(
    model: ModelFlags,
    layer: LayerFlags,
    cell: CellFlags,
    output: OutputFlags,
    gates: Annotated[bool, Option("--gates", help="Print a row per gate.")] = False,
    init: Init = None,
    seed: Annotated[int, Option("--seed", min=0, metavar="N", help="Seed of random weights.")] = 0,
) -> None:
    """Print what is in the weights: size, spread, zeros, NaN, and a histogram.

    \b
    Examples:
      rnncli weights model.h5
      rnncli weights model.keras --gates --layer-name lstm_1
      rnncli weights --cell lstm --units 64 --format json
    """
    from rnncli.formats import located
    from rnncli.report.weights import weights
    from rnncli.weights.held import opened, with_statistics
    from rnncli.weights.inside import MOST_UNITS, look

    found = with_statistics(located(load(model, cell)))
    layers = pick(found, layer.layer_name)
    warn(found, output)
    with opened(found, init, seed) as (read, source), progress_bar("weights") as progress:
        inside = look(layers, read, gates, progress)
    warn_that(*inside.warnings)
    emit(weights(inside.rows, inside.recurrent, source._asdict(), inside.warnings, MOST_UNITS),
         output)  # fmt: skip
