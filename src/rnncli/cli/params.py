"""`rnncli params`: how many parameters, and why."""

from typing import Annotated, Literal

from typer import Option

from rnncli.cli.models import load, pick
from rnncli.cli.options import CellFlags, LayerFlags, ModelFlags, OutputFlags, with_options
from rnncli.cli.output import emit, warn


@with_options
def command(
    model: ModelFlags,
    layer: LayerFlags,
    cell: CellFlags,
    output: OutputFlags,
    gates: Annotated[bool, Option("--gates", help="Print a row per gate.")] = False,
    convention: Annotated[
        Literal["keras", "torch", "onnx"] | None,
        Option("--convention", help="Framework whose tensors to list (default: the model's)."),
    ] = None,
) -> None:
    """Print a row per weight: its shape, its formula in words, its count.

    \b
    Examples:
      rnncli params --cell gru
      rnncli params --cell lstm --gates --convention torch
      rnncli params model.h5 --layer-name lstm_1
    """
    from rnncli.report.params import params

    found = load(model, cell)
    warn(found, output)
    layers = pick(found, layer.layer_name)
    own = {each.dialect for each in layers} - {"keras"}
    emit(
        params(layers, convention or (own.pop() if own else "keras"), gates, bool(found.gaps)),
        output,
    )
