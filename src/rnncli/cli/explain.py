"""`rnncli explain`: how it works."""

from rnncli.cli.models import load, pick
from rnncli.cli.options import CellFlags, LayerFlags, ModelFlags, OutputFlags, with_options
from rnncli.cli.output import emit, warn


@with_options
def command(model: ModelFlags, layer: LayerFlags, cell: CellFlags, output: OutputFlags) -> None:
    """Print the equations of a cell with the shapes of this layer under each symbol.

    \b
    Examples:
      rnncli explain --cell gru
      rnncli explain --cell gru --no-reset-after --units 8
      rnncli explain model.h5 --layer-name lstm_2
    """
    from rnncli.report.explain import explain

    found = load(model, cell)
    warn(found, output)
    emit(explain(pick(found, layer.layer_name)), output)
