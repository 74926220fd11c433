"""The command line: a table of commands, each in a file of its own, loaded when it is called."""

import os
import sys
from functools import cache
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

import rnncli
from rnncli import interrupts
from rnncli.cells import cell_for, cells_in, names, snake_case
from rnncli.cli import address_space
from rnncli.cli.options import CELL, MODEL, OUTPUT
from rnncli.cli.output import fail, silence_stdout
from rnncli.errors import ExitCode, RnncliError

COMMANDS = (
    "summary", "params", "shapes", "explain", "cost", "forward", "fit", "weights", "diff",
    "convert", "check",
)  # fmt: skip

GUIDE = """\
Print the layers, shapes, parameters, cost and values of a recurrent network.

  rnncli summary model.h5
  rnncli params --layer "Input((100, 32))" --layer "LSTM(64)"
  rnncli forward --input-size 32 --units 64 --steps 100

rnncli --help lists the commands, rnncli COMMAND --help what one can do.
"""


# Typer's own name for "the command line is not understood"; newer versions carry their own click.
_Refused: Any = typer.BadParameter.__base__


class Command(TyperCommand):
    """A command whose options are listed under the heading they belong to."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Return what is left of a line; what Typer refuses knows which command it was."""
        try:
            return super().parse_args(ctx, _cells(args))
        except _Refused as error:
            error.ctx = error.ctx or ctx
            raise

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write a section per group of options: the command's own first, the cell flags last."""
        sections: dict[str, list[tuple[str, str]]] = {"Options": []}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None:
                argument = parameter.param_type_name == "argument"
                title = MODEL if argument else getattr(parameter, "rich_help_panel", None)
                text = record[1].replace("\\[", "[")  # older Typers escape them for Rich
                sections.setdefault(title or "Options", []).append((record[0], text))
        shared = {title: sections.pop(title, []) for title in (MODEL, OUTPUT, CELL)}
        for title, records in (sections | shared).items():
            if records:
                with formatter.section(title):
                    formatter.write_dl(records, col_max=34)


class Commands(TyperGroup):
    """The group that imports a command's file only when that command is asked for."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names of all commands, in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return the command called `cmd_name`, None if there is none.

        While a shell lists the commands it has its first line of help and no options yet.
        """
        if cmd_name not in COMMANDS:
            return None
        if ctx.resilient_parsing:
            return TyperCommand(cmd_name, help=str(_function(cmd_name).__doc__).partition("\n")[0])
        return _built(cmd_name)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return the name, the command and the rest of a line. Raises: UsageError."""
        name, rest = args[0], args[1:]
        if name in COMMANDS:
            return name, _built(name), rest
        if ctx.resilient_parsing:
            return None, None, rest
        if name == "help":
            return _helped(ctx, rest)
        from rnncli.cli.refusals import unknown_command
        from rnncli.formats import SUFFIXES

        if os.path.exists(name) or name.lower().endswith(SUFFIXES):
            return "summary", _built("summary"), args
        raise unknown_command(name, COMMANDS)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the commands with the first line of their help, uncut."""
        with formatter.section("Commands"):
            commands = [(name, self.get_command(ctx, name)) for name in COMMANDS]
            formatter.write_dl([(name, each.get_short_help_str(1000)) for name, each in commands])


def _function(name: str) -> Any:
    return import_module(f"rnncli.cli.{name}").command


def _built(name: str) -> Any:
    single = typer.Typer(add_completion=False, **_PLAIN)
    single.command(name, cls=Command, context_settings=_CONTEXT)(_function(name))
    return typer.main.get_command(single)


def _helped(context: Any, rest: list[str]) -> Any:
    """Return the command whose help `rnncli help COMMAND` shows. Raises: Exit, UsageError."""
    if not rest or rest[0].startswith("-"):
        print(context.get_help())
        raise typer.Exit
    name, command, _ = context.command.resolve_command(context, rest[:1])
    return name, command, ["--help"]


def _cells(args: list[str]) -> list[str]:
    """Return the words of a line with the value of --cell as the table of cells has it."""
    found = list(args)
    for index, word in enumerate(args):
        flag, equals, value = word.partition("=")
        if flag == "--cell" and equals:
            found[index] = f"--cell={_cell(value)}"
        elif index and args[index - 1] == "--cell":
            found[index] = _cell(word)
    return found


def _cell(text: str) -> str:
    return _written().get(text.lower().replace("_", "").replace("-", ""), text)


@cache
def _written() -> dict[str, str]:
    """Return the values of --cell by what Keras and PyTorch call the cells."""
    known = cells_in("torch") | {name: cell_for(name) for name in names()}
    return {written.lower(): snake_case(cell.name) for written, cell in known.items()}


_CONTEXT: dict[str, Any] = {"help_option_names": ["-h", "--help"], "max_content_width": 100}

_PLAIN: dict[str, Any] = {"rich_markup_mode": None, "pretty_exceptions_enable": False}
app = typer.Typer(cls=Commands, context_settings=_CONTEXT, **_PLAIN)


def _version(asked: bool) -> None:
    if asked:
        print(f"rnncli {rnncli.__version__}")
        raise typer.Exit


def _help_all(context: typer.Context, asked: bool) -> None:
    if asked:
        from rnncli.cli.manual import manual

        print(manual(context))
        raise typer.Exit


@app.callback(invoke_without_command=True)
def root(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
    help_all: Annotated[
        bool,
        typer.Option(
            "--help-all",
            callback=_help_all,
            is_eager=True,
            help="Show the help of every command on one page.",
        ),
    ] = False,
) -> None:
    """Shapes, parameters, cost and values of recurrent networks.

    \b
    Examples:
      rnncli forward --input-size 32 --units 64 --steps 100
      rnncli summary --layer "Input((100, 32))" --layer "LSTM(64)" --layer "Dense(10)"
      rnncli summary model.h5
    """
    if context.invoked_subcommand is None:
        print(GUIDE, end="")


def main() -> None:
    """Run the command line and leave with its exit code."""
    if sys.stdin is None:  # closed by the caller: nothing to read
        sys.stdin = open(os.devnull)  # noqa: SIM115 - as long as the process
    if sys.stderr is None:  # nobody to tell
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115
    if sys.stdout is None:
        fail("stdout is closed, and answers are written there", "send it to a file or to /dev/null")
    address_space.guard()
    try:
        sys.exit(_run())
    except BrokenPipeError:
        silence_stdout()
        sys.exit(ExitCode.OK)
    except KeyboardInterrupt:
        what, number = interrupts.told()
        fail(what, code=number)


def _run() -> int:
    try:
        with interrupts.unchanged():
            code = _answer()
            sys.stdout.flush()
        return code
    except RnncliError as error:
        fail(error.message, error.hint, where=error.where)
    except _Refused as error:
        from rnncli.cli.refusals import told

        fail(*told(error))
    except (typer.Abort, KeyboardInterrupt):
        raise KeyboardInterrupt from None
    except BrokenPipeError:
        raise
    except OSError as error:
        if "--debug" in sys.argv:
            raise
        silence_stdout()
        what = error.filename or "the answer cannot be written"
        fail(f"{what}: {error.strerror or error}")
    except MemoryError:
        fail("there is not enough memory for this", "ask for smaller sizes")
    except Exception as error:
        if "--debug" in sys.argv:
            raise
        if isinstance(error, ImportError) and address_space.limit() is not None:
            fail("there is not enough memory to load a library", "raise the limit of ulimit -v")
        what = f"{type(error).__name__}: {error}".splitlines()[0]
        fail(f"a bug in rnncli ({what})", "run it again with --debug and report what it shows",
             ExitCode.BUG)  # fmt: skip


def _answer() -> int:
    """Run the command that was asked for and return its exit code."""
    if "_RNNCLI_COMPLETE" in os.environ:  # descriptions hold no markup that Rich should take out
        sys.modules["rich"] = None  # type: ignore[assignment]
    if {"--install-completion", "--show-completion"} & set(sys.argv[1:2]):
        from rnncli.cli.completion import check_shell

        check_shell()
    try:
        code = int(app(prog_name="rnncli", standalone_mode=False) or ExitCode.OK)
    except SystemExit as error:
        if isinstance(error.__context__, BrokenPipeError):  # which Typer takes for a failure
            raise BrokenPipeError from None
        raise
    if code == ExitCode.INTERRUPTED:
        raise KeyboardInterrupt
    return code
