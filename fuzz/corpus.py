"""What to begin with for each reader, and how to change it along the lines of its format."""

import io
import multiprocessing
import os
import pickletools
import signal
import warnings
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import tables
from mutate import ODD_NUMBERS, mutated_bytes, mutated_json

GOLDENS = Path(__file__).parents[1] / "tests" / "goldens"
LARGEST = 120_000  # bytes of a file to begin with


class Seed(NamedTuple):
    """A file that its reader takes, or an expression."""

    name: str
    data: bytes

    @property
    def suffix(self) -> str:
        """The ending that the mutated file gets."""
        return Path(self.name).suffix


Change = Callable[[bytes, Random], bytes]


def mutated(reader: str, seeds: list[Seed], rng: Random) -> tuple[bytes, str]:
    """Return a changed file and its suffix."""
    seed = rng.choice(seeds)
    if rng.random() < RAW[reader]:
        return mutated_bytes(seed.data, rng), seed.suffix
    try:
        return CHANGES[reader](seed.data, rng), seed.suffix
    except Exception:  # a change that the format's own library refuses to make
        return mutated_bytes(seed.data, rng), seed.suffix


def _zip(data: bytes, rng: Random, change: Change) -> bytes:
    """Return a zip whose members are changed, renamed, missing or there twice."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = [(name, archive.read(name)) for name in archive.namelist()]
    action = rng.randrange(12)
    if action == 0:
        members.pop(rng.randrange(len(members)))
    elif action == 1:
        index = rng.randrange(len(members))
        name = rng.choice(("../x", "/x", "config.json", "a/data.pkl", "\x1b[31m", members[0][0]))
        members[index] = (name, members[index][1])
    elif action == 2:
        index = rng.randrange(len(members))
        members[index] = (members[index][0], mutated_bytes(members[index][1], rng))
    else:
        main = [m for m in members if m[0].endswith(("config.json", "data.pkl"))] or members
        target = rng.choice(main)
        members[members.index(target)] = (target[0], change(target[1], rng))
    written = io.BytesIO()
    kind = rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))
    with zipfile.ZipFile(written, "w", kind) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a name that is there twice
        for name, content in members:
            archive.writestr(zipfile.ZipInfo(name), content, kind)
    found = written.getvalue()
    return mutated_bytes(found, rng) if rng.random() < 0.1 else found


def _keras_zip(data: bytes, rng: Random) -> bytes:
    if rng.random() < 0.15:
        return _zip(data, rng, _hdf5)
    return _zip(data, rng, mutated_json)


class _Apart:
    """A process that changes HDF5: the library does not survive writing to some damaged files."""

    def __init__(self) -> None:
        self.here, there = multiprocessing.Pipe()
        if os.fork():
            there.close()
            return
        self.here.close()
        for number in (signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE):
            signal.signal(number, signal.SIG_DFL)
        with suppress(BaseException):
            while True:
                _answer(there)
        os._exit(0)

    def changed(self, data: bytes, seed: float) -> bytes:
        """Return changed HDF5. Raises: Exception if the process died of it."""
        self.here.send((data, seed))
        found: bytes | None = self.here.recv()
        if found is None:
            raise ValueError("h5py refuses it")
        return found


def _answer(there: Any) -> None:
    data, seed = there.recv()
    try:
        found = _changed_hdf5(data, Random(seed))
    except Exception:
        found = None
    there.send(found)


_apart: list[_Apart] = []  # of this process: a child makes its own


def _hdf5(data: bytes, rng: Random) -> bytes:
    """Return changed HDF5. Raises: Exception where none comes of it."""
    if not _apart:
        _apart.append(_Apart())
    try:
        return _apart[0].changed(data, rng.random())
    except (EOFError, OSError):
        _apart.clear()
        raise


def _changed_hdf5(data: bytes, rng: Random) -> bytes:
    """Return HDF5 whose config, lists of names, datasets or groups are changed."""
    import h5py

    from rnncli.formats.containers.hdf5_guard import Guarded

    stream = io.BytesIO(data)
    Guarded(io.BytesIO(data)).check(0, data)  # what was changed before may keep HDF5 for ever
    with h5py.File(stream, "r+") as file:
        objects = ["/"]
        file.visit(objects.append)
        for _ in range(rng.choice((1, 1, 2, 3))):
            place = rng.choice(objects)
            if place not in file:
                continue
            attributes = list(file[place].attrs)
            if "model_config" in file.attrs and rng.random() < 0.5:
                changed = mutated_json(file.attrs["model_config"], rng)
                file.attrs["model_config"] = changed.decode()
            elif attributes and rng.random() < 0.6:
                _attribute(file[place].attrs, rng.choice(attributes), rng)
            elif place != "/":
                _move(file, place, rng.choice(objects), rng)
    found = stream.getvalue()
    return mutated_bytes(found, rng) if rng.random() < 0.2 else found


def _attribute(held: Any, name: str, rng: Random) -> None:
    import h5py

    odd = (0, -1, 1.5, b"", "x", b"\xff\xfe", [b"a", b"b"], [1, 2], "\x1b[31m", b"x" * 2000)
    action = rng.randrange(5)
    value = held[name]
    if action == 0:
        del held[name]
    elif action == 1:
        held[name] = rng.choice(odd)
    elif action == 2 and hasattr(value, "ravel") and len(value.ravel()) > 1:
        listed = list(value.ravel())
        rng.shuffle(listed)
        held[name] = listed[: rng.randint(1, len(listed))] + listed[:1] * rng.randrange(3)
    elif action == 3:
        held[name] = h5py.Empty("f")
    else:
        held[f"{name}{rng.choice((0, 1, 'x'))}"] = value


def _move(held: Any, place: str, other: str, rng: Random) -> None:
    """Delete a group or dataset, put another kind in its place, or link it to itself."""
    import h5py

    action = rng.randrange(6)
    if action == 1 and other != "/" and other in held:
        held[f"{place}_x"] = held[other]  # a hard link, perhaps a cycle
        return
    del held[place]
    if action == 2:
        held[place] = rng.choice((0, 1.5, "text", [1, 2, 3], [[0.5]]))
    elif action == 3:
        held.create_group(place)
    elif action == 4:
        held[place] = rng.choice((h5py.SoftLink("/"), h5py.ExternalLink("other.h5", "/x")))
    elif action == 5 and other != "/" and other in held:
        held[place] = held[other]


def _torch(data: bytes, rng: Random) -> bytes:
    return _zip(data, rng, _pickle) if data[:2] == b"PK" else _pickle(data, rng)


def _pickle(data: bytes, rng: Random) -> bytes:
    """Return pickles, one after another, with operations removed, repeated, moved or changed."""
    pieces, rest = _operations(data)
    for _ in range(rng.choice((1, 1, 2, 4))):
        if not pieces:
            break
        at, other = rng.randrange(len(pieces)), rng.randrange(len(pieces))
        action = rng.randrange(7)
        if action == 0:
            del pieces[at]
        elif action == 1:
            pieces.insert(other, pieces[at])
        elif action == 2:
            pieces[at], pieces[other] = pieces[other], pieces[at]
        elif action == 3:
            pieces[at] = pieces[other]
        elif action == 4:
            pieces[at] = rng.choice(_ODD_OPERATIONS)
        elif action == 5:
            pieces.insert(at, rng.choice(_ODD_OPERATIONS) * rng.choice((1, 1, 50, 2000)))
        else:
            pieces[at] = pieces[at][:1] + mutated_bytes(pieces[at][1:], rng)
    return b"".join(pieces) + rest


def _operations(data: bytes) -> tuple[list[bytes], bytes]:
    pieces: list[bytes] = []
    at = 0
    while at < len(data):
        places = []
        try:
            for _, _, place in pickletools.genops(data[at:]):
                places.append(place)
        except Exception:  # the values after the last pickle
            break
        end = places[-1] + 1
        pieces += [data[at + a : at + b] for a, b in zip(places, [*places[1:], end], strict=True)]
        at += end
    return pieces, data[at:]


_ODD_OPERATIONS = (
    b"(", b".", b"0", b"1", b"2", b"N", b"\x88", b"]", b")", b"}", b"a", b"e", b"s", b"u", b"d",
    b"l", b"t", b"\x85", b"\x86", b"\x87", b"\x8f", b"\x90", b"\x91", b"R", b"b", b"o", b"\x81",
    b"\x92", b"\x93", b"Q", b"\x94", b"h\x00", b"j\xff\xff\xff\xff", b"r\xff\xff\xff\xff",
    b"J\xff\xff\xff\xff", b"K\x05", b"\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f", b"Fnan\n",
    b"X\xff\xff\xff\xff", b"\x8d\xff\xff\xff\xff\xff\xff\xff\x7f", b"\x8b\xff\xff\xff\x7f",
    b"cos\nsystem\n", b"cbuiltins\neval\n", b"(S'x'\nios\nsystem\n", b"I99999999999999999999\n",
    b"I" + b"9" * 5000 + b"\n", b"Vabc\n", b"P1\n", b"p-1\n", b"g0\n", b"(h\x00h\x01l", b"]2a",
    b"}2Ns",
)  # fmt: skip


def _safetensors(data: bytes, rng: Random) -> bytes:
    """Return safetensors whose header is changed, its length mostly in step."""
    length = int.from_bytes(data[:8], "little")
    header = mutated_json(data[8 : 8 + length], rng)
    told = rng.choice(ODD_NUMBERS) % (1 << 64) if rng.random() < 0.1 else len(header)
    return told.to_bytes(8, "little") + header + data[8 + length :]


def _onnx(data: bytes, rng: Random) -> bytes:
    """Return a protobuf message with fields removed, repeated, moved or changed, at any depth."""
    from protobuf import mutated_message

    for _ in range(rng.choice((1, 1, 2, 4))):
        data = mutated_message(data, rng)
    return data


def _json(data: bytes, rng: Random) -> bytes:
    return mutated_json(data, rng)


def _layer(data: bytes, rng: Random) -> bytes:
    from expressions import mutated_stack

    return mutated_stack(data.decode(), rng).encode("utf-8", "surrogatepass")


def _saved_model(data: bytes, rng: Random) -> bytes:
    return _zip(data, rng, mutated_bytes)


def _array(data: bytes, rng: Random) -> bytes:
    if data[:2] == b"PK":
        return _zip(data, rng, tables.mutated_array)
    return tables.mutated_array(data, rng)


CHANGES: dict[str, Change] = {
    "keras.json": _json,
    "keras.zipped": _keras_zip,
    "keras.h5": _hdf5,
    "torch.file": _torch,
    "safetensors": _safetensors,
    "onnx.file": _onnx,
    "pickled": mutated_bytes,
    "tensorflow.archive": _saved_model,
    "tensorflow.js": _json,
    "tflite.file": mutated_bytes,
    "layer": _layer,
    "arrays": _array,
    "budget": tables.mutated_budget,
}
# How many of the inputs are changed byte by byte, whatever the format.
RAW = {"keras.json": 0.05, "keras.zipped": 0.15, "keras.h5": 0.3, "torch.file": 0.2,
       "safetensors": 0.1, "onnx.file": 0.2, "pickled": 0.5, "tensorflow.archive": 0.02,
       "tensorflow.js": 0.05, "tflite.file": 1.0, "layer": 0.0,
       "arrays": 0.2, "budget": 0.2}  # fmt: skip


_MADE = {"arrays": tables.arrays, "budget": tables.budgets}


def seeds_of(reader: str) -> list[Seed]:
    """Return what to begin with, the same in every run."""
    from expressions import STACKS

    if reader == "layer":
        return [Seed("stack", stack.encode()) for stack in STACKS]
    if reader in _MADE:
        return [Seed(name, data) for name, data in _MADE[reader]().items()]
    from rnncli.formats import READERS

    files = sorted(p for p in GOLDENS.rglob("*") if p.name.endswith(READERS[reader]))
    found = [
        Seed(str(p.relative_to(GOLDENS)), p.read_bytes())
        for p in files
        if p.stat().st_size <= LARGEST
    ]
    return [seed for seed in found if _is_model(reader, GOLDENS / seed.name)]


def _is_model(reader: str, path: Path) -> bool:
    from rnncli.errors import RnncliError
    from rnncli.formats import read

    try:
        read(str(path))
    except RnncliError:
        return path.name == "external.onnx"
    return True
