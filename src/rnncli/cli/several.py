"""Several files and folders on a line, read one after another."""

import os
import re
import sys
from collections.abc import Iterable, Iterator
from itertools import islice

from typer import Exit

from rnncli.cli.options import AnyOutput
from rnncli.cli.output import emit, page, talk, write
from rnncli.errors import ExitCode, RnncliError, UsageError

_JSON_START = 65_536  # bytes in which a model's config names its class
_SHARD = r"group\d+-shard\d+of\d+\.bin$"  # weights of a TensorFlow.js model
_WIDEST = 60  # columns for paths


def found_in(paths: Iterable[str], depth: int | None = None) -> Iterator[str]:
    """Yield the files named, and the models in folders down to `depth` folders (1: their own)."""
    for path in paths:
        if os.path.isdir(path):
            yield from _searched(path, depth)
        else:
            yield path


def _searched(top: str, depth: int | None) -> Iterator[str]:
    from rnncli.formats import SUFFIXES, is_model_folder

    for folder, inner, names in os.walk(top):
        if is_model_folder(folder):
            inner.clear()
            yield folder
            continue
        inner.sort()
        below = os.path.relpath(folder, top)
        level = 1 if below == "." else below.count(os.sep) + 2
        if depth is not None and level >= depth:
            inner.clear()
        for name in sorted(names):
            path = os.path.join(folder, name)
            if name.lower().endswith(SUFFIXES) and _plausible(path):
                yield path


def _plausible(path: str) -> bool:
    """Whether a file of a folder may be a model: most JSON is something else."""
    try:
        if not os.path.isfile(path) or re.search(_SHARD, path):
            return False
        if not path.lower().endswith(".json"):
            return True
        with open(path, "rb") as file:
            return b"class_name" in file.read(_JSON_START)
    except OSError:  # reading it says why
        return True


def names_from(path: str) -> list[str]:
    """Return the file names in a file or, as `-`, on stdin: a line each, or ended by NUL.

    Raises: UsageError if there are none, OSError.
    """
    if path == "-":
        data = sys.stdin.buffer.read()
    else:
        with open(path, "rb") as file:
            data = file.read()
    parts = data.split(b"\0") if b"\0" in data else data.splitlines()
    names = [os.fsdecode(part) for part in parts if part.strip()]
    if not names:
        raise UsageError(f"{'stdin' if path == '-' else path} names no files")
    return names


def nothing_in(paths: list[str]) -> RnncliError:
    """Return the error of folders without a model; a single one may be known as something else."""
    from rnncli.formats import read

    if len(paths) == 1:
        try:
            read(paths[0])
        except RnncliError as error:
            return error
    return UsageError(f"there is no model in {', '.join(paths)[:200]}")


def summaries(paths: list[str], depth: int | None, output: AnyOutput) -> None:
    """Print a row per file as it is read. Raises: Exit with 2 if one cannot be read."""
    from rnncli.render import lines
    from rnncli.report.files import files

    listed = list(found_in(paths, depth))
    if not listed:
        raise nothing_in(paths)
    widest = min(max(map(len, islice(listed, 100_000))), _WIDEST)
    drawn, failed = lines.lines(widest, page()), 0
    kept = []
    if output.format == "table":
        write(drawn.header())
    for each in listed:
        row = _row(each)
        failed += row["error"] is not None
        if output.format == "json":
            write(lines.as_json(row))
        elif output.format == "table":
            write(drawn.line(row))
        else:
            kept.append(row)
    if kept:
        emit(files(kept), output)
    if failed:
        talk(f"error: {failed:,} of {len(listed):,} files cannot be read")
        raise Exit(ExitCode.USAGE)


def _row(path: str) -> dict[str, object]:
    from rnncli.formats import read
    from rnncli.report.files import row, unread

    try:
        model = read(path)
    except RnncliError as error:
        return unread(path, error.message.removeprefix(f"{path}: "))
    found = row(path, model)
    for warning in found["warnings"]:
        talk(f"warning: {warning}")
    return found
