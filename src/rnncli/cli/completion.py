"""What the shell completes beside the names of commands, options and choices: files and names."""

import os
from collections.abc import Iterable

from typer import Context

SHELLS = ("bash", "zsh", "fish", "powershell", "pwsh")  # for which Typer has a script


def check_shell() -> None:
    """Check that this runs in a shell that can complete. Raises: UsageError."""
    from shellingham import (  # type: ignore[import-untyped]
        ShellDetectionFailure,
        detect_shell,
    )

    from rnncli.errors import UsageError

    try:
        shell, _ = detect_shell()
    except ShellDetectionFailure:
        shell = "no shell"
    if shell not in SHELLS:
        raise UsageError(f"completion is for bash, zsh and fish, but this runs in {shell}",
                         "run it from one of them")  # fmt: skip


def files(incomplete: str) -> list[str]:
    """Return the folders and model files that begin with `incomplete`.

    A folder that is the only one is entered: a shell ends the word after a single answer.
    """
    found = _entries(incomplete)
    while len(found) == 1 and found[0].endswith("/"):
        found = _entries(found[0])
    return found


def _entries(incomplete: str) -> list[str]:
    from rnncli.formats import SUFFIXES

    folder, slash, start = incomplete.rpartition("/")
    folder += slash
    try:
        with os.scandir(os.path.expanduser(folder) or ".") as entries:
            names = [each.name + "/" * each.is_dir() for each in entries]
    except OSError:
        return []
    return _safe(
        folder + name
        for name in sorted(names)
        if name.startswith(start)
        and name.lower().endswith(("/", *SUFFIXES))
        and (start or not name.startswith("."))
    )


def activations() -> list[str]:
    """Return the names of the activations."""
    from rnncli.activation_names import ACTIVATION_NAMES

    return list(ACTIVATION_NAMES)


def layer_names(context: Context) -> list[str]:
    """Return the names of the layers in the file on the line, none if it cannot be read."""
    path = context.params.get("file") or next(iter(context.args), "")
    if not os.path.isfile(path):  # nothing waits for stdin or a pipe while a key is pressed
        return []
    try:
        from rnncli.formats import read

        return _safe(layer.name for layer in read(path).rows)
    except Exception:  # who presses a key asked for no error, nor for a bug report
        return []


def _safe(words: Iterable[str]) -> list[str]:
    """Return the words that every shell reads as they are: Typer's scripts quote nothing."""
    import shlex

    return [word for word in words if shlex.quote(word.lstrip("~")) == word.lstrip("~")]
