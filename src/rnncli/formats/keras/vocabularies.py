"""Vocabularies of layers that were adapted to data: a `.keras` file has them beside its weights,
a token a line.

Source: `save_assets` and `load_assets` of Keras's `IndexLookup`.
"""

from typing import Any

from rnncli.errors import FileError
from rnncli.formats import limits
from rnncli.formats.containers.zip import Archive
from rnncli.formats.keras.variables import Shelf, placed
from rnncli.layers import TABLE
from rnncli.model import Layer, Model

_FILE = "vocabulary.txt"


class Vocabularies:
    """Those of an open file; `store` gives the weights beside them, `found` says where those are.

    Keras 2.12 to 2.15 keep that of a TextVectorization in the layer inside it alone.
    """

    def __init__(self, archive: Archive, store: Any, found: Shelf) -> None:
        self.archive, self.store, self.found = archive, store, found
        self.names = {name.replace("\\", "/"): name for name in archive.names
                      if name.endswith(_FILE)}  # fmt: skip

    def filled(self, model: Model, base: str = "") -> Model:
        """Return the model with these vocabularies in the configs of its layers."""
        if not self.names:
            return model
        layers = tuple(self._filled(layer, group) for layer, _, group in
                       placed(model, self.found, base))  # fmt: skip
        return model._replace(layers=layers)

    def _filled(self, layer: Layer, group: str) -> Layer:
        if layer.model is not None:
            inside = f"{group}/layer" if layer.kind == "TimeDistributed" else group
            return layer._replace(model=self.filled(layer.model, inside))
        if TABLE.get(layer.kind or "") != "lookup" or layer.config["vocabulary"] is not None:
            return layer
        places = (f"assets/{group}/{_FILE}", f"assets/{group}/_lookup_layer/{_FILE}")
        name = next((self.names[place] for place in places if place in self.names), None)
        if name is None:
            return layer
        config = {**layer.config, "vocabulary": self._tokens(name, layer.kind == "IntegerLookup")}
        if "tf" in str(config["output_mode"]):
            config["idf_weights"] = self._shares(group, len(config["vocabulary"]))
        return layer._replace(config=config)

    def _tokens(self, name: str, whole: bool) -> list[Any]:
        """Return the tokens of a file. Raises: FileError."""
        try:
            lines = self.archive.read(name, limits.VOCABULARY_BYTES).decode().splitlines()
            limits.check(f"tokens in {name}", len(lines), limits.VOCABULARY)
            while lines and not lines[-1]:
                lines.pop()
            return [int(line) for line in lines] if whole else list(lines)
        except ValueError as error:
            raise FileError(f"{name} is not a vocabulary: {error}") from None

    def _shares(self, group: str, count: int) -> list[float]:
        """Return the weights of the first `count` tokens in tf-idf. Raises: FileError."""
        found = self.store.read(f"{group}/vars/idf_weights")
        if not found.dtype.startswith("float") or len(found.shape) != 1:
            raise FileError(f"the tf-idf weights of {group} are no list of numbers")
        return [float(each) for each in found.data[:count]]
