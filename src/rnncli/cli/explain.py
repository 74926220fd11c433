"""`rnncli explain`: how it works."""

from typing import TYPE_CHECKING, Annotated

from typer import Option

from rnncli.cli.models import load, pick
from rnncli.cli.options import CellFlags, LayerFlags, ModelFlags, OutputFlags, with_options
from rnncli.cli.output import emit, warn, warn_that
from rnncli.errors import UsageError
from rnncli.model import Layer, Model

STEPS = 100  # of a traced model that leaves its length open

if TYPE_CHECKING:
    from rnncli.report.cell_tables import Traced


@with_options
def command(
    model: ModelFlags,
    layer: LayerFlags,
    cell: CellFlags,
    output: OutputFlags,
    numbers: Annotated[
        bool, Option("--numbers", help="Add the products that make the number of parameters.")
    ] = False,
    trace: Annotated[
        bool, Option("--trace", help="Add the values of the first step: gates, then states.")
    ] = False,
) -> None:
    """Print the equations of a cell with the shapes of this layer under each symbol.

    \b
    Examples:
      rnncli explain --cell gru
      rnncli explain --cell lstm --units 64 --numbers
      rnncli explain --cell gru --units 3 --input-size 2 --trace
      rnncli explain model.h5 --layer-name lstm_2 --format latex
    """
    from rnncli.report.explain import chosen, explain

    found = load(model, cell)
    warn(found, output)
    layers = pick(found, layer.layer_name)
    traced = _traced(found, chosen(layers)[0]) if trace else None
    emit(explain(layers, numbers, traced), output)


def _traced(model: Model, layer: Layer) -> "Traced":
    """Return the values of a layer's first step, on the input that `forward` draws.

    Raises: UsageError, and whatever running the model up to the layer raises.
    """
    from rnncli.forward import Request, forward
    from rnncli.forward.probe import Look
    from rnncli.report.cell_tables import Traced
    from rnncli.report.forward import origin

    until: str | None = layer.name
    if model.source.kind == "file":
        from rnncli.formats import located

        model = located(model)
    if model.type == "ONNX":
        until = None
    elif not model.inputs:
        from rnncli.graph.alone import alone

        model, until = alone(model, layer.name, None), None
    look = Look(first=True, layer=layer.name)
    try:
        result = forward(model, Request(until=until, steps=STEPS, look=look))
    except UsageError as error:  # its hint is for an option of forward
        raise UsageError(f"--trace: {error.message}", "leave --trace out") from None
    warn_that(*result.warnings)
    if result.first is None:
        raise UsageError(f"{layer.name} takes no step, so there is none to print")
    return Traced(*result.first, origin(result.weights._asdict()))
