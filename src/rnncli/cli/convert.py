"""`rnncli convert`: the same weights in the layout of another framework."""

from typing import Annotated, Literal

from typer import Option

from rnncli.cli.models import load, pick
from rnncli.cli.options import CellFlags, Init, LayerFlags, ModelFlags, OutputFlags, with_options
from rnncli.cli.output import emit, progress_bar, warn
from rnncli.errors import UsageError


@with_options
def command(
    model: ModelFlags,
    layer: LayerFlags,
    cell: CellFlags,
    output: OutputFlags,
    to: Annotated[
        Literal["keras", "torch", "onnx"] | None,
        Option("--to", help="Framework whose names and layout to write.", show_default=False),
    ] = None,
    save: Annotated[
        str | None,
        Option("-o", "--output", metavar="FILE", help="File to write: .npz or .safetensors."),
    ] = None,
    init: Init = None,
    seed: Annotated[
        int, Option("--seed", min=0, metavar="N", help="Seed of random weights and inputs.")
    ] = 0,
) -> None:
    """Write a model's weights under the names and in the layout of another framework.

    \b
    Examples:
      rnncli convert model.keras --to torch -o state.safetensors
      rnncli convert model.pt --to keras -o weights.npz
      rnncli convert model.h5 --layer-name lstm_1 --to onnx -o lstm.npz
    """
    if to is None or save is None:
        raise UsageError("convert needs --to and -o", "add --to torch -o state.safetensors, say")
    from rnncli.formats import located
    from rnncli.report.convert import convert as report
    from rnncli.weights.convert import Values, check_target, convert, groups
    from rnncli.weights.held import opened, with_statistics

    check_target(save)
    found = with_statistics(located(load(model, cell)))
    layers = pick(found, layer.layer_name)
    warn(found, output)
    listed = groups(layers, found.type == "ONNX", to)
    with opened(found, init, seed) as (read, source), progress_bar("layers") as progress:
        done = convert(listed, Values(layers, read), to, save, seed, progress)
    notes = list(done.notes)
    if source.source == "random":
        notes.insert(0, f"The weights are random ({source.init}, seed {source.seed}).")
    emit(report(to, save, done.weights, done.max_difference, notes), output)
