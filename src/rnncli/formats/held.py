"""Keras models that stand in a pickle as bytes, one of `torch.save` too.

Keras 2.12 and later put a model into a pickle as the bytes of its `.keras` file, Keras 2.9 as those
of a tar file of a SavedModel.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from rnncli.formats import limits
from rnncli.formats.containers.pickle_machine import Record, Span
from rnncli.formats.containers.zip import Archive, Part, opened
from rnncli.formats.torch.storages import as_bytes
from rnncli.formats.torch.tree import walk
from rnncli.model import Model

_ZIP = b"PK\3\4"
_LEAST = 100  # bytes of a model


def models(root: Any, path: str, data: bytes | None) -> Iterator[Part]:
    """Yield the `.keras` files and tar files of SavedModels that stand in a pickle as bytes.

    The pickle is the file `path`, or `data` where it is not at its beginning.
    """
    limit = limits.PICKLE_WALK
    for count, value in enumerate(walk(root)):
        limits.check("values in a pickle", count, limit)
        if _is_text(value):
            value = as_bytes(value)
        if isinstance(value, Span) and data is not None:
            value = data[value.offset : value.offset + value.length]
        if isinstance(value, Span):
            part = Part(path, value.offset, value.length)
        elif isinstance(value, bytes) and len(value) > _LEAST:
            part = Part(path, 0, len(value), value)
        else:
            continue
        if _holds_keras(part):
            yield part


def _is_text(value: Any) -> bool:
    """Whether a value is bytes as protocol 2 writes them: text, to be encoded."""
    return (
        isinstance(value, Record)
        and value.what == "_codecs.encode"
        and isinstance(value.args[0] if value.args else None, str)
    )


def _holds_keras(part: Part) -> bool:
    with opened(part) as file:
        start = file.read(512)
    if start.startswith(_ZIP):
        with Archive(part) as archive:
            return "config.json" in archive.names
    return start[257:262] == b"ustar"


def read(parts: Iterable[Part], optimizer: bool) -> Model | None:
    """Return the first of several models, None if there is none. Raises: FileError."""
    found = list(parts)
    if not found:
        return None
    model = read_one(found[0], optimizer)
    if len(found) > 1:
        more = f"the pickle holds {len(found)} Keras models; this is the first"
        model = model._replace(warnings=(*model.warnings, more))
    return model


def read_one(part: Part, optimizer: bool) -> Model:
    """Return the model in a part of a file. Raises: FileError."""
    with opened(part) as file:
        is_zip = file.read(4) == _ZIP
    if is_zip:
        from rnncli.formats.keras.zipped import read
    else:
        from rnncli.formats.tensorflow.saved_model import read_archive as read
    return read(part, optimizer)
