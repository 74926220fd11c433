"""The tensors of a model that lie in several files."""

from rnncli.errors import FileError
from rnncli.storage import Store, Tensor


class Shards:
    """The tensors of several open files, by their names."""

    def __init__(self, stores: list[tuple[frozenset[str], Store]]) -> None:
        self.stores = stores

    def read(self, name: str) -> Tensor:
        """Return a tensor. Raises: FileError."""
        for names, store in self.stores:
            if name in names:
                return store.read(name)
        raise FileError(f"tensor {name[:80]!r} is in no shard")
