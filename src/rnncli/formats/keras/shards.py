"""Keras's weights in several files: `model.weights.json` says which of its folder hold a group.

Source: `ShardedH5IOStore` of `keras/src/saving/saving_lib.py`.
"""

import os
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any, NamedTuple

from rnncli.errors import FileError
from rnncli.formats import limits
from rnncli.formats.containers import hdf5
from rnncli.formats.containers.members import Folder
from rnncli.formats.containers.shards import Shards
from rnncli.formats.keras.inference import from_store
from rnncli.formats.keras.json import load
from rnncli.formats.keras.variables import Shelf, shelf
from rnncli.model import Model
from rnncli.storage import Store

_EXPECTED = "expected a weight_map of groups and the files they are in"
_SHARD = re.compile(r"(.+)_\d{5}\.weights\.h5")


class Opened(NamedTuple):
    """What the files hold together, the files themselves, and what is missing of them."""

    shelf: Shelf
    files: list[Any]
    gaps: list[str]


def read(path: str, optimizer: bool = False) -> Model:
    """Return the model of an index; its weights are located, not read. Raises: FileError."""
    with opened(path) as held:
        model = from_store(held.shelf, path, "Keras 3 weights in shards")
    return model._replace(store=partial(store, path)).with_gaps(*held.gaps)


@contextmanager
def opened(path: str) -> Iterator[Opened]:
    """Give what the files hold that an index lists, in its order. Raises: FileError."""
    folder = Folder(os.path.dirname(path) or ".")
    listed = _listed(folder, os.path.basename(path))
    with ExitStack() as stack:
        files, gaps = [], []
        for name in dict.fromkeys(each for names in listed.values() for each in names):
            if folder.has(name):
                file = stack.enter_context(folder.open(name))
                files.append(stack.enter_context(hdf5.opened(file)))
            else:
                gaps.append(f"shard {name[:80]} is not there: what it holds is not counted")
        if listed and not files:
            raise FileError("none of its shards is there")
        found = shelf(*files).groups
        order = [group.strip("/").removesuffix("vars").rstrip("/") for group in listed]
        yield Opened(Shelf({each: found[each] for each in (*order, *found) if each in found}),
                     files, gaps)  # fmt: skip


def _listed(folder: Folder, index: str) -> dict[str, list[str]]:
    """Return which files hold each group. Raises: FileError."""
    with folder.open(index) as file:
        node = load(file.read(limits.JSON_BYTES + 1), index)
    listed = node.get("weight_map") if isinstance(node, dict) else None
    if not isinstance(listed, dict):
        raise FileError(f"{index}: no index of Keras's shards", _EXPECTED)
    limits.check("groups of an index", len(listed), limits.TENSORS)
    return {group: _names(each) for group, each in listed.items()}


def _names(value: Any) -> list[str]:
    """Return the files of a group: a list, or one name. Raises: FileError."""
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list) or not all(isinstance(each, str) for each in names):
        raise FileError(f"an index of shards that lists {str(value)[:60]!r} as files", _EXPECTED)
    beyond = next((each for each in names if "/" in each or "\\" in each), None)
    if beyond:
        raise FileError(f"shard {beyond[:60]!r} is not in the same folder; it is not read")
    return names


@contextmanager
def store(path: str) -> Iterator[Store]:
    """Give the tensors of all files by their paths. Raises: FileError."""
    with opened(path) as held:
        yield Shards([(frozenset(each.path for each in hdf5.entries(file)), hdf5.Hdf5Store(file))
                      for file in held.files])  # fmt: skip


def gap_beside(path: str) -> str | None:
    """Return what a file of weights lacks if it is one of those of the index beside it."""
    mark = _SHARD.fullmatch(os.path.basename(path))
    index = f"{mark[1]}.weights.json" if mark else ""
    if not index or not os.path.exists(os.path.join(os.path.dirname(path), index)):
        return None
    return f"this is a shard: others hold the rest of the model; give their index, {index}"
