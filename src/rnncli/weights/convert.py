"""The same weights as another framework names and lays them out, shown to compute the same."""

import json
import zipfile
from collections import Counter
from collections.abc import Callable, Sequence
from math import prod
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from rnncli.atomic import check_place, replacing
from rnncli.errors import FileError, UnsupportedError, UsageError
from rnncli.forward import memory
from rnncli.forward.save import member, write_npy
from rnncli.layers.op import Array
from rnncli.model import Layer, Weight
from rnncli.weights.compared import distances
from rnncli.weights.held import Held, Reader, held
from rnncli.weights.matching import entries_of
from rnncli.weights.notes import Group, notes
from rnncli.weights.piece import Part, Piece
from rnncli.weights.proof import after, before, drawn
from rnncli.weights.refused import NAMES, check
from rnncli.weights.targets import TARGETS, Made, completed

SUFFIXES = (".npz", ".safetensors")
_COPIES = 3  # of a layer's values while it runs in both layouts
BOUND = 1e-5  # of the largest difference, relative to the largest output beyond 1
Progress = Callable[[int, int], None]
_DTYPES = {"float64": "F64", "float32": "F32", "float16": "F16", "int64": "I64", "int32": "I32",
           "int16": "I16", "int8": "I8", "uint8": "U8", "bool": "BOOL"}  # fmt: skip


class Conversion(NamedTuple):
    """What becomes what (`from`, `to`, `shape`), the largest difference, and sentences on it."""

    weights: list[dict[str, Any]]
    max_difference: float
    notes: list[str]


class Values:
    """The values of the weights of a model, read and put together part by part."""

    def __init__(self, layers: Sequence[Layer], read: Reader) -> None:
        self.read, self.places = read, {id(each.weight): each for each in held(layers)}

    def place(self, weight: Weight) -> Held:
        """Return where a weight is in the model."""
        return self.places[id(weight)]

    def check_memory(self, group: Group) -> None:
        """Check that a layer can be held in both layouts. Raises: UnsupportedError."""
        sizes = [part.shape for piece in group.pieces for part in piece.parts.values()]
        memory.check(_COPIES * 8 * sum(prod(shape) for shape in sizes))

    def weight(self, weight: Weight) -> Array:
        """Return a weight as it is stored. Raises: FileError, UnsupportedError."""
        place = self.place(weight)
        found = self.read.array(place)
        if found.dtype.kind == "c":
            raise UnsupportedError(f"{place.path} holds complex numbers, which are not converted")
        return found

    def part(self, part: Part) -> Array:
        """Return a part in Keras's layout. Raises: FileError."""
        return part.make([self.weight(each) for each in part.sources])

    def made(self, made: Made) -> Array:
        """Return a tensor to write. Raises: FileError."""
        array = made.make([self.part(part) for part in made.parts])
        stored = any(part.sources for part in made.parts)  # else it is ones or zeros
        return np.ascontiguousarray(array, None if stored else np.float32)


def check_target(path: str) -> None:
    """Check that a file of weights can go to `path`. Raises: UsageError, FileError."""
    if not path.lower().endswith(SUFFIXES):
        raise UsageError(
            f"cannot tell the format of {path!r}", f"end it in {' or '.join(SUFFIXES)}"
        )
    check_place(path)


def groups(layers: Sequence[Layer], onnx: bool, to: str) -> list[Group]:
    """Return what each layer becomes. Raises: UnsupportedError for one without a counterpart."""
    found: dict[int, tuple[str, Layer, list[Piece]]] = {}
    for entry in entries_of(layers, onnx):
        layer = entry.piece.layer
        name = entry.name.removesuffix(f"/{entry.piece.place}" if entry.piece.place else "")
        found.setdefault(id(layer), (name, layer, []))[2].append(entry.piece)
    listed = []
    for name, layer, pieces in found.values():
        pieces = [completed(piece, to) for piece in pieces]
        check(name, layer.type, pieces, to)
        shown = name.replace("/", ".") if to == "torch" else name
        made = tuple(TARGETS[to](shown, pieces))
        listed.append(Group(name, layer, tuple(pieces), made))
    if not listed:
        raise FileError("the model has no weights to convert")
    if to == "torch" and len(listed) == 1:  # as the state dict of the module itself
        (only,) = listed
        listed = [only._replace(made=tuple(m._replace(name=m.inside) for m in only.made))]
    return listed


def convert(
    found: Sequence[Group],
    values: Values,
    to: str,
    path: str,
    seed: int = 0,
    progress: Progress | None = None,
) -> Conversion:
    """Write the tensors to `path`, once every layer has computed the same with them.

    Raises: FileError if one has not, or a value cannot be read; then nothing is written.
    """
    rng, largest = np.random.default_rng(seed), 0.0
    for done, group in enumerate(found):
        if progress is not None:
            progress(done, 2 * len(found))
        apart = difference(group, values, to, rng)
        if apart is None or not apart <= BOUND:
            shown = "no number" if apart is None else f"{apart:.3g}"
            raise FileError(f"layer {group.name!r}: with the weights of {NAMES[to]} the output "
                            f"differs by {shown}, and {BOUND:g} is allowed: nothing is "
                            "written")  # fmt: skip
        largest = max(largest, apart)
    tensors = [each for group in found for each in group.made]
    names = unique_names(tensors)
    with replacing(path) as file:
        write = _npz if path.lower().endswith(".npz") else _safetensors
        write(file, names, tensors, values)
    rows = [
        {"from": _source(each, values), "to": name, "shape": each.shape}
        for name, each in zip(names, tensors, strict=True)
    ]
    return Conversion(rows, largest, list(notes(found, to)))


def difference(group: Group, values: Values, to: str, rng: np.random.Generator) -> float | None:
    """Return how far apart the outputs of both layouts are, relative to the largest beyond 1."""
    values.check_memory(group)
    x = drawn(group.pieces, rng)
    stored = {_key(weight): values.weight(weight) for piece in group.pieces
              for part in piece.parts.values() for weight in part.sources}  # fmt: skip
    made = {each.name: values.made(each) for each in group.made}
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        one = before(group.layer, group.pieces, stored, x)
        other = after(to, group.made, group.pieces, made, x)
    found = distances(one, other)[0].max if one.shape == other.shape else None
    finite = np.abs(one[np.isfinite(one)])
    return None if found is None else found / max(1.0, float(finite.max(initial=0)))


def _key(weight: Weight) -> str:
    return weight.name if weight.name in ("W", "R", "B", "P") else weight.key


def unique_names(tensors: Sequence[Made]) -> list[str]:
    """Return the names of the tensors, safe as names of files. Raises: FileError if two agree."""
    names = ["/".join(map(member, each.name.split("/"))) for each in tensors]
    for name, count in Counter(names).items():
        if count > 1:
            raise FileError(f"{count:,} tensors would be called {name[:80]!r}")
    return names


def _source(each: Made, values: Values) -> str:
    """Return the names of the weights that a tensor is made of."""
    sources = [values.place(weight) for part in each.parts for weight in part.sources]
    torch = [place.layer.dialect == "torch" for place in sources]
    names = [f"{place.row}.{place.name}" if dotted else place.path
             for place, dotted in zip(sources, torch, strict=True)]  # fmt: skip
    return " + ".join(names) or ("ones" if values.made(each).any() else "zeros")


def _npz(file: BinaryIO, names: Sequence[str], tensors: Sequence[Made], values: Values) -> None:
    with zipfile.ZipFile(file, "w") as archive:
        for name, each in zip(names, tensors, strict=True):
            array = values.made(each)
            with archive.open(f"{name}.npy", "w", force_zip64=True) as part:
                write_npy(part, array)


def _safetensors(
    file: BinaryIO, names: Sequence[str], tensors: Sequence[Made], values: Values
) -> None:
    """Write eight bytes of length, a header in JSON, and the values one after another.

    Source: the format's README, https://github.com/huggingface/safetensors.
    """
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    at = 0
    for name, each in zip(names, tensors, strict=True):
        array = values.made(each)
        dtype = _DTYPES.get(array.dtype.name)
        if dtype is None:
            raise FileError(f"{name}: values of type {array.dtype} have no place in safetensors")
        header[name] = {"dtype": dtype, "shape": array.shape,
                        "data_offsets": [at, at + array.nbytes]}  # fmt: skip
        at += array.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    file.write(len(text).to_bytes(8, "little") + text)
    for each in tensors:
        array = values.made(each)
        file.write(array.astype(array.dtype.newbyteorder("<")).tobytes())
