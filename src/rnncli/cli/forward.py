"""`rnncli forward`: what it computes."""

from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple

from typer import Option

from rnncli.cli.completion import layer_names
from rnncli.cli.models import load, steps_of
from rnncli.cli.options import (
    OUTPUT,
    CellFlags,
    LayerFlags,
    ModelFlags,
    OutputFlags,
    size,
    with_options,
)
from rnncli.cli.output import emit, page, progress_bar, warn
from rnncli.cli.pictures import Svg, check_svg, save_svg
from rnncli.errors import UsageError
from rnncli.model import Model
from rnncli.rebuild import alone

if TYPE_CHECKING:
    from rnncli.forward import Result
    from rnncli.forward.inside import Look
    from rnncli.report import Picture

INSIDE = "Inside the recurrent layers"


class InsideFlags(NamedTuple):
    """What to show of the inside of recurrent layers."""

    stats: Annotated[
        bool, Option("--stats", rich_help_panel=INSIDE, help="Saturation, memory, NaN per layer.")
    ] = False
    plot: Annotated[
        bool,
        Option("--plot", rich_help_panel=INSIDE, help="Draw a state over time (the last layer's)."),
    ] = False
    gate: Annotated[
        str | None,
        Option("--gate", rich_help_panel=INSIDE, metavar="NAME", help="Draw this gate instead."),
    ] = None
    svg: Svg = None

    def plotted(self) -> bool:
        """Whether to draw in the terminal: a gate is drawn there unless it goes to a file."""
        return self.plot or (self.gate is not None and self.svg is None)


@with_options
def command(
    model: ModelFlags,
    layer: LayerFlags,
    cell: CellFlags,
    output: OutputFlags,
    inside: InsideFlags,
    input: Annotated[
        list[str] | None,
        Option("--input", metavar="[NAME=]FILE", help=".npy, .npz or .csv; - is .npy on stdin."),
    ] = None,
    weights: Annotated[
        str | None, Option("--weights", metavar="FILE", help=".npz with Keras's names, or .h5.")
    ] = None,
    init: Annotated[
        Literal["keras", "uniform01"] | None,
        Option("--init", help="How to draw weights (keras).", show_default=False),
    ] = None,
    seed: Annotated[int, Option("--seed", min=0, metavar="N", help="Of what is random.")] = 0,
    batch_size: Annotated[
        int | None,
        Option(
            "--batch-size",
            parser=size,
            metavar="N",
            help="Random sequences (1).",
            show_default=False,
        ),
    ] = None,
    dtype: Annotated[
        Literal["float32", "float64"], Option("--dtype", help="To compute in.")
    ] = "float32",
    until: Annotated[
        str | None,
        Option(
            "--until",
            metavar="LAYER",
            help="Stop after this layer.",
            autocompletion=layer_names,
        ),
    ] = None,
    save: Annotated[
        str | None,
        Option(
            "-o",
            "--output",
            metavar="FILE",
            rich_help_panel=OUTPUT,
            help="Write the output: .npy, .csv, .npz; - is .npy on stdout.",
        ),
    ] = None,
) -> None:
    """Run a model and print what went in and what came out.

    \b
    Examples:
      rnncli forward --input-size 32 --units 64 --steps 100
      rnncli forward --cell lstm --input x.npy --weights w.npz -o y.npy
      rnncli forward model.h5 --input x.csv --format json
      rnncli forward --cell lstm --stats --plot
    """
    from rnncli.forward import Request, forward

    if input and cell.steps is None:
        cell = cell._replace(steps="none")  # as long as the file is
    found = _with_weights(load(model, cell, allow=("--steps", "--activation")), weights)
    within = layer.layer_name
    looking = inside.plotted() or inside.svg or inside.stats
    node = found.type == "ONNX" and within is not None and not looking
    if found.source.kind == "file" and (node or not found.inputs):
        found, within = alone(found, within, cell.activation), None
    elif found.source.kind != "flags" and cell.activation is not None:
        raise UsageError("--activation describes a layer given by flags, or PyTorch's RNN alone")
    look = _look(inside, within, output, save)
    from_flags = found.source.kind == "flags"
    if from_flags and not input and steps_of(cell) is None:
        raise UsageError("--steps none: forward needs a length", "give --steps a number")
    warn(found, output)
    request = Request(
        inputs=tuple(_named(text) for text in input or ()),
        seed=seed,
        batch_size=batch_size,
        steps=None if from_flags or cell.steps is None else steps_of(cell),
        dtype=dtype,
        init=init,
        weights=weights if weights and weights.lower().endswith(".npz") else None,
        until=until,
        save=save,
        look=look,
    )
    with progress_bar("steps") as progress:
        result = forward(found, request, progress)
    both = from_flags and cell.return_sequences is None
    _report(result, both=both, output=output, inside=inside, save=save)


def _look(
    flags: InsideFlags, layer: str | None, output: OutputFlags, save: str | None
) -> "Look | None":
    """Return what to see of the inside, None for nothing. Raises: UsageError, FileError."""
    plotted = flags.plotted()
    drawn = plotted or flags.svg is not None
    if plotted and output.format != "table":
        flag = "--plot" if flags.plot else "--gate"
        raise UsageError(f"{flag} draws in the terminal, --format {output.format} cannot hold that",
                         "--svg FILE writes the picture to a file")  # fmt: skip
    if save == "-" and (plotted or flags.svg == "-"):
        raise UsageError("-o - leaves no room on stdout for a picture",
                         "--svg FILE writes the picture to a file")  # fmt: skip
    if not drawn and not flags.stats:
        if layer is not None:
            raise UsageError("--layer-name says what to look into, but not what to look at",
                             "add --stats, --plot, --gate NAME or --svg FILE")  # fmt: skip
        return None
    check_svg(flags.svg)
    from rnncli.forward.inside import Look

    return Look(flags.stats, drawn, layer, flags.gate)


def _named(text: str) -> tuple[str | None, str]:
    """Return the name and the file of `NAME=FILE`, the name None where there is none."""
    name, equals, path = text.partition("=")
    return (name, path) if equals and name else (None, text)


def _with_weights(model: Model, path: str | None) -> Model:
    """Return the model with its own weights, or another file's; an `.npz` is read with the run."""
    if model.source.kind != "file" and path is None:
        return model
    from rnncli.formats import attach_weights, located

    if path is None:
        return located(model)
    return model if path.lower().endswith(".npz") else attach_weights(model, path)


def _report(
    result: "Result", both: bool, output: OutputFlags, inside: InsideFlags, save: str | None
) -> None:
    """Print the run; with `both`, the shapes of either choice of return_sequences."""
    from rnncli.report.forward import Run
    from rnncli.report.forward import forward as report

    outputs = [*result.outputs, *(result.other_shapes if both else ())]
    outputs.sort(key=lambda each: not each.return_sequences)
    run = Run(result.input_shapes, result.dtype, result.seed, outputs, result.states,
              result.stats, result.params, result.saved)  # fmt: skip
    if inside.svg is not None:
        picture = _picture(result, color=True, unicode=True)
        save_svg(report(run, result.layers, picture), inside.svg, output)
    if "-" in (save, inside.svg):  # stdout holds the output itself, or the picture
        return
    target = page()
    drawn = _picture(result, target.color, target.unicode) if inside.plotted() else None
    emit(report(run, result.layers, drawn), output)


def _picture(result: "Result", color: bool, unicode: bool) -> "Picture | None":
    """Return the picture of what was seen, as large as the page has room for."""
    from rnncli.render.heatmap import room
    from rnncli.report import Picture

    trace, batch = result.trace, result.input_shapes[0][0]
    if trace is None:
        return None
    values, norms = trace.means(*room(page().columns, color, unicode))
    title = trace.title if batch == 1 else f"{trace.title}, first of {batch:,} sequences"
    return Picture(title, values, norms, (trace.steps, trace.units))
