"""Weights of one file for the model of another: `load_weights`."""

from functools import partial
from typing import Any

from rnncli.errors import FileError, ShapeError
from rnncli.formats.containers import hdf5
from rnncli.formats.containers.hdf5 import Entry
from rnncli.formats.keras import h5, layer_groups, shards, variables, zipped
from rnncli.formats.keras.matching import Holdings, matched, unclaimed, unmatched
from rnncli.model import Model

# What opens a file, and what opens its tensors.
_OPENERS = {
    "keras.h5": (hdf5.opened, h5.store),
    "keras.zipped": (zipped.opened, zipped.store),
    "keras.shards": (shards.opened, shards.store),
}


def attached(model: Model, path: str, reader: str) -> Model:
    """Return the model with its weights located in another file, of which `reader` reads the kind.

    Raises: FileError; ShapeError if a layer's weights are not there, or have other shapes.
    """
    opened, store = _OPENERS[reader]
    with opened(path) as file:
        held = _holdings(model, file)
    found = matched(model._replace(warnings=()), held._replace(others=()))
    wrong = (
        *found.warnings,
        *(f"layer {name!r}: its weights are not in it" for name in unmatched(found)),
    )
    if wrong:
        raise ShapeError(f"not the weights of this model; {wrong[0]}")
    found = found._replace(warnings=model.warnings, store=partial(store, path))
    return found.with_gaps(*unclaimed(held.others))


def _holdings(model: Model, file: Any) -> Holdings:
    if isinstance(file, shards.Opened):
        return variables.holdings(model, file.shelf)
    if layer_groups.is_sections(file):
        held = layer_groups.sections(file)
        theano = layer_groups.is_theano(file, held)
        return Holdings(_by_name_or_order(model, held), trainable_first=True, theano=theano)
    found = variables.shelf(file)
    if variables.is_store(file, found):
        return variables.holdings(model, found)
    raise FileError("HDF5 that holds no Keras weights", "expected layer_names or Keras 3's layers")


def _by_name_or_order(model: Model, held: dict[str, list[Entry]]) -> dict[str, list[Entry]]:
    """Return the tensors by the model's names; layers of other names go in order, as in Keras."""
    weighty = [layer.name for layer in model.layers if layer.params]
    given = {name: entries for name, entries in held.items() if entries}
    if set(weighty) <= set(given):
        return given
    if len(weighty) != len(given):
        names = ", ".join(list(given)[:8])
        raise ShapeError(f"it holds the weights of {len(given)} layers ({names}), "
                         f"but the model has {len(weighty)} with weights")  # fmt: skip
    return dict(zip(weighty, given.values(), strict=True))
