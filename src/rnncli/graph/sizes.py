"""A model on other sizes of its open axes."""

from collections.abc import Mapping

from rnncli.errors import UsageError
from rnncli.graph.infer import infer
from rnncli.model import Model
from rnncli.shapes import Dim, Shape, Shapes


def sized(
    model: Model, batch: Dim = None, steps: Dim = None, named: Mapping[str, int] | None = None
) -> Model:
    """Return the model with the open batch and time sizes of its inputs filled; None: left open.

    A file of weights alone says what each layer gets, not from where: each is filled. `named` are
    sizes of other axes, where the file names them. Raises: UsageError where it does not.
    """
    if model.resized is not None:
        return model if (batch, steps) == (None, None) and not named else model.resized(
            batch, steps, named or {})  # fmt: skip
    if named:
        raise UsageError(f"--dim {next(iter(named))}: the model does not name its axes",
                         "--steps and --batch-size fill those that are open")  # fmt: skip
    if batch is None and steps is None:
        return model
    if model.inputs:
        return infer(model, _filled([model.shape(ref) or () for ref in model.inputs], batch, steps))
    layers = tuple(
        layer._replace(build_shapes=_filled(layer.build_shapes, batch, steps))
        if layer.build_shapes is not None
        else layer
        for layer in model.layers
    )
    return infer(model._replace(layers=layers))


def _filled(shapes: Shapes | list[Shape], batch: Dim, steps: Dim) -> Shapes:
    def fill(shape: Shape) -> Shape:
        given = (batch, steps, *(None for _ in shape[2:]))
        return tuple(new if dim is None else dim for dim, new in zip(shape, given, strict=False))

    return tuple(map(fill, shapes))
