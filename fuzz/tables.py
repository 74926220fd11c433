"""What `--input`, `--weights` and `--budget` read: seeds, and how to change them."""

import io
import re
from collections.abc import Callable
from random import Random

import numpy as np
from mutate import ODD_NUMBERS, mutated_bytes

_ODD_TYPES = ("'|O'", "'<f2'", "'>f8'", "'<c16'", "'|S0'", "'<U9'", "'|V3'", "'<M8[s]'", "'|b1'",
              "[('a', '<f4')]", "('<f4', (3,))", "'<i8'", "''", "None", "'float128'")  # fmt: skip
_ODD_CELLS = ("", "x", "nan", "-inf", "1e999", "0x10", "1_0", "1,", '"', "\0", "\x1b[31m", "٣",
              "1" * 400, "=1+1", "\ufeff", "1j", "1e-400", "#", "\u2028")  # fmt: skip
_ODD_LINES = ("[x]", "[[x]]", 'x = """', "max-params = 1e400", "max-params = -0", "a.b = 1",
              'output-shape = "9"', "no-nan = true", "max-macs = 1979-05-27", "[\"**/*\"]",
              'max-params = "1k"', "[" * 300, "max-bytes = nan", "= 1", '["\\u0000"]')  # fmt: skip


def arrays() -> dict[str, bytes]:
    """Return files of numbers: inputs of three features, and weights of an LSTM of two units."""
    x = np.arange(24, dtype=np.float32).reshape(1, 8, 3) / 24
    weights = {"kernel": np.ones((3, 8)), "recurrent_kernel": np.ones((2, 8)), "bias": np.ones(8)}
    return {
        "x.npy": _saved(np.save, x), "half.npy": _saved(np.save, x.astype(np.float16)),
        "fortran.npy": _saved(np.save, np.asfortranarray(x[0])),
        "x.npz": _saved(np.savez, x=x), "packed.npz": _saved(np.savez_compressed, x=x, y=x),
        "weights.npz": _saved(np.savez, **{f"lstm/{name}": w for name, w in weights.items()}),
        "x.csv": b"a,b,c\n" + b"0.5,1,-2e3\n" * 8, "text.csv": b'"a,b",c\n' * 3,
    }  # fmt: skip


def budgets() -> dict[str, bytes]:
    """Return files of limits."""
    text = '["*.json"]\nmax-params = "1k"\nno-nan = false\n["**/x*"]\noutput-shape = "None,2"\n'
    return {"budget.toml": text.encode(), "one.toml": b'["*"]\nmax-bytes = 50_000\n'}


def _saved(save: Callable[..., None], *arrays: np.ndarray, **named: np.ndarray) -> bytes:
    stream = io.BytesIO()
    save(stream, *arrays, **named)
    return stream.getvalue()


def mutated_array(data: bytes, rng: Random) -> bytes:
    """Return an `.npy` with another header, or a table with other cells."""
    if data[:6] != b"\x93NUMPY":
        return mutated_text(data, rng, _ODD_CELLS, r"[^,\n]+|,|\n")
    length = int.from_bytes(data[8:10], "little")
    header, values = data[10 : 10 + length].decode("latin-1"), data[10 + length :]
    action = rng.randrange(6)
    if action == 0:
        header = re.sub(r"'[<>|=]\w+'", lambda _: rng.choice(_ODD_TYPES), header, count=1)
    elif action == 1:
        number = str(rng.choice(ODD_NUMBERS))
        header = re.sub(r"\d+(?=,)", lambda _: number, header, count=rng.choice((1, 0)))
    elif action == 2:
        header = re.sub(r"\(.*?\)", lambda _: rng.choice(("()", "3", "(3", "(None,)", "(0, 3)",
                        "(1.5,)", "(True, 24)", "(" + "1," * 70 + ")")), header)  # fmt: skip
    elif action == 3:
        header = header.replace("False", rng.choice(("True", "0", "[]")))
    elif action == 4:
        header = mutated_bytes(header.encode("latin-1"), rng).decode("latin-1")
    else:
        values = mutated_bytes(values, rng)
    told = rng.choice(ODD_NUMBERS) % (1 << 16) if rng.random() < 0.05 else len(header) % (1 << 16)
    return data[:8] + told.to_bytes(2, "little") + header.encode("latin-1") + values


def mutated_budget(data: bytes, rng: Random) -> bytes:
    """Return a budget with other lines."""
    return mutated_text(data, rng, _ODD_LINES, r"[^\n]*\n|[^\n]+")


def mutated_text(data: bytes, rng: Random, odd: tuple[str, ...], part: str) -> bytes:
    """Return text some of whose parts are removed, repeated, moved or odd."""
    parts = re.findall(part, data.decode("utf-8", "replace"))
    for _ in range(rng.choice((1, 1, 2, 4)) if parts else 0):
        at, other = rng.randrange(len(parts)), rng.randrange(len(parts))
        action = rng.randrange(4)
        if action == 0:
            parts[at] = rng.choice(odd) + ("\n" if parts[at].endswith("\n") else "")
        elif action == 1:
            parts.insert(other, parts[at])
        elif action == 2:
            parts[at], parts[other] = parts[other], parts[at]
        elif len(parts) > 1:
            del parts[at]
    return "".join(parts).encode("utf-8", "surrogatepass")
