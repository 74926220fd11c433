"""The options that commands share, each group a dataclass that `with_options` spreads out."""

import inspect
from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple, TypeAlias, get_type_hints

from typer import Argument, BadParameter, Option

from rnncli.cli.completion import activations, layer_names
from rnncli.cli.completion import files as model_files
from rnncli.render import CHECK_ONLY, FORMATS, SUMMARY_ONLY

MODEL, CELL, OUTPUT = "Model", "Cell flags", "Output"

CellName = Literal["simple_rnn", "lstm", "gru"]
LARGEST = 10**18  # of a size; far beyond any machine, and products still print at once


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


def _cell(*names: str, help: str, **rest: Any) -> Any:
    return Option(*names, help=help, rich_help_panel=CELL, show_default=False, **rest)


def _size(name: str, help: str) -> Any:
    return _cell(name, parser=size, metavar="N", help=help)


def _activation(name: str, help: str) -> Any:
    return _cell(name, help=help, metavar="NAME", autocompletion=activations)


class CellFlags(NamedTuple):
    """A layer given by flags; None: not given. The help names the default."""

    cell: Annotated[CellName | None, _cell("--cell", help="The cell (simple_rnn).")] = None
    input_size: Annotated[int | None, _size("--input-size", "Features per step (32).")] = None
    units: Annotated[int | None, _size("--units", "Size of the state (64).")] = None
    steps: Annotated[
        str | None,
        _cell("--steps", help="Steps of a sequence, or none for any (100).", metavar="N"),
    ] = None
    return_sequences: Annotated[
        bool | None,
        _cell("--return-sequences/--no-return-sequences", help="Output at every step (no)."),
    ] = None
    return_state: Annotated[bool | None, _cell("--return-state", help="Final states too.")] = None
    bidirectional: Annotated[
        bool | None, _cell("--bidirectional", help="Wrap it in Bidirectional.")
    ] = None
    merge_mode: Annotated[
        Literal["concat", "sum", "mul", "ave", "none"] | None,
        _cell("--merge-mode", help="How Bidirectional merges (concat)."),
    ] = None
    no_bias: Annotated[bool | None, _cell("--no-bias", help="Leave the bias out.")] = None
    reset_after: Annotated[
        bool | None,
        _cell("--reset-after/--no-reset-after", help="GRU's reset gate after the product (yes)."),
    ] = None
    go_backwards: Annotated[
        bool | None, _cell("--go-backwards", help="Read the sequence from its end.")
    ] = None
    activation: Annotated[str | None, _activation("--activation", "Of the state (tanh).")] = None
    recurrent_activation: Annotated[
        str | None,
        _activation("--recurrent-activation", "Of the gates (sigmoid)."),
    ] = None
    depth: Annotated[int | None, _size("--depth", "Layers stacked (1).")] = None

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
           help='A layer as Keras writes it: "LSTM(64)"; repeat it for a stack.'),
]  # fmt: skip


class StackFlags(NamedTuple):
    """A stack of layers."""

    layer: Expressions = None


class ModelFlags(NamedTuple):
    """A model file or a stack of layers."""

    file: Annotated[
        str | None,
        Argument(
            metavar="[FILE]",
            help="A model file (- is JSON on stdin).",
            show_default=False,
            autocompletion=model_files,
        ),
    ] = None
    layer: Expressions = None


class FilesFlags(NamedTuple):
    """Model files and folders of them, or a stack of layers."""

    files: Annotated[
        list[str] | None,
        Argument(
            metavar="[FILE]...",
            help="Model files, or folders of them (- is JSON on stdin).",
            show_default=False,
            autocompletion=model_files,
        ),
    ] = None
    layer: Expressions = None

    def single(self) -> ModelFlags:
        """Return the only file, or the stack."""
        return ModelFlags(next(iter(self.files or ()), None), self.layer)


class LayerFlags(NamedTuple):
    """Which layer of a model."""

    layer_name: Annotated[
        str | None,
        Option(
            "--layer-name",
            metavar="NAME",
            rich_help_panel=MODEL,
            help="Only this layer.",
            autocompletion=layer_names,
        ),
    ] = None


if TYPE_CHECKING:
    Format: TypeAlias = str
    SummaryFormat: TypeAlias = str
    CheckFormat: TypeAlias = str
else:  # the choices are those of the table of renderers
    Format = Literal[FORMATS]
    SummaryFormat, CheckFormat = Literal[FORMATS + SUMMARY_ONLY], Literal[FORMATS + CHECK_ONLY]

Verbose = Annotated[
    bool, Option("--verbose", rich_help_panel=OUTPUT, help="What a file says of itself.")
]
Debug = Annotated[
    bool, Option("--debug", rich_help_panel=OUTPUT, help="Show the traceback of a bug.")
]


class OutputFlags(NamedTuple):
    """How the answer is printed."""

    format: Annotated[
        Format,
        Option("--format", rich_help_panel=OUTPUT, help="How to print it."),
    ] = "table"
    verbose: Verbose = False
    debug: Debug = False


class SummaryOutputFlags(NamedTuple):
    """How a summary is printed: the table of Keras 1 and 2 too."""

    format: Annotated[
        SummaryFormat,
        Option("--format", rich_help_panel=OUTPUT, help="How to print it; classic: Keras 1 and 2."),
    ] = "table"
    verbose: Verbose = False
    debug: Debug = False


class CheckOutputFlags(NamedTuple):
    """How a check is printed: as what continuous integration reads too."""

    format: Annotated[
        CheckFormat,
        Option("--format", rich_help_panel=OUTPUT, help="How to print it; github: annotations."),
    ] = "table"
    verbose: Verbose = False
    debug: Debug = False


AnyOutput = OutputFlags | SummaryOutputFlags | CheckOutputFlags


def with_options(function: Callable[..., None]) -> Callable[..., None]:
    """Return `function` with each parameter that is a group of options spread into its options."""
    hints = get_type_hints(function, include_extras=True)
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
            group, kinds = groups[name], get_type_hints(groups[name], include_extras=True)
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
