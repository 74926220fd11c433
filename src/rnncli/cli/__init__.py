"""The command line: a table of commands, each in a file of its own, loaded when it is called."""

import sys
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

import rnncli
from rnncli.cli.output import fail
from rnncli.errors import ExitCode, RnncliError

COMMANDS = ("summary", "params", "shapes", "explain", "cost", "forward", "fit", "check")

GUIDE = """\
rnncli answers what comes out of a recurrent network, how many parameters it has and why.

  rnncli forward --input-size 32 --units 64 --steps 100
  rnncli summary --layer "Input((100, 32))" --layer "LSTM(64)" --layer "Dense(10)"
  rnncli params --cell gru --convention torch

Run rnncli --help for all commands.
"""


class Command(TyperCommand):
    """A command whose options are listed under the heading they belong to."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the arguments first, then a section per group of options."""
        sections: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None:
                title = getattr(parameter, "rich_help_panel", None) or "Options"
                sections.setdefault(title, []).append(record)
        for title in ("Model", *(each for each in sections if each != "Model")):
            if title in sections:
                with formatter.section(title):
                    formatter.write_dl(sections[title], col_max=34)


class Commands(TyperGroup):
    """The group that imports a command's file only when that command is asked for."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names of all commands, in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return the command called `cmd_name`, None if there is none."""
        if cmd_name not in COMMANDS:
            return None
        run = import_module(f"rnncli.cli.{cmd_name}").command
        single = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
        single.command(cmd_name, cls=Command, context_settings=_CONTEXT)(run)
        return typer.main.get_command(single)


# Typer's own name for "the command line is not understood"; newer versions carry their own click.
_Refused: Any = typer.BadParameter.__base__

_CONTEXT: dict[str, Any] = {"help_option_names": ["-h", "--help"], "max_content_width": 100}

app = typer.Typer(
    cls=Commands, rich_markup_mode=None, context_settings=_CONTEXT, pretty_exceptions_enable=False
)


def _version(asked: bool) -> None:
    if asked:
        print(f"rnncli {rnncli.__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def root(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
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
    try:
        sys.exit(_run())
    except BrokenPipeError:
        _close_quietly()
        sys.exit(ExitCode.OK)
    except KeyboardInterrupt:
        fail("interrupted", code=ExitCode.INTERRUPTED)


def _run() -> int:
    try:
        code = app(standalone_mode=False)
        sys.stdout.flush()
        return int(code or ExitCode.OK)
    except RnncliError as error:
        fail(error.message, error.hint)
    except _Refused as error:
        fail(" ".join(error.format_message().split()), _usage_hint(error))
    except (typer.Abort, KeyboardInterrupt):
        raise KeyboardInterrupt from None
    except BrokenPipeError:
        raise
    except Exception as error:
        if "--debug" in sys.argv:
            raise
        what = f"{type(error).__name__}: {error}".splitlines()[0]
        fail(f"a bug in rnncli ({what})", "run it again with --debug and report what it shows",
             ExitCode.BUG)  # fmt: skip


def _usage_hint(error: Exception) -> str | None:
    context = getattr(error, "ctx", None)
    return f"see {context.command_path} --help" if context is not None else None


def _close_quietly() -> None:
    """Point stdout at nothing, so that the interpreter's last flush finds no closed pipe."""
    import os

    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
