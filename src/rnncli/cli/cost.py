"""`rnncli cost`: what a model takes."""

from typing import Annotated, Literal

from typer import Option

from rnncli.cli.models import check_input, load, steps_of, with_dims
from rnncli.cli.options import (
    CellFlags,
    Dims,
    ModelFlags,
    OutputFlags,
    StoredDtype,
    number,
    size,
    with_options,
)
from rnncli.cli.output import emit, warn, warn_that
from rnncli.errors import UsageError
from rnncli.model import Model


@with_options
def command(
    model: ModelFlags,
    cell: CellFlags,
    output: OutputFlags,
    dim: Dims = None,
    batch_size: Annotated[
        int | None,
        number("--batch-size", "Batch size, where the model leaves it open (default: 1).", size),
    ] = None,
    dtype: StoredDtype = None,
    macs_per_second: Annotated[
        int | None,
        number("--macs-per-second", "Add the seconds that a device of this speed needs."),
    ] = None,
    train: Annotated[
        Literal["adam", "sgd"] | None,
        Option(
            "--train",
            help="Add the memory that training with this optimizer needs.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Print what a model takes: MACs (FLOPs = 2 x MACs) and bytes, per layer.

    \b
    Examples:
      rnncli cost --cell lstm --units 64 --steps 100
      rnncli cost model.h5 --steps 50 --dtype int8
      rnncli cost --cell gru --batch-size 32 --format json
      rnncli cost --cell lstm --steps 1 --dtype int8 --macs-per-second 7.5M
    """
    from rnncli.report.cost import cost
    from rnncli.report.device import Asked

    found = with_dims(load(model, cell, allow=("--steps",)), dim)
    warn(found, output)
    check_input(found)
    steps = steps_of(cell) if cell.steps is not None else None
    for flag, axis, given in (("--batch-size", 0, batch_size), ("--steps", 1, steps)):
        if given is not None:
            warn_of_fixed(found, flag, axis, given)
    if macs_per_second == 0:
        raise UsageError("--macs-per-second: 0 MACs per second never end", "write 7.5M, say")
    emit(cost(found, dtype, batch_size, steps, Asked(macs_per_second, train)), output)


def warn_of_fixed(model: Model, flag: str, axis: int, given: int) -> None:
    """Say on stderr that a size stays as the model states it, not as the flag asks."""
    named = [model.layer(ref.layer).config.get("roles") for ref in model.inputs]
    if any(named):  # a graph, whose axes may stand in any order
        if not any(("batch", "steps")[axis] in (roles or ()) for roles in named):
            warn_that(f"{flag} {given:,} changes nothing: the model leaves no such axis open")
        return
    if any(layer.dialect == "torch" for layer in model.layers):
        return  # the sizes are the stack's own already
    for ref in model.inputs:
        shape = model.shape(ref) or ()
        own = shape[axis] if axis < len(shape) else None
        if own not in (None, given):
            warn_that(f"{flag} {given:,} changes nothing: the model's input {ref.layer!r} "
                      f"states {own:,}")  # fmt: skip
