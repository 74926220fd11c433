"""Keras's HDF5: a full model with its architecture, or the weights alone."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from rnncli.errors import FileError
from rnncli.formats.containers import hdf5
from rnncli.formats.containers.hdf5 import Entry, Hdf5Store
from rnncli.formats.keras import inference, layer_groups, variables
from rnncli.formats.keras.config import model_of
from rnncli.formats.keras.json import details, load, parse, written_by
from rnncli.formats.keras.matching import Holdings, matched
from rnncli.formats.keras.optimizer import with_state
from rnncli.formats.keras.shards import gap_beside
from rnncli.graph.infer import infer
from rnncli.layers import RECURRENT
from rnncli.model import Model, Source, sequential
from rnncli.storage import Store


def read(path: str, optimizer: bool = False) -> Model:
    """Return the model in a file; its weights are located, not read. Raises: FileError."""
    with hdf5.opened(path) as file:
        config = hdf5.text(file, "model_config")
        if config is not None:
            model = _full(file, path, config)
        elif layer_groups.is_sections(file):
            model = inference.from_sections(file, path)
        elif variables.is_store(file, found := variables.shelf(file)):
            model = inference.from_store(found, path)
        else:
            raise FileError(f"HDF5 that is data, not a model: it holds {_few(file)}",
                            "expected model_config, layer_names or Keras 3's layers")  # fmt: skip
        if optimizer:
            kept = layer_groups.optimizer_weights(file) or variables.optimizer_weights(file)
            trained = hdf5.text(file, "training_config")
            made = load(trained, "training_config") if trained and config is not None else {}
            made = made.get("optimizer_config") if isinstance(made, dict) else None
            model = with_state(model, kept, made)
    gap = gap_beside(path)
    model = model.with_gaps(gap) if gap else model
    return model._replace(store=partial(store, path))


@contextmanager
def store(path: str) -> Iterator[Store]:
    """Give the tensors of a file by their paths. Raises: FileError."""
    with hdf5.opened(path) as file:
        yield Hdf5Store(file)


def _full(file: Any, path: str, config: str) -> Model:
    node = parse(config, "model_config")
    era = layer_groups.version_in(file, node)
    held = layer_groups.sections(file)
    source = Source("file", path, "Keras HDF5", written_by(era), details(era, node))
    model = infer(with_stored(_named(model_of(node, era, source), held), held))
    theano = layer_groups.is_theano(file, held)
    others = _others(file, model, held)
    return matched(model, Holdings(held, trainable_first=True, theano=theano, others=others))


def _others(file: Any, model: Model, held: dict[str, list[Entry]]) -> list[Entry]:
    """Return the tensors of groups that are no layer's, listed among them or not."""
    known = {layer.name for layer in model.layers}
    listed = [each for name, found in held.items() if name not in known for each in found]
    return [*listed, *layer_groups.unlisted(file, known.union(held))]


def _named(model: Model, held: dict[str, list[Entry]]) -> Model:
    """Return a Sequential whose models inside have the names that the weights have.

    In Keras 1's config they are nameless.
    """
    known = {layer.name for layer in model.layers}
    free = iter([name for name in held if name not in known])
    if not any(layer.model is not None and layer.name not in held for layer in model.layers):
        return model
    layers = tuple(
        layer._replace(name=next(free, layer.name))
        if layer.model is not None and layer.name not in held
        else layer
        for layer in model.layers
    )
    if model.type != "Sequential":
        return model
    return sequential(layers, model.name, model.source)._replace(warnings=model.warnings)


def with_stored(model: Model, held: dict[str, list[Entry]]) -> Model:
    """Return the model with the stored weights of layers whose own may stay unknown: those that
    rnncli does not know, and those after them."""
    layers = []
    for layer in model.layers:
        entries = held.get(layer.name)
        if entries and layer.model is None:
            layer = layer._replace(weights=tuple(each.weight for each in entries))
            shape = entries[0].shape
            if layer.kind in RECURRENT and layer.build_shapes is None and len(shape) == 2:
                layer = layer._replace(build_shapes=((None, None, shape[0]),))
        layers.append(layer)
    return model._replace(layers=tuple(layers))


def _few(file: Any) -> str:
    names = [repr(str(name)[:30]) for name, _ in zip(file, range(4), strict=False)]
    return ", ".join(names) + (", …" if len(file) > 4 else "") if names else "nothing"
