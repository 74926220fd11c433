"""The options that commands share, each group a dataclass that `with_options` spreads out."""

import inspect
from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple, TypeAlias

from typer import Argument, BadParameter, Option

from rnncli.cells import names, snake_case
from rnncli.cli.completion import activations, layer_names
from rnncli.cli.completion import files as model_files
from rnncli.render import CHECK_ONLY, FORMATS, SUMMARY_ONLY
from rnncli.shapes import LARGEST

MODEL, OUTPUT = "Model", "Output"
CELL = "Cell flags, for a layer without FILE or --layer"

CELLS = tuple(snake_case(name) for name in names())
if TYPE_CHECKING:
    CellName: TypeAlias = str
    Format: TypeAlias = str
    SummaryFormat: TypeAlias = str
    CheckFormat: TypeAlias = str
else:  # the choices are those of the tables of cells and of renderers
    CellName = Literal[CELLS]
    Format = Literal[FORMATS]
    SummaryFormat, CheckFormat = Literal[FORMATS + SUMMARY_ONLY], Literal[FORMATS + CHECK_ONLY]


def size(text: str) -> int:
    """Return a size of at least 1. Raises: typer.BadParameter, which names the flag."""
    try:
        value = int(text)
    except ValueError:
        value = 0
    if not 1 <= value <= LARGEST:
        raise BadParameter(f"{text[:40]!r} is not a whole number from 1 to 10^18")
    return value


def amount(text: str) -> int:
    """Return an amount such as 50k. Raises: typer.BadParameter, which names the flag."""
    from rnncli.errors import UsageError
    from rnncli.units import parse_amount

    try:
        return parse_amount(text)
    except UsageError as error:
        raise BadParameter(f"{error.message}; {error.hint}") from None


def number(name: str, help: str, parser: Callable[[str], int] = amount) -> Any:
    """Return an option that takes a number; None where it is not given."""
    return Option(name, parser=parser, metavar="N", help=help, show_default=False)


def _cell(*names: str, help: str, **rest: Any) -> Any:
    return Option(*names, help=help, rich_help_panel=CELL, show_default=False, **rest)


def _size(name: str, help: str) -> Any:
    return _cell(name, parser=size, metavar="N", help=help)


def _activation(name: str, help: str) -> Any:
    return _cell(name, help=help, metavar="NAME", autocompletion=activations)


class CellFlags(NamedTuple):
    """A layer given by flags; None: not given. The help names the default."""

    cell: Annotated[
        CellName | None, _cell("--cell", help="The kind of cell (default: simple_rnn).")
    ] = None
    input_size: Annotated[
        int | None, _size("--input-size", "Number of features per step (default: 32).")
    ] = None
    units: Annotated[int | None, _size("--units", "Size of the hidden state (default: 64).")] = None
    steps: Annotated[
        str | None,
        _cell("--steps", help="Number of steps, or none for any (default: 100).", metavar="N"),
    ] = None
    return_sequences: Annotated[
        bool | None,
        _cell(
            "--return-sequences/--no-return-sequences",
            help="Return the output of every step, or of the last (default).",
        ),
    ] = None
    return_state: Annotated[
        bool | None, _cell("--return-state", help="Return the final states too.")
    ] = None
    bidirectional: Annotated[
        bool | None, _cell("--bidirectional", help="Read the sequence in both directions.")
    ] = None
    merge_mode: Annotated[
        Literal["concat", "sum", "mul", "ave", "none"] | None,
        _cell("--merge-mode", help="How both directions are merged (default: concat)."),
    ] = None
    no_bias: Annotated[bool | None, _cell("--no-bias", help="Leave the bias out.")] = None
    reset_after: Annotated[
        bool | None,
        _cell(
            "--reset-after/--no-reset-after",
            help="Apply GRU's reset gate after the product (default), or before.",
        ),
    ] = None
    go_backwards: Annotated[
        bool | None, _cell("--go-backwards", help="Read the sequence from its end.")
    ] = None
    activation: Annotated[
        str | None, _activation("--activation", "Activation of the state (default: tanh).")
    ] = None
    recurrent_activation: Annotated[
        str | None,
        _activation("--recurrent-activation", "Activation of the gates (default: sigmoid)."),
    ] = None
    depth: Annotated[int | None, _size("--depth", "Number of stacked layers (default: 1).")] = None

    def given(self) -> list[str]:
        """Return the flags that were given, as they are written."""
        pairs = zip(self._fields, self, strict=True)
        return [
            f"--{'no-' if value is False else ''}{name.replace('_', '-')}"
            for name, value in pairs
            if value is not None
        ]


Expressions = Annotated[
    list[str] | None,
    Option("--layer", metavar="EXPR", rich_help_panel=MODEL,
           help='A layer as in a Keras or PyTorch script: "LSTM(64)". Repeat it for a stack.'),
]  # fmt: skip
Key = Annotated[
    str | None,
    Option("--key", metavar="KEY", rich_help_panel=MODEL, show_default=False,
           help="The model under this key of a PyTorch checkpoint."),
]  # fmt: skip


class StackFlags(NamedTuple):
    """A stack of layers."""

    layer: Expressions = None


def _files(metavar: str, help: str) -> Any:
    return Argument(metavar=metavar, help=f"{help}; - reads JSON from stdin.", show_default=False,
                    autocompletion=model_files)  # fmt: skip


class ModelFlags(NamedTuple):
    """A model file or a stack of layers."""

    file: Annotated[str | None, _files("[FILE]", "A model file")] = None
    layer: Expressions = None
    key: Key = None


class FilesFlags(NamedTuple):
    """Model files and folders of them, or a stack of layers."""

    files: Annotated[list[str] | None, _files("[FILE]...", "Model files or folders")] = None
    layer: Expressions = None
    key: Key = None

    def single(self) -> ModelFlags:
        """Return the only file, or the stack."""
        return ModelFlags(next(iter(self.files or ()), None), self.layer, self.key)


Dims = Annotated[
    list[str] | None,
    Option("--dim", metavar="NAME=N", rich_help_panel=MODEL,
           help="Size of an open axis that an ONNX file names; repeatable."),
]  # fmt: skip


class LayerFlags(NamedTuple):
    """Which layer of a model."""

    layer_name: Annotated[
        str | None,
        Option("--layer-name", metavar="NAME", rich_help_panel=MODEL,
               help="Answer for this layer only.", autocompletion=layer_names),
    ] = None  # fmt: skip


Init = Annotated[
    Literal["keras", "uniform01"] | None,
    Option("--init", help="Draw random weights in this way.", show_default=False),
]
StoredDtype = Annotated[
    Literal["float64", "float32", "float16", "bfloat16", "int8"] | None,
    Option("--dtype", help="Type of the stored weights (default: the model's).",
           show_default=False),
]  # fmt: skip
Verbose = Annotated[
    bool, Option("--verbose", rich_help_panel=OUTPUT, help="Print what the file says of itself.")
]
Debug = Annotated[
    bool, Option("--debug", rich_help_panel=OUTPUT, help="Show the traceback of a bug in rnncli.")
]


def _format(more: str = "") -> Any:
    return Option("--format", rich_help_panel=OUTPUT, help=f"Format of the answer{more}.")


class OutputFlags(NamedTuple):
    """How the answer is printed."""

    format: Annotated[Format, _format()] = "table"
    verbose: Verbose = False
    debug: Debug = False


class SummaryOutputFlags(NamedTuple):
    """How a summary is printed: the table of Keras 1 and 2 too."""

    format: Annotated[SummaryFormat, _format("; classic is that of Keras 1 and 2")] = "table"
    verbose: Verbose = False
    debug: Debug = False


class CheckOutputFlags(NamedTuple):
    """How a check is printed: as what continuous integration reads too."""

    format: Annotated[CheckFormat, _format("; github and junit are for CI")] = "table"
    verbose: Verbose = False
    debug: Debug = False


AnyOutput = OutputFlags | SummaryOutputFlags | CheckOutputFlags


def with_options(function: Callable[..., None]) -> Callable[..., None]:
    """Return `function` with each parameter that is a group of options spread into its options."""
    hints = function.__annotations__
    groups = {name: hint for name, hint in hints.items() if hasattr(hint, "_field_defaults")}

    @wraps(function)
    def command(**values: Any) -> None:
        built = {
            name: group(**{field: values.pop(field) for field in group._fields})
            for name, group in groups.items()
        }
        function(**built, **values)

    parameters = []
    for name, parameter in inspect.signature(function).parameters.items():
        if name in groups:
            group, kinds = groups[name], groups[name].__annotations__
            parameters += [
                inspect.Parameter(field, inspect.Parameter.KEYWORD_ONLY,
                                  default=group._field_defaults[field], annotation=kinds[field])
                for field in group._fields
            ]  # fmt: skip
        else:
            parameters.append(parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY,
                                                annotation=hints[name]))  # fmt: skip
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {each.name: each.annotation for each in parameters}
    return command
