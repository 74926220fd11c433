"""From the flags of a command to a `Model`."""

from typing import TYPE_CHECKING, Any

from rnncli.cells import cell_for, names, snake_case
from rnncli.cli.options import CellFlags, ModelFlags
from rnncli.cli.output import warn_that
from rnncli.errors import UsageError, nearest
from rnncli.model import Layer, Model, Source, sequential
from rnncli.shapes import LARGEST

if TYPE_CHECKING:
    from rnncli.graph.naming import Namer

CLASSES: dict[str, str] = {snake_case(name): name for name in names()}

MAX_DEPTH = 10_000


def load(
    model: ModelFlags, cell: CellFlags, allow: tuple[str, ...] = (), optimizer: bool = False
) -> Model:
    """Return the model that the flags name: a file, a stack, or a layer given by cell flags.

    `allow` lists cell flags that the command gives a meaning beside a file or a stack; `optimizer`
    asks for the optimizer's variables of a file.
    Raises: UsageError for flags that contradict each other, and whatever reading the file raises.
    """
    torch = bool(model.layer) and is_torch_stack(model)
    allow = (*allow, "--steps", "--input-size") if torch else allow
    _check_sources(model, [flag for flag in cell.given() if flag not in allow])
    if model.file is not None:
        from rnncli.formats import read

        return read(model.file, optimizer, model.key)
    if model.key is not None:
        raise UsageError("--key picks a model of a PyTorch checkpoint, but no file is given")
    from rnncli.graph.infer import infer

    if torch:
        from rnncli.graph import torch_expressions

        steps = None if cell.steps is None else steps_of(cell)
        return infer(torch_expressions.parse_stack(model.layer or (), steps, cell.input_size))
    if model.layer:
        from rnncli.graph.expressions import parse_stack

        return infer(sequential(parse_stack(model.layer), source=Source("layers")))
    return infer(sequential(cell_layers(cell)))


def is_torch_stack(model: ModelFlags) -> bool:
    """Whether a stack is of PyTorch's modules."""
    from rnncli.graph.torch_expressions import is_torch

    return any(map(is_torch, model.layer or ()))


def _check_sources(model: ModelFlags, given: list[str]) -> None:
    """Check that the model is described once. Raises: UsageError."""
    if model.file is not None and model.layer:
        raise UsageError(
            f"the file {model.file[:80]!r} and --layer {model.layer[0][:80]!r} exclude each other",
            "leave one of them out",
        )
    if given and (model.file is not None or model.layer):
        what = "--layer" if model.layer else f"the file {(model.file or '')[:80]!r}"
        raise UsageError(
            f"{given[0]} describes a layer given by flags and does not go with {what}",
            f"leave {given[0]} out",
        )


def cell_layers(flags: CellFlags) -> tuple[Layer, ...]:
    """Return the input layer and the recurrent layers that the cell flags describe."""
    from rnncli.graph.naming import Namer

    _check(flags)
    namer = Namer()
    steps, inputs = steps_of(flags), flags.input_size or 32
    name = namer.auto_name("InputLayer")
    shape = (None, steps, inputs)
    layers = [Layer("InputLayer", name, {"batch_shape": shape, "name": name})]
    depth = flags.depth or 1
    if depth > MAX_DEPTH:
        raise UsageError(f"--depth: {depth} is more than the {MAX_DEPTH:,} layers that are stacked")
    for index in range(depth):
        class_name, config = _layer(flags, index == depth - 1, namer)
        layers.append(Layer(class_name, config["name"], config))
    return tuple(layers)


def _layer(flags: CellFlags, last: bool, namer: "Namer") -> tuple[str, dict[str, Any]]:
    """Return the class name and config of one recurrent layer of a stack."""
    class_name, config = CLASSES[flags.cell or "simple_rnn"], _config(flags, last)
    config["name"] = namer.auto_name(class_name)
    if not flags.bidirectional:
        return class_name, config
    mode = flags.merge_mode or "concat"
    return "Bidirectional", {
        "name": namer.auto_name("Bidirectional"),
        "layer": {"class_name": class_name, "config": config},
        "merge_mode": None if mode == "none" else mode,
    }


def steps_of(flags: CellFlags) -> int | None:
    """Return the number of steps, None for `none`. Raises: UsageError."""
    text = flags.steps or "100"
    if text.lower() == "none":
        return None
    try:
        steps = int(text)
    except ValueError:
        steps = 0
    if not 1 <= steps <= LARGEST:
        raise UsageError(f"--steps: {text[:40]!r} is neither a whole number from 1 to 10^18 nor "
                         "none",
                         "write --steps none for a length that is open")  # fmt: skip
    return steps


def _config(flags: CellFlags, last: bool) -> dict[str, Any]:
    config: dict[str, Any] = {
        "units": flags.units or 64,
        "return_sequences": bool(flags.return_sequences) or not last,
        "return_state": bool(flags.return_state) and last,
        "go_backwards": bool(flags.go_backwards),
        "use_bias": not flags.no_bias,
    }
    given = {
        "activation": flags.activation,
        "recurrent_activation": flags.recurrent_activation,
        "reset_after": flags.reset_after,
    }
    return config | {key: value for key, value in given.items() if value is not None}


def _check(flags: CellFlags) -> None:
    cell = flags.cell or "simple_rnn"
    if flags.merge_mode and not flags.bidirectional:
        raise UsageError(f"--merge-mode {flags.merge_mode} needs --bidirectional",
                         "add --bidirectional or leave --merge-mode out")  # fmt: skip
    if flags.merge_mode == "none" and (flags.depth or 1) > 1:
        raise UsageError("--merge-mode none gives two outputs and cannot be stacked with --depth",
                         "leave one of them out")  # fmt: skip
    known = cell_for(CLASSES[cell])
    if flags.reset_after is not None and "reset_after" not in known.chosen_by:
        flag = "--reset-after" if flags.reset_after else "--no-reset-after"
        raise UsageError(f"{flag} is for GRU, not for {CLASSES[cell]}", "add --cell gru")
    if flags.recurrent_activation is not None and not known.gated:
        raise UsageError(
            f"--recurrent-activation {flags.recurrent_activation[:40]!r} needs a cell with gates",
            "add --cell lstm or --cell gru",
        )
    for name in ("activation", "recurrent_activation"):
        _check_activation(f"--{name.replace('_', '-')}", getattr(flags, name))


def _check_activation(flag: str, name: str | None) -> None:
    if name is None:
        return
    from rnncli.activation_names import check_activation

    try:
        check_activation(name)
    except UsageError as error:
        raise UsageError(f"{flag}: {error.message}", error.hint) from None


def with_dims(model: Model, texts: list[str] | None) -> Model:
    """Return the model with the sizes that `--dim NAME=N` gives its axes. Raises: UsageError."""
    from rnncli.graph.sizes import sized

    named = {}
    for text in texts or ():
        name, _, digits = text.rpartition("=")
        size = int(digits) if digits.isascii() and digits.isdecimal() and len(digits) < 20 else 0
        if not name or not 1 <= size <= LARGEST:
            raise UsageError(f"--dim: {text[:60]!r} is not NAME=N", "write batch=8, say")
        named[name] = size
    return sized(model, named=named)


_UNBUILT = "the model has no input shape, on which its weights and outputs depend"
_WITH_INPUT = 'put --layer "Input((100, 32))" first'


def check_input(model: Model) -> None:
    """Check that something is known of the model's weights. Raises: UsageError."""
    if _unbuilt(model):
        raise UsageError(_UNBUILT, _WITH_INPUT if model.source.kind == "layers" else None)


def warn_of_unbuilt(model: Model, of: str = "") -> None:
    """Say that weights cannot be known, where an answer is given all the same."""
    if model.layers and _unbuilt(model):
        fix = f": {_WITH_INPUT}" if model.source.kind == "layers" else ""
        warn_that(f"{of}{_UNBUILT}{fix}")


def _unbuilt(model: Model) -> bool:
    return not model.inputs and not any(layer.all_weights() for layer in model.layers)


def pick(model: Model, name: str | None) -> tuple[Layer, ...]:
    """Return the layers to report on: all rows, or the one called `name`.

    Raises: UsageError that lists the names the model has, or says that it lacks an input.
    """
    check_input(model)
    if name is None:
        return model.rows
    try:
        return (model.layer(name),)
    except KeyError:
        names = [layer.name for layer in model.rows]
        known = ", ".join(names[:20]) + (", …" if len(names) > 20 else "")
        raise UsageError(
            f"the model has no layer called {name[:80]!r}",
            nearest(name[:80], names) or f"it has: {known}",
        ) from None
