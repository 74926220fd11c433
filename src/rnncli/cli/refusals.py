"""What Typer refuses on a command line, told as rnncli tells it."""

import re
from typing import Any

from rnncli.errors import nearest

LONGEST = 300  # characters of a message; what was typed may be far longer


def told(error: Any) -> tuple[str, str]:
    """Return the message and the hint for a usage error of Typer's."""
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "rnncli"
    see = f"see {path} --help"
    if hasattr(error, "possibilities"):  # an option that does not exist
        return _shortened(f"{path} has no option {error.option_name}"), _meant(error, see)
    parameter = getattr(error, "param", None)
    text = " ".join(str(error.message).split()).removesuffix(".")
    text = re.sub(r"is not a valid int\w*( range)?$", "is not a whole number", text)
    if parameter is not None and parameter.param_type_name == "option":
        return _shortened(f"{parameter.opts[0]}: {text}"), see
    return _shortened(text[:1].lower() + text[1:]), see


def _meant(error: Any, see: str) -> str:
    """Return the option that was probably meant, else where options are listed."""
    context, name = error.ctx, error.option_name
    if context.parent is None:
        group = context.command
        for command in group.list_commands(context):
            if name in _options(group.get_command(context, command)):
                return f"options come after the command: rnncli {command} {name}"
    return nearest(name, _options(context.command)) or see


def _options(command: Any) -> list[str]:
    names = [name for each in command.params for name in (*each.opts, *each.secondary_opts)]
    return [name for name in names if name.startswith("-")]


def _shortened(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."
