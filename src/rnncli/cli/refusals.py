"""What Typer refuses on a command line, told as rnncli tells it."""

import re
import shlex
from typing import Any

from rnncli.errors import nearest

# What other tools call an option, PyTorch first; a word may stand for an option and its value.
OTHER_WORDS = {
    "--units": ("--hidden-size", "--hidden-dim", "--hidden-units", "--hidden", "--state-size"),
    "--depth": ("--num-layers", "--n-layers", "--nlayers", "--layers", "--num-rnn-layers"),
    "--steps": ("--seq-len", "--seq-length", "--sequence-length", "--seqlen", "--timesteps",
                "--time-steps", "--input-length", "--max-len", "--length"),
    "--input-size": ("--input-dim", "--features", "--num-features", "--embedding-dim"),
    "--batch-size": ("--batch", "--bs"),
    "--activation": ("--nonlinearity",),
    "--no-bias": ("--bias", "--use-bias"),
    "--weights": ("--load", "--load-weights", "--state-dict", "--ckpt", "--checkpoint"),
    "--output": ("--out", "--save", "--output-file"),
    "--cell gru": ("--gru",),
    "--cell lstm": ("--lstm",),
    "--cell simple_rnn": ("--rnn", "--simple-rnn", "--simplernn"),
    "--format csv": ("--csv",),
    "--format json": ("--json",),
    "--format markdown": ("--markdown", "--md"),
    "--format latex": ("--latex", "--tex"),
}  # fmt: skip
_MEANT = {word: meant for meant, words in OTHER_WORDS.items() for word in words}
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
    if text.startswith("Got unexpected extra argument"):
        see = _extra(context, text) or see
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
    known = _options(context.command)
    meant = _MEANT.get(name.lower().replace("_", "-").replace("---", "--"))
    if meant is not None and meant.partition(" ")[0] in known:
        return f"did you mean {meant}?"
    return nearest(name.replace("_", "-"), known) or see


def _extra(context: Any, text: str) -> str | None:
    """Return how to give `forward` its inputs, which are no arguments, None for other commands."""
    model = context.params.get("file")
    inputs = re.fullmatch(r".*?arguments?(?:\(s\))? \((.*)\)", text)
    if context.info_name != "forward" or model is None or inputs is None:
        return None
    given = " ".join(f"--input {shlex.quote(each)}" for each in inputs[1].split())
    return _shortened(f"rnncli forward {shlex.quote(model)} {given}")


def _options(command: Any) -> list[str]:
    names = [name for each in command.params for name in (*each.opts, *each.secondary_opts)]
    return [name for name in names if name.startswith("-")]


def _shortened(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."
