"""A budget file: which limits hold for which models of a repository."""

import glob
import os
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from rnncli.cli.several import found_in
from rnncli.errors import FileError, UsageError, nearest, nearest_file
from rnncli.formats import limits
from rnncli.shapes import parse
from rnncli.units import parse_amount

if TYPE_CHECKING:
    from rnncli.report.check import Limits

_AMOUNTS = ("params", "max-params", "max-bytes", "max-macs")
_KEYS = (*_AMOUNTS, "output-shape", "no-nan")


class Section(NamedTuple):
    """A section of the file: a pattern of paths, and what its models are held to."""

    pattern: str
    limits: "Limits"


def budgeted(path: str, named: Sequence[str]) -> list[tuple[str, "Limits"]]:
    """Return the model files that the sections of a budget file match, each with its limits.

    `named` are the only ones asked for, if any are. Raises: FileError, UsageError for a section
    that cannot be understood or matches no file, and for a file that no section is about.
    """
    folder = os.path.dirname(path)
    found = [
        (file, section.limits)
        for section in sections(path)
        for file in _matches(path, folder, section.pattern)
    ]
    if not named:
        return found
    asked = {os.path.realpath(file): file for file in found_in(named)}
    kept = [(file, limits) for file, limits in found if os.path.realpath(file) in asked]
    held = {os.path.realpath(file) for file, _ in kept}
    missing = [file for real, file in asked.items() if real not in held]
    if missing:
        raise UsageError(f"no section of {path} is about {missing[0][:80]}",
                         'add one, such as ["models/*.keras"]')  # fmt: skip
    return kept


def sections(path: str) -> Iterator[Section]:
    """Yield the sections of a budget file. Raises: FileError, UsageError."""
    try:
        with open(path, "rb") as file:
            data = file.read(limits.BUDGET_BYTES + 1)
        if len(data) > limits.BUDGET_BYTES:
            raise FileError(
                f"{path} is no budget file: it has more than {limits.BUDGET_BYTES:,} bytes"
            )
        tables = tomllib.loads(data.decode())
    except OSError as error:
        hint = nearest_file(path) if isinstance(error, FileNotFoundError) else None
        raise FileError(f"{path}: {error.strerror or error}", hint) from None
    except (ValueError, RecursionError) as error:
        raise FileError(f"{path} is not TOML: {str(error)[:200]}") from None
    if not tables:
        raise UsageError(f"{path} has no section", 'begin one with ["models/*.keras"]')
    for pattern, table in tables.items():
        if not isinstance(table, dict):
            raise UsageError(f"{path}: {pattern[:40]} stands outside a section",
                             'begin a section with ["models/*.keras"]')  # fmt: skip
        yield Section(pattern, _limits(f"{path}: [{pattern[:80]}]", table))


def _limits(where: str, table: Mapping[str, Any]) -> "Limits":
    from rnncli.report.check import Limits

    given = {key.replace("_", "-"): value for key, value in table.items()}
    for key, value in given.items():
        if key not in _KEYS or isinstance(value, dict):
            hint = nearest(key[:40], _KEYS) or f"limits: {', '.join(_KEYS)}"
            raise UsageError(f"{where}: {key[:40]} is no limit", hint)
    if not given:
        raise UsageError(f"{where} has no limits", f"limits: {', '.join(_KEYS)}")
    params, max_params, max_bytes, max_macs = (_amount(where, key, given) for key in _AMOUNTS)
    no_nan = given.get("no-nan", False)
    if not isinstance(no_nan, bool):
        raise UsageError(f"{where}: no-nan is {no_nan!r}, but true or false is expected")
    return Limits(params, max_params, max_bytes, max_macs, _shapes(where, given), no_nan)


def _amount(where: str, key: str, given: Mapping[str, Any]) -> int | None:
    value = given.get(key)
    if value is None or (type(value) is int and value >= 0):
        return value
    if not isinstance(value, str):
        raise UsageError(f"{where}: {key} is {str(value)[:40]}, but an amount is expected",
                         "write 50000 or a text such as '50k'")  # fmt: skip
    try:
        return parse_amount(value)
    except UsageError as error:
        raise UsageError(f"{where}: {key}: {error.message}", error.hint) from None


def _shapes(where: str, given: Mapping[str, Any]) -> Any:
    value = given.get("output-shape")
    if value is None:
        return None
    texts = value if isinstance(value, list) else [value]
    if not texts or not all(isinstance(text, str) for text in texts):
        raise UsageError(f"{where}: output-shape is no text such as 'None,100,64', or list of them")
    shapes = tuple(map(parse, texts))
    if () in shapes:
        raise UsageError(f"{where}: output-shape has no sizes", "write None,100,64 (None: any)")
    return shapes


def _matches(path: str, folder: str, pattern: str) -> list[str]:
    """Return the models that a pattern matches, `**` any number of folders. Raises: UsageError."""
    try:
        names = sorted(glob.glob(pattern, root_dir=folder or None, recursive=True))
    except (ValueError, OSError) as error:
        raise UsageError(f"{path}: [{pattern[:80]}]: {error}") from None
    if glob.has_magic(pattern):  # which may match a README too
        names = [name for name in names if _may_be_model(os.path.join(folder, name))]
    found = list(dict.fromkeys(found_in(os.path.join(folder, name) for name in names)))
    if not found:
        raise UsageError(f"{path}: [{pattern[:80]}] matches no model file",
                         "patterns start at the folder of the budget file")  # fmt: skip
    return found


def _may_be_model(path: str) -> bool:
    from rnncli.formats import SUFFIXES

    return os.path.isdir(path) or path.lower().endswith(SUFFIXES)
