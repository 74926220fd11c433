"""The values of tensors, read from an open file."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from math import prod
from typing import BinaryIO

from rnncli.errors import FileError
from rnncli.formats import limits
from rnncli.formats.containers import zip as zipped
from rnncli.formats.containers.zip import Part
from rnncli.formats.torch.storages import Place
from rnncli.formats.torch.tensors import TorchTensor
from rnncli.storage import ITEM_SIZE, Store, Tensor


@contextmanager
def opened(
    path: str | Part, places: Callable[[], Mapping[str, Place]], tensors: Mapping[str, TorchTensor]
) -> Iterator[Store]:
    """Open the tensors of a file; `places` says where their storages are."""
    with zipped.opened(path) as file:
        yield _Values(file, places(), tensors)


class _Values:
    """The tensors of an open file, by their names."""

    def __init__(
        self, file: BinaryIO, places: Mapping[str, Place], tensors: Mapping[str, TorchTensor]
    ) -> None:
        self.file, self.places, self.tensors = file, places, tensors

    def read(self, name: str) -> Tensor:
        """Return a tensor. Raises: FileError if it lies outside its storage."""
        tensor = self.tensors[name]
        place = tensor.place or self.places.get(tensor.storage)
        item = ITEM_SIZE.get(tensor.dtype)
        if tensor.why or place is None or item is None:
            reason = tensor.why or f"its type is {tensor.dtype}"
            raise FileError(f"tensor {name[:80]!r} has no values that can be read: {reason}")
        # Axes of stride 0 repeat one value, which is read once.
        shape = tuple(
            size if stride or not size else 1
            for size, stride in zip(tensor.shape, tensor.strides, strict=True)
        )
        spans = zip(shape, tensor.strides, strict=True)
        last = sum((size - 1) * stride for size, stride in spans) if prod(shape) else -1
        start, length = place.offset + tensor.offset * item, (last + 1) * item
        if (
            tensor.offset < 0
            or min((0, *tensor.strides)) < 0
            or tensor.offset * item + length > place.size
        ):
            raise FileError(f"tensor {name[:80]!r} lies outside its storage")
        limits.check(f"bytes of tensor {name[:80]}", max(length, prod(tensor.shape) * item),
                     limits.TENSOR_BYTES)  # fmt: skip
        return Tensor(tensor.dtype, tensor.shape, self._bytes(place, start, length), tensor.strides)

    def _bytes(self, place: Place, start: int, length: int) -> bytes:
        if place.data is None:
            self.file.seek(start)
            data = self.file.read(length)
        else:
            data = place.data[start : start + length]
        if len(data) < length:
            raise FileError("a truncated file: it ends before its tensors do")
        return data
