"""HDF5 read as data: nothing leads out of the file, and only plain numbers are read."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from math import prod
from typing import Any, BinaryIO, NamedTuple

from rnncli.errors import FileError
from rnncli.formats import limits
from rnncli.formats.containers.hdf5_guard import Guarded, check_lengths
from rnncli.model import Weight
from rnncli.storage import Tensor

_FILTERS = {1, 2, 3, 4, 32000}  # deflate, shuffle, fletcher32, szip, lzf: all built into h5py


class Entry(NamedTuple):
    """A tensor of a file: its path, shape, dtype, and its name where the path is no name."""

    path: str
    shape: tuple[int, ...]
    dtype: str
    name: str = ""

    @property
    def slashed(self) -> str:
        """The path with `/`, in whose place a file of Keras 3 written on Windows has `\\`."""
        return self.path.replace("\\", "/")

    @property
    def weight(self) -> Weight:
        """Return it as a weight of which only the file knows."""
        name = self.name or self.path.rpartition("/")[2].removesuffix(":0")
        return Weight(name, self.shape, path=name, dtype=self.dtype)


@contextmanager
def opened(source: str | BinaryIO) -> Iterator[Any]:
    """Give the open file. Raises: FileError if it is damaged, or h5py is not installed."""
    try:
        import h5py
    except ImportError:
        raise FileError("reading HDF5 needs h5py", 'pip install "rnncli[h5]"') from None
    try:
        with ExitStack() as stack:
            raw = stack.enter_context(open(source, "rb")) if isinstance(source, str) else source
            check_lengths(raw)
            yield stack.enter_context(h5py.File(Guarded(raw), "r"))
    except FileNotFoundError:
        raise
    except (OSError, RuntimeError, KeyError, ValueError, TypeError, MemoryError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise FileError(f"a damaged or truncated HDF5 file ({reason})") from None


def child(group: Any, name: str) -> Any:
    """Return what a group holds under a name or a path, None if nothing.

    Raises: FileError for a link that leads elsewhere.
    """
    import h5py

    found = group
    for part in name.split("/"):
        if not part:
            continue
        link = found.get(part, getlink=True) if isinstance(found, h5py.Group) else None
        if link is None:
            return None
        if not isinstance(link, h5py.HardLink):
            what = "an external" if isinstance(link, h5py.ExternalLink) else "a soft"
            raise FileError(f"{part[:60]!r} is {what} link; it is not followed")
        found = found[part]
    return found


def entry(dataset: Any, path: str) -> Entry:
    """Return what a dataset is. Raises: FileError if its values lie in another file, or are no
    numbers."""
    import h5py

    if not isinstance(dataset, h5py.Dataset):
        raise FileError(f"{path[:80]!r} is no dataset")
    if dataset.is_virtual or dataset.external:
        raise FileError(f"dataset {path[:80]!r} lies in another file, which is not opened")
    dtype = _dtype(dataset)
    if dtype is None:
        raise FileError(f"dataset {path[:80]!r} holds {dataset.dtype}, not numbers")
    return Entry(path, tuple(int(dim) for dim in dataset.shape or ()), dtype)


def _dtype(dataset: Any) -> str | None:
    """Return the name of a dataset's dtype, None where it holds no numbers. HDF5 has no bfloat16:
    Keras writes two bytes without a meaning, and says what they are only in its newer files."""
    if dataset.dtype.kind in "fiub":
        return str(dataset.dtype.name)
    is_bfloat16 = dataset.dtype == "V2" and text(dataset, "dtype") in (None, "bfloat16")
    return "bfloat16" if is_bfloat16 else None


def entries(group: Any, depth: int = 0) -> Iterator[Entry]:
    """Yield the datasets of numbers below a group, with their full paths. Raises: FileError."""
    import h5py

    limits.check("nested HDF5 groups", depth, limits.HDF5_DEPTH)
    if not isinstance(group, h5py.Group):
        raise FileError(f"{str(group.name)[:80]!r} is no group of tensors")
    limits.check("members of an HDF5 group", len(group), limits.TENSORS)
    for name in group:
        found = child(group, name)
        if isinstance(found, h5py.Group):
            yield from entries(found, depth + 1)
        elif isinstance(found, h5py.Dataset) and found.dtype.kind in "fiubV":
            yield entry(found, found.name.lstrip("/"))


def attribute(group: Any, name: str) -> Any:
    """Return an attribute, None if it is not there. Raises: FileError if it is too large."""
    import h5py

    if name not in group.attrs:
        return None
    found = h5py.h5a.open(group.id, name.encode())
    # Of other types nobody writes any, and the library may crash on those of damaged files.
    if found.get_type().get_class() not in (h5py.h5t.STRING, h5py.h5t.INTEGER, h5py.h5t.FLOAT):
        raise FileError(f"attribute {name} is neither text nor numbers")
    size = prod(found.shape) * found.get_type().get_size()
    limits.check(f"bytes in attribute {name}", size, limits.HDF5_ATTRIBUTE_BYTES)
    return group.attrs[name]


def text(group: Any, name: str) -> str | None:
    """Return an attribute as a string, None if it is not there or something else."""
    value = attribute(group, name)
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if value is not None and getattr(value, "shape", None) == () and hasattr(value, "item"):
        value = value.item()
        return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    return value if isinstance(value, str) else None


def names(group: Any, name: str) -> list[str] | None:
    """Return an attribute that lists names, also in chunks (`name0`, `name1`), None without it."""
    found = attribute(group, name)
    if found is None:
        chunks: list[Any] = []
        while (chunk := attribute(group, f"{name}{len(chunks)}")) is not None:
            chunks.append(chunk)
        if not chunks:
            return None
        found = [each for chunk in chunks for each in _listed(chunk)]
    return [
        each.decode("utf-8", "replace") if isinstance(each, bytes) else str(each)
        for each in _listed(found)
    ]


def _listed(value: Any) -> list[Any]:
    if isinstance(value, str | bytes):
        return [value]
    return list(value.ravel()) if hasattr(value, "ravel") else [value]


class Hdf5Store:
    """The tensors of an open file, by their paths; `archive` is the one that the file is in."""

    def __init__(self, file: Any, archive: Any = None) -> None:
        self.file, self.archive = file, archive
        self.sizes, self.chunks = dict[str, int](), dict[str, int]()

    def read(self, name: str) -> Tensor:
        """Return a dataset, still to be read. Raises: FileError if it is not there, or holds far
        less than it says."""
        dataset = child(self.file, name)
        if dataset is None or not hasattr(dataset, "dtype"):
            raise FileError(f"the file holds no {name[:80]!r}")
        found = entry(dataset, name)
        limits.check(f"bytes in {name[:80]}", dataset.nbytes, limits.TENSOR_BYTES)
        plan = dataset.id.get_create_plist()
        if any(plan.get_filter(i)[0] not in _FILTERS for i in range(plan.get_nfilters())):
            raise FileError(f"dataset {name[:80]!r} needs a filter that is not built in")
        self._check_stored(dataset, name)
        if dataset.shape is None:
            raise FileError(f"dataset {name[:80]!r} holds no values")
        return Tensor(found.dtype, found.shape, dataset)

    def _check_stored(self, dataset: Any, name: str) -> None:
        """Refuse values of which the file holds next to nothing: fill values, zeros compressed.

        A chunk is unpacked whole, however little of it is wanted. Raises: FileError.
        """
        chunk = prod(dataset.chunks) * dataset.dtype.itemsize if dataset.chunks else 0
        size, stored = max(dataset.nbytes, chunk), dataset.id.get_storage_size()
        held = dataset.file.id.get_filesize()
        if stored > held:
            raise FileError(f"dataset {name[:80]!r} says that it takes {stored:,} bytes, "
                            f"in a file of {held:,}")  # fmt: skip
        if size > limits.UNPACKED_SMALL:
            what = f"bytes of {name[:80]} for each that is stored"
            limits.check(what, size // max(1, stored), limits.HDF5_RATIO)
        if chunk > limits.UNPACKED_SMALL:
            what = f"bytes in a chunk of {name[:80]} for each that is stored"
            limits.check(what, chunk // max(1, stored), limits.HDF5_CHUNK_RATIO)
        self.chunks[name] = _count(dataset)
        limits.check("chunks of HDF5", sum(self.chunks.values()), limits.HDF5_CHUNKS)
        self.sizes[name] = size
        total = sum(self.sizes.values())
        if total > limits.UNPACKED_SMALL:
            limits.check("bytes of weights for each in the file", total // held, limits.HDF5_RATIO)


def _count(dataset: Any) -> int:
    """Return the number of chunks that a dataset is divided into, stored or not."""
    sides = zip(dataset.shape, dataset.chunks or dataset.shape, strict=True)
    return prod(-(-length // max(1, side)) for length, side in sides)
