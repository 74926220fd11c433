"""What Typer refuses on a command line, told as rnncli tells it."""

import re
from collections.abc import Iterable
from typing import Any

from rnncli.errors import UsageError, near_to, nearest

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
# What other tools call a command.
OTHER_COMMANDS = {
    "summary": ("info", "show", "inspect", "print", "describe", "model-summary", "torchinfo"),
    "params": ("count", "parameters", "param", "num-params", "count-params"),
    "shapes": ("shape", "output-shape", "output-shapes"),
    "explain": ("equations", "formula", "formulas", "how"),
    "cost": ("flops", "macs", "profile", "memory", "stats"),
    "forward": ("run", "predict", "infer", "inference", "eval", "plot"),
    "fit": ("budget", "search"),
    "check": ("test", "validate", "assert", "lint"),
    "--version": ("version", "-v", "-V"),
    "--help": ("-?",),
}
_MEANT = {word: meant for meant, words in OTHER_WORDS.items() for word in words}
_COMMANDS = {word: meant for meant, words in OTHER_COMMANDS.items() for word in words}
# What a layer takes and the cell flags do not: it is said with --layer.
_ARGUMENTS = {
    "--dropout": "dropout=0.2", "--recurrent-dropout": "recurrent_dropout=0.2",
    "--stateful": "stateful=True", "--unroll": "unroll=True",
    "--unit-forget-bias": "unit_forget_bias=True",
    "--kernel-initializer": "kernel_initializer='he_normal'",
}  # fmt: skip
_CHOICE = r"'(.*)' is not one of (.*)"
LONGEST = 300  # characters of a message; what was typed may be far longer


def told(error: Any) -> tuple[str, str]:
    """Return the message and the hint for a usage error of Typer's."""
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "rnncli"
    see = f"see {path} --help"
    if hasattr(error, "possibilities"):  # an option that does not exist
        return _shortened(f"{path} has no option {error.option_name}"), _meant(error, see)
    parameter = getattr(error, "param", None)
    text = " ".join(str(error.message or error.format_message()).split()).removesuffix(".")
    text = re.sub(r"is not a valid int\w*( range)?$", "is not a whole number", text)
    text = re.sub(r"is not in the range x>=(\d+)$", r"is less than \1", text)
    text = re.sub(r"is not in the range (\d+)<=x<=(\d+)$", r"is not from \1 to \2", text)
    if text.startswith("Got unexpected extra argument"):
        return _extra(context, text, see)
    if parameter is not None and parameter.param_type_name == "option":
        hint = _chosen(parameter.opts[0], text) or see
        return _shortened(f"{parameter.opts[0]}: {text}"), hint
    return _shortened(text[:1].lower() + text[1:]), see


def unknown_command(name: str, known: Iterable[str]) -> UsageError:
    """Return the error of a command that does not exist, with the one that was probably meant."""
    meant = _COMMANDS.get(name.lower().replace("_", "-"))
    hint = f"did you mean {meant}?" if meant else nearest(name.lower(), known)
    return UsageError(f"rnncli has no command {name[:80]!r}",
                      hint or f"commands: {', '.join(known)}")  # fmt: skip


def _meant(error: Any, see: str) -> str:
    """Return the option that was probably meant, else where options are listed."""
    context, name = error.ctx, error.option_name
    if context.parent is None:
        group = context.command
        for command in group.list_commands(context):
            if name in _options(group.get_command(context, command)):
                return f"options come after the command: rnncli {command} {name}"
        if name in _COMMANDS:
            return f"did you mean {_COMMANDS[name]}?"
    known = _options(context.command)
    plain = name.lower().replace("_", "-").replace("---", "--")
    meant = _MEANT.get(plain)
    if meant is not None and meant.partition(" ")[0] in known:
        return f"did you mean {meant}?"
    if plain in _ARGUMENTS and "--layer" in known:
        return f'write it in a layer: --layer "LSTM(64, {_ARGUMENTS[plain]})"'
    begun = [each for each in known if len(plain) > 3 and each.startswith(plain)]
    near = begun or near_to(plain.lstrip("-"), [each.lstrip("-") for each in known])
    return f"did you mean --{near[0].lstrip('-')}?" if near else see


def _chosen(option: str, text: str) -> str | None:
    """Return the choice that was probably meant, None where none is near."""
    refused = re.fullmatch(_CHOICE, text)
    if refused is None:
        return None
    near = near_to(refused[1].lower(), re.findall(r"'([^']*)'", refused[2]))
    return f"did you mean {option} {near[0]}?" if near else None


def _extra(context: Any, text: str, see: str) -> tuple[str, str]:
    """Return what a command says of files that it does not take, and which one takes them."""
    import shlex  # not at every start

    found = re.fullmatch(r".*?arguments?(?:\(s\))? \((.*)\)", text)
    model, command = context.params.get("file"), context.info_name
    if found is None or model is None:
        return _shortened(text[:1].lower() + text[1:]), see
    message = _shortened(f"rnncli {command} takes one file, but gets {found[1]} too")
    more = [shlex.quote(each) for each in found[1].split()]
    if command == "forward":
        given = " ".join(f"--input {each}" for each in more)
        return message, _shortened(f"rnncli forward {shlex.quote(model)} {given}")
    return message, _shortened(f"rnncli summary {shlex.quote(model)} {' '.join(more)}")


def _options(command: Any) -> list[str]:
    names = [name for each in command.params for name in (*each.opts, *each.secondary_opts)]
    return [name for name in names if name.startswith("-")]


def _shortened(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."
