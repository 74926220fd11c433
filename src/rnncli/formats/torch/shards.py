"""Hugging Face's folders: `config.json` beside the weights, which may be in several shards.

Shards are those that `index.json` or their own names tell, in the same folder, opened by plain
names and never through a link. Source: `save_pretrained` of the `transformers` package.
"""

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

from rnncli.errors import FileError
from rnncli.formats import limits, safetensors
from rnncli.formats.containers.members import Folder
from rnncli.formats.containers.shards import Shards
from rnncli.formats.keras.json import load
from rnncli.formats.torch import file as torch
from rnncli.formats.torch import values
from rnncli.formats.torch.modules import model_of
from rnncli.formats.torch.tensors import TorchTensor
from rnncli.formats.torch.tree import Found
from rnncli.model import Model, Source
from rnncli.storage import Store

_STEMS = ("model", "pytorch_model", "diffusion_pytorch_model", "adapter_model")
_WHOLE = tuple(f"{stem}.{end}" for stem in _STEMS for end in ("safetensors", "bin"))
_INDEX = tuple(f"{name}.index.json" for name in _WHOLE)
_SHARD = re.compile(r"(.+)-\d+-of-0*(\d+)\.(safetensors|bin)")
_FORMAT = "Hugging Face folder"
_FACTS = ("model_type", "transformers_version", "torch_dtype", "dtype")


def is_model(path: str) -> bool:
    """Whether a folder is a model of Hugging Face's."""
    folder = Folder(path)
    return folder.has("config.json") and (
        any(map(folder.has, (*_INDEX, *_WHOLE))) or any(map(_SHARD.fullmatch, os.listdir(path)))
    )


def read(path: str, optimizer: bool = False) -> Model:
    """Return the model of a folder, or of the index of its shards. Raises: FileError."""
    at = path if os.path.isdir(path) else os.path.dirname(path) or "."
    folder = Folder(at)
    index = os.path.basename(path) if at != path else next(filter(folder.has, _INDEX), None)
    found, stores, gaps = _indexed(folder, index) if index else _unindexed(folder)
    details = _facts(folder)
    version = details.get("transformers_version")
    written = f"transformers {version}" if version else "PyTorch"
    name = os.path.basename(os.path.abspath(at))
    model = model_of(found, Source("file", path, _FORMAT, written, details))
    return model._replace(name=name, store=partial(_opened, stores)).with_gaps(*gaps)


Stores = list[tuple[frozenset[str], Any]]  # what opens the tensors of these names


def _indexed(folder: Folder, index: str) -> tuple[Found, Stores, list[str]]:
    """Return what the shards hold that an index lists, and what of it is missing."""
    node = _json(folder, index)
    listed = node.get("weight_map")
    if not isinstance(listed, dict) or not all(isinstance(n, str) for n in listed.values()):
        raise FileError(
            "an index without a weight_map", "expected names and the shards they are in"
        )
    limits.check("tensors", len(listed), limits.TENSORS)
    found, stores, gaps = _joined(folder, list(dict.fromkeys(listed.values())))
    lost = [name for name in listed if name not in found.tensors]
    if lost and not gaps:
        gaps.append(f"{len(lost):,} tensors of the index are in no shard: {lost[0][:80]}, …")
    return found, stores, gaps


def _unindexed(folder: Folder) -> tuple[Found, Stores, list[str]]:
    """Return what the only file of weights holds, or all shards that there are."""
    whole = next(filter(folder.has, _WHOLE), None)
    if whole is not None:
        return _joined(folder, [whole])
    names = sorted(name for name in os.listdir(folder.path) if _SHARD.fullmatch(name))
    first = _SHARD.fullmatch(names[0])
    of = int(first[2]) if first is not None else 0
    found, stores, gaps = _joined(folder, names)
    if len(names) < of:
        gaps.append(f"{of - len(names)} of {of} shards are not there")
    return found, stores, gaps


def _joined(folder: Folder, names: list[str]) -> tuple[Found, Stores, list[str]]:
    """Return the tensors of several files together. Raises: FileError if none is there."""
    tensors: dict[str, TorchTensor] = {}
    stores: Stores = []
    gaps: list[str] = []
    for number, name in enumerate(names):
        if "/" in name or "\\" in name:
            raise FileError(f"shard {name[:60]!r} is not in the same folder; it is not read")
        if not folder.has(name):
            gaps.append(f"shard {name[:80]} is not there: what it holds is not counted")
            continue
        own, opener = _one(folder, name)
        tensors |= {key: each._replace(storage=f"{number} {each.storage}" if each.storage else "")
                    for key, each in own.items()}  # fmt: skip
        stores.append((frozenset(own), opener))
    if not tensors:
        raise FileError("none of its shards is there")
    return Found(tensors, {}), stores, gaps


def _one(folder: Folder, name: str) -> tuple[Mapping[str, TorchTensor], Any]:
    """Return the tensors of one file, and what opens their values."""
    folder.open(name).close()  # it is no link, and in the folder
    path = os.path.join(folder.path, name)
    try:
        if name.endswith(".safetensors"):
            found = safetensors.tensors_in(path)
            return found.tensors, partial(values.opened, path, dict, found.tensors)
        contents, found = torch.contents_of(path)
    except FileError as error:
        raise FileError(f"{name}: {error.message}", error.hint) from None
    return found.tensors, partial(values.opened, path, contents.places, found.tensors)


def _json(folder: Folder, name: str) -> dict[str, Any]:
    with folder.open(name) as file:
        node = load(file.read(limits.JSON_BYTES + 1), name)
    if not isinstance(node, dict):
        raise FileError(f"{name} is no object")
    return node


def _facts(folder: Folder) -> dict[str, str]:
    """Return what `config.json` says of the model; nothing where there is none."""
    if not folder.has("config.json"):
        return {}
    node = _json(folder, "config.json")
    facts = {key: str(node[key])[:60] for key in _FACTS if isinstance(node.get(key), str)}
    names = node.get("architectures")
    if isinstance(names, list) and names:
        facts["architectures"] = ", ".join(str(each) for each in names[:4])[:60]
    return facts


@contextmanager
def _opened(stores: Stores) -> Iterator[Store]:
    with ExitStack() as stack:
        yield Shards([(names, stack.enter_context(opener())) for names, opener in stores])
