"""`rnncli forward`: what it computes."""

from typing import TYPE_CHECKING, Annotated, Literal

from typer import Option

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
from rnncli.cli.output import emit, progress_bar, warn
from rnncli.errors import UsageError
from rnncli.model import Model

if TYPE_CHECKING:
    from rnncli.forward import Result


@with_options
def command(
    model: ModelFlags,
    layer: LayerFlags,
    cell: CellFlags,
    output: OutputFlags,
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
        Option("--batch-size", parser=size, metavar="N", help="Random sequences (1).",
               show_default=False),
    ] = None,
    dtype: Annotated[
        Literal["float32", "float64"], Option("--dtype", help="To compute in.")
    ] = "float32",
    until: Annotated[
        str | None, Option("--until", metavar="LAYER", help="Stop after this layer.")
    ] = None,
    save: Annotated[
        str | None,
        Option("-o", "--output", metavar="FILE", rich_help_panel=OUTPUT,
               help="Write the output: .npy, .csv, .npz; - is .npy on stdout."),
    ] = None,
) -> None:
    """Run a model and print what went in and what came out.

    \b
    Examples:
      rnncli forward --input-size 32 --units 64 --steps 100
      rnncli forward --cell lstm --input x.npy --weights w.npz -o y.npy
      rnncli forward model.h5 --input x.csv --format json
    """
    from rnncli.forward import Request, forward

    if input and cell.steps is None:
        cell = cell._replace(steps="none")  # as long as the file is
    found = _with_weights(load(model, cell, allow=("--steps",)), weights)
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
    )
    with progress_bar("steps") as progress:
        result = forward(found, request, progress)
    _report(result, both=from_flags and cell.return_sequences is None, output=output, save=save)


def _named(text: str) -> tuple[str | None, str]:
    """Return the name and the file of `NAME=FILE`, the name None where there is none."""
    name, equals, path = text.partition("=")
    return (name, path) if equals and name else (None, text)


def _with_weights(model: Model, path: str | None) -> Model:
    """Return the model with its own weights, or those of another; an `.npz` is read with the run."""
    if model.source.kind != "file" and path is None:
        return model
    from rnncli.formats import attach_weights, located

    if path is None:
        return located(model)
    return model if path.lower().endswith(".npz") else attach_weights(model, path)


def _report(result: "Result", both: bool, output: OutputFlags, save: str | None) -> None:
    """Print the run; with `both`, the shapes of either choice of return_sequences."""
    from rnncli.report.forward import Run
    from rnncli.report.forward import forward as report

    outputs = [*result.outputs, *(result.other_shapes if both else ())]
    outputs.sort(key=lambda each: not each.return_sequences)
    run = Run(result.input_shapes, result.dtype, result.seed, outputs, result.states,
              result.stats, result.params, result.saved)  # fmt: skip
    if save != "-":  # else stdout holds the output itself
        emit(report(run), output)
