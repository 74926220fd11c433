"""From the flags of a command to a `Model`."""

from typing import Any

from rnncli.cli.options import CellFlags, CellName, ModelFlags
from rnncli.errors import UsageError, nearest
from rnncli.graph import LayerSpec, build, sequential
from rnncli.model import Layer, Model, Source

CLASSES: dict[CellName, str] = {"simple_rnn": "SimpleRNN", "lstm": "LSTM", "gru": "GRU"}

MAX_DEPTH = 10_000


def load(model: ModelFlags, cell: CellFlags, allow: tuple[str, ...] = ()) -> Model:
    """Return the model that the flags name: a file, a stack, or a layer given by cell flags.

    `allow` lists cell flags that the command gives a meaning beside a file or a stack.
    Raises: UsageError for flags that contradict each other, and whatever reading the file raises.
    """
    given = [flag for flag in cell.given() if flag not in allow]
    if model.file is not None and model.layer:
        raise UsageError("a file and --layer exclude each other", "leave one of them out")
    if given and (model.file is not None or model.layer):
        what = "--layer" if model.layer else "a file"
        raise UsageError(f"{given[0]} describes a layer given by flags and does not go with {what}")
    if model.file is not None:
        from rnncli.formats import read

        return read(model.file)
    if model.layer:
        from rnncli.expressions import parse_stack

        return build(sequential(parse_stack(model.layer)), Source("layers"))
    return build(sequential(cell_specs(cell)), Source("flags"))


def cell_specs(flags: CellFlags) -> tuple[LayerSpec, ...]:
    """Return the input layer and the recurrent layers that the cell flags describe."""
    from rnncli.naming import Namer

    _check(flags)
    namer = Namer()
    steps, inputs = steps_of(flags), flags.input_size or 32
    name = namer.auto_name("InputLayer")
    specs = [LayerSpec("InputLayer", name, {"batch_shape": (None, steps, inputs), "name": name})]
    depth = flags.depth or 1
    if depth > MAX_DEPTH:
        raise UsageError(f"--depth is {depth:,}; at most {MAX_DEPTH:,} layers are stacked")
    for index in range(depth):
        last = index == depth - 1
        class_name, config = CLASSES[flags.cell or "simple_rnn"], _config(flags, last)
        config["name"] = namer.auto_name(class_name)
        if flags.bidirectional:
            mode = flags.merge_mode or "concat"
            inner = {"class_name": class_name, "config": config}
            class_name = "Bidirectional"
            config = {
                "name": namer.auto_name(class_name),
                "layer": inner,
                "merge_mode": None if mode == "none" else mode,
            }
        specs.append(LayerSpec(class_name, config["name"], config))
    return tuple(specs)


def steps_of(flags: CellFlags) -> int | None:
    """Return the number of steps, None for `none`. Raises: UsageError."""
    text = flags.steps or "100"
    if text.lower() == "none":
        return None
    try:
        steps = int(text)
    except ValueError:
        raise UsageError(f"--steps {text!r} is neither a whole number nor none") from None
    if steps < 1:
        raise UsageError(f"--steps is {steps}; a sequence has at least 1 step")
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
        raise UsageError("--merge-mode needs --bidirectional")
    if flags.merge_mode == "none" and (flags.depth or 1) > 1:
        raise UsageError("--merge-mode none gives two outputs and cannot be stacked with --depth")
    if flags.reset_after is not None and cell != "gru":
        raise UsageError(f"--reset-after is an argument of GRU, not of {CLASSES[cell]}",
                         "add --cell gru")  # fmt: skip
    if flags.recurrent_activation is not None and cell == "simple_rnn":
        raise UsageError("--recurrent-activation needs a cell with gates",
                         "add --cell lstm or --cell gru")  # fmt: skip


def pick(model: Model, name: str | None) -> tuple[Layer, ...]:
    """Return the layers to report on: all rows, or the one called `name`.

    Raises: UsageError that lists the names the model has.
    """
    if name is None:
        return model.rows
    try:
        return (model.layer(name),)
    except KeyError:
        names = [layer.name for layer in model.rows]
        known = ", ".join(names[:20]) + (", …" if len(names) > 20 else "")
        raise UsageError(
            f"the model has no layer called {name!r}",
            nearest(name, names) or f"it has: {known}",
        ) from None


