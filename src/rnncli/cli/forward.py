"""`rnncli forward`: what it computes."""

import os
from typing import TYPE_CHECKING

from rnncli.cli.forward_options import InsideFlags, RunFlags
from rnncli.cli.models import load, steps_of, with_dims
from rnncli.cli.options import CellFlags, Dims, LayerFlags, ModelFlags, OutputFlags, with_options
from rnncli.cli.output import emit, page, progress_bar, warn, warn_that
from rnncli.cli.pictures import check_svg, save_svg
from rnncli.errors import UsageError
from rnncli.graph.alone import alone
from rnncli.model import Model
from rnncli.shapes import Dim

if TYPE_CHECKING:
    from rnncli.forward import Request, Result
    from rnncli.forward.probe import Look
    from rnncli.report import Picture


@with_options
def command(
    model: ModelFlags,
    layer: LayerFlags,
    cell: CellFlags,
    output: OutputFlags,
    inside: InsideFlags,
    run: RunFlags,
    dim: Dims = None,
) -> None:
    """Run a model and print what went in and what came out.

    \b
    Examples:
      rnncli forward --input-size 32 --units 64 --steps 100
      rnncli forward --cell lstm --input x.npy --weights w.npz -o y.npy
      rnncli forward model.h5 --input x.csv --format json
      rnncli forward --cell lstm --stats --plot
    """
    if inside.stats:
        _one_thread()
    from rnncli.forward import forward

    if run.input and cell.steps is None:
        cell = cell._replace(steps="none")  # as long as the file is
    loaded = with_dims(load(model, cell, allow=("--steps", "--activation")), dim)
    found = _with_weights(loaded, run.weights)
    found, within = _part(found, layer.layer_name, cell, inside)
    look = _look(inside, within, output, run.save)
    from_flags = found.source.kind == "flags"
    if from_flags and not run.input and steps_of(cell) is None:
        raise UsageError("--steps none: forward needs a length", "give --steps a number")
    warn(found, output)
    request = _request(run, None if from_flags or cell.steps is None else steps_of(cell), look)
    with progress_bar("steps") as progress:
        result = forward(found, request, progress)
    warn_that(*result.warnings)
    both = from_flags and cell.return_sequences is None
    _report(result, both=both, output=output, inside=inside, save=run.save)


def _one_thread() -> None:
    """Have the BLAS, which is not loaded yet, use one thread where nobody asked for another number.

    The products of a gradient are many and small: on a busy machine threads wait for each other ten
    times as long as they compute.
    """
    if "OMP_NUM_THREADS" not in os.environ:
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def _part(
    model: Model, within: str | None, cell: CellFlags, inside: InsideFlags
) -> tuple[Model, str | None]:
    """Return what is to run, and in which layer of it to look.

    That is one layer of a file that does not say how its layers are connected. Raises: UsageError.
    """
    looking = inside.plotted() or inside.svg or inside.stats
    node = model.type == "ONNX" and within is not None and not looking
    unconnected = not model.inputs and model.type != "ONNX"
    if model.source.kind == "file" and (node or unconnected):
        found = alone(model, _module(model, within), cell.activation)
        return found, within if looking else None
    if model.source.kind != "flags" and cell.activation is not None:
        raise UsageError("--activation describes a layer given by flags, or PyTorch's RNN alone")
    return model, within


def _request(run: RunFlags, steps: Dim, look: "Look | None") -> "Request":
    from rnncli.forward import Request

    return Request(
        inputs=tuple(_named(text) for text in run.input or ()),
        seed=run.seed,
        batch_size=run.batch_size,
        steps=steps,
        dtype=run.dtype,
        init=run.init,
        weights=run.weights,
        until=run.until,
        save=run.save,
        look=look,
    )


def _look(
    flags: InsideFlags, layer: str | None, output: OutputFlags, save: str | None
) -> "Look | None":
    """Return what to see of the inside, None for nothing. Raises: UsageError, FileError."""
    plotted = flags.plotted()
    drawn = plotted or flags.svg is not None
    check_svg(flags.svg, flags.dark)
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
    from rnncli.forward.probe import Look

    return Look(flags.stats, drawn, layer, flags.gate)


def _module(model: Model, name: str | None) -> str | None:
    """Return the layer that a name is of: its own, or that of one of the layers stacked in it."""
    known = name is None or any(layer.name == name for layer in model.layers)
    return name if known or name is None else name.partition("/")[0]


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
    from rnncli.report.gradients import charts

    outputs = [*result.outputs, *(result.other_shapes if both else ())]
    outputs.sort(key=lambda each: not each.return_sequences)
    run = Run(result.input_shapes, result.dtype, result.seed, outputs, result.states, result.stats,
              result.params, result.saved, result.weights._asdict(),
              result.input._asdict(), result.lacks)  # fmt: skip
    if inside.svg is not None:
        from rnncli.render.svg import ROOM

        picture = _picture(result, ROOM, inside.scale == "auto")
        drawn = report(run, result.layers, picture, charts(result.layers or (), ROOM[0]))
        save_svg(drawn, inside.svg, output, inside.dark)
    if "-" in (save, inside.svg):  # stdout holds the output itself, or the picture
        return
    if not inside.plotted():
        emit(report(run, result.layers), output)
        return
    from rnncli.render.heatmap import room

    target = page()
    space = room(target.width, target.color, target.unicode)
    picture = _picture(result, space, inside.scale == "auto")
    emit(report(run, result.layers, picture, charts(result.layers or (), space[0])), output)


def _picture(result: "Result", room: tuple[int, int], auto: bool) -> "Picture | None":
    """Return the picture of what was seen, of so many columns and rows at most."""
    from rnncli.report import Picture

    trace, batch = result.trace, next((shape[0] for shape in result.input_shapes if shape), 1)
    if trace is None:
        return None
    values, norms = trace.cells(*room)
    title = trace.title if batch == 1 else f"{trace.title}, first of {batch:,} sequences"
    return Picture(title, values, norms, (trace.steps, trace.units), trace.scale(auto),
                   trace.bounds, trace.saturated)  # fmt: skip
