"""Keras's own format since version 3 (and 2.12): a zip with `config.json` and the weights, or a
folder of these files."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any, BinaryIO

from rnncli.errors import FileError, RnncliError
from rnncli.formats import limits
from rnncli.formats.containers import members
from rnncli.formats.containers.zip import Archive, Part
from rnncli.formats.keras.config import model_of
from rnncli.formats.keras.json import details, load, parse, written_by
from rnncli.formats.keras.nodes import NO_WEIGHTS, is_model
from rnncli.formats.keras.quantized import has_attention, holds_other_attention
from rnncli.formats.keras.version import KerasVersion, version_of
from rnncli.graph.infer import infer
from rnncli.model import Model, Source
from rnncli.storage import Store

WEIGHTS = "model.weights.h5"
FORMAT, PICKLED = "Keras v3", "Keras v3 in a pickle"


class _Unzipped(members.Folder):
    """The files of a folder, as those of a zip."""

    def __enter__(self) -> "_Unzipped":
        self.files = ExitStack()
        return self

    def __exit__(self, *error: object) -> None:
        self.files.close()

    @property
    def names(self) -> list[str]:
        """The names of the files that a model has."""
        found = [name for name in ("config.json", "metadata.json", WEIGHTS) if self.has(name)]
        for folder, _, files in os.walk(os.path.join(self.path, "assets")):
            inside = os.path.relpath(folder, self.path).replace(os.sep, "/")
            found += [f"{inside}/{name}" for name in files]
        return found

    def read(self, name: str, limit: int) -> bytes:
        """Return the bytes of a file. Raises: FileError if it has more than `limit`."""
        return members.read(self, name, limit)

    def opened(self, name: str) -> BinaryIO:
        """Return a file, open as long as the folder is. Raises: FileError."""
        return self.files.enter_context(self.open(name))


def _archive(path: str | Part) -> "Archive | _Unzipped":
    if isinstance(path, str) and os.path.isdir(path):
        return _Unzipped(path)
    return Archive(path)


def read(path: str | Part, optimizer: bool = False) -> Model:
    """Return the model of a file, or of a part of one; weights are opened where they are asked for.

    Raises: FileError.
    """
    with _archive(path) as archive:
        node = parse(archive.read("config.json", limits.JSON_BYTES), "config.json")
        metadata = _metadata(archive)
        has_weights = WEIGHTS in archive.names
    version = metadata.get("keras_version")
    era = version_of(version if isinstance(version, str) else None, None, node)
    saved = metadata.get("date_saved")
    told = details(era, node, date=saved[:40] if isinstance(saved, str) else None)
    name, format = (path, FORMAT) if isinstance(path, str) else (path.path, PICKLED)
    source = Source("file", name, format, written_by(era), told)
    if has_weights and not is_model(node):
        return _subclassed(path, name, node, era, optimizer)
    written = model_of(node, era, source)
    model = infer(written)
    if not has_weights:
        return model.with_gaps(NO_WEIGHTS) if model.params else model
    if _has_unknown(written):
        model = _with_unknown(path, written, model)
    if optimizer:
        from rnncli.formats.keras.optimizer import with_state
        from rnncli.formats.keras.variables import optimizer_weights

        compiled = node.get("compile_config")
        made = compiled.get("optimizer") if isinstance(compiled, dict) else None
        with opened(path) as file:
            model = with_state(model, optimizer_weights(file), made)
    model = model._replace(store=partial(store, path))
    return _as_stored(model, path) if has_attention(model.layers) else model


def _as_stored(model: Model, path: str | Part) -> Model:
    """Return the model with a warning where its attention is not stored as its config says."""
    try:
        with _archive(path) as archive:
            if not holds_other_attention(model.layers, archive.opened(WEIGHTS)):
                return model
        with store(path) as held:
            return located(model, held)
    except FileError as error:
        return model.with_gaps(f"what it holds of its attention is not counted: {error.message}")


def _subclassed(
    path: str | Part, shown: str, node: dict[str, Any], era: KerasVersion, optimizer: bool
) -> Model:
    """Return the layers of a model whose config lists none, as far as its weights tell."""
    from rnncli.formats.keras.inference import from_store
    from rnncli.formats.keras.variables import optimizer_weights, shelf

    with opened(path) as file:
        model = from_store(shelf(file), shown, "Keras 3, subclassed", era)
        found = optimizer_weights(file) if optimizer else None
    config = node.get("config")
    name = config.get("name") if isinstance(config, dict) else None
    kind = str(node.get("class_name"))[:60]
    warning = f"{kind!r} is a subclassed model: how its layers are connected is in its code"
    warnings = (warning, *model.warnings)
    return model._replace(
        name=str(name or model.name)[:80], warnings=warnings, optimizer=found,
        store=partial(store, path),
    )  # fmt: skip


def _metadata(archive: "Archive | _Unzipped") -> dict[str, Any]:
    if "metadata.json" not in archive.names:
        return {}
    found = load(archive.read("metadata.json", limits.METADATA_BYTES), "metadata.json")
    return found if isinstance(found, dict) else {}


@contextmanager
def opened(path: str | Part) -> Iterator[Any]:
    """Give the HDF5 file of the weights, read where it lies. Raises: FileError."""
    with _archive(path) as archive, _weights(archive) as file:
        yield file


@contextmanager
def _weights(archive: "Archive | _Unzipped") -> Iterator[Any]:
    from rnncli.formats.containers import hdf5

    if WEIGHTS not in archive.names:
        raise FileError(f"it holds no {WEIGHTS}")
    with hdf5.opened(archive.opened(WEIGHTS)) as file:
        yield file


@contextmanager
def store(path: str | Part) -> Iterator[Store]:
    """Give the tensors of the weights by their paths. Raises: FileError."""
    from rnncli.formats.containers.hdf5 import Hdf5Store

    with _archive(path) as archive, _weights(archive) as file:
        yield Hdf5Store(file, archive)


def located(model: Model, store: Any) -> Model:
    """Return the model with its weights located in its open store, and its vocabularies read.

    Raises: FileError.
    """
    from rnncli.formats.keras.matching import matched
    from rnncli.formats.keras.variables import holdings, shelf
    from rnncli.formats.keras.vocabularies import Vocabularies

    found = shelf(store.file)
    filled = Vocabularies(store.archive, store, found).filled(model)
    return matched(filled, holdings(filled, found))


def _has_unknown(model: Model) -> bool:
    return any(
        _has_unknown(layer.model)
        if layer.model is not None
        else layer.kind is None and layer.weights is None
        for layer in model.layers
    )


def _with_unknown(path: str | Part, written: Model, model: Model) -> Model:
    """Return the model with the stored weights of the layers that rnncli does not know counted."""
    from rnncli.formats.keras.variables import with_stored

    try:
        with opened(path) as file:
            return infer(with_stored(written, file))
    except RnncliError as error:  # the row stays, its count unknown
        hint = f" ({error.hint})" if error.hint else ""
        warning = f"weights of unknown layers are not counted: {error.message}{hint}"
        return model._replace(warnings=(*model.warnings, warning))
