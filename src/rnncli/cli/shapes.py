"""`rnncli shapes`: what comes out."""

from rnncli.cli.models import load, pick, with_dims
from rnncli.cli.options import CellFlags, Dims, LayerFlags, ModelFlags, OutputFlags, with_options
from rnncli.cli.output import emit, warn


@with_options
def command(
    model: ModelFlags, layer: LayerFlags, cell: CellFlags, output: OutputFlags, dim: Dims = None
) -> None:
    """Print the output shapes of a layer for every mode, or of each layer of a model.

    \b
    Examples:
      rnncli shapes --units 64 --steps 100
      rnncli shapes --cell lstm --bidirectional --return-sequences
      rnncli shapes model.keras
    """
    from rnncli.report.shapes import shapes

    found = with_dims(load(model, cell), dim)
    warn(found, output)
    emit(shapes(pick(found, layer.layer_name)), output)
