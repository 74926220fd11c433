"""FarmHash's fingerprint of 64 bits, with which TensorFlow hashes text.

Source: `farmhashna::Hash64` of Google's FarmHash, whose formulas these are.
"""

_K0, _K1, _K2 = 0xC3A5C85C97CB3127, 0xB492B66FBE98F273, 0x9AE16A3B2F90404F
_WORD = (1 << 64) - 1
_SEED, _BLOCK = 81, 64
Pair = tuple[int, int]


def fingerprint(text: bytes) -> int:
    """Return the fingerprint of a text."""
    size, factor = len(text), _K2 + len(text) * 2
    if size > _BLOCK:
        return _long(text)
    if size > 32:
        return _both_halves(text, factor)
    if size > 16:
        return _sixteen(*_ends(text, factor), factor)
    if size >= 8:
        a, b = fetch(text, 0) + _K2, fetch(text, size - 8)
        return _sixteen(turned(b, 37) * factor + a, (turned(a, 25) + b) * factor, factor)
    if size >= 4:
        return _sixteen(size + (fetch(text, 0, 4) << 3), fetch(text, size - 4, 4), factor)
    if size:
        y, z = text[0] + (text[size >> 1] << 8), size + (text[-1] << 2)
        return mixed(y * _K2 ^ z * _K0) * _K2 & _WORD
    return _K2


def fetch(text: bytes, at: int, size: int = 8) -> int:
    """Return a number of the text."""
    return int.from_bytes(text[at : at + size], "little")


def turned(value: int, by: int) -> int:
    """Return the last 64 bits of a number, turned to the right."""
    value &= _WORD
    return ((value >> by) | (value << (64 - by))) & _WORD


def mixed(value: int) -> int:
    """Return the last 64 bits of a number, the first of them mixed into the last."""
    value &= _WORD
    return value ^ (value >> 47)


def _sixteen(one: int, other: int, factor: int) -> int:
    first = mixed((one ^ other) * factor)
    return mixed((other ^ first) * factor) * factor & _WORD


def _ends(text: bytes, factor: int, first: int = _K1) -> Pair:
    """Return two numbers of the first and the last 16 bytes."""
    a, b = fetch(text, 0) * first, fetch(text, 8)
    c, d = fetch(text, len(text) - 8) * factor, fetch(text, len(text) - 16) * _K2
    return turned(a + b, 43) + turned(c, 30) + d, a + turned(b + _K2, 18) + c


def _both_halves(text: bytes, factor: int) -> int:
    """Return the fingerprint of 33 to 64 bytes."""
    y, other = _ends(text, factor, _K2)
    z = _sixteen(y, other, factor)
    e, f = fetch(text, 16) * factor, fetch(text, 24)
    g = (y + fetch(text, len(text) - 32)) * factor
    h = (z + fetch(text, len(text) - 24)) * factor
    last = e + turned(f + fetch(text, 0) * _K2, 18) + g
    return _sixteen(turned(e + f, 43) + turned(g, 30) + h, last, factor)


def _long(text: bytes) -> int:
    """Return the fingerprint of more than 64 bytes: blocks, and the last 64 bytes once more."""
    y = _SEED * _K1 + 113
    x, z = _SEED * _K2 + fetch(text, 0), mixed(y * _K2 + 113) * _K2
    v, w = (0, 0), (0, 0)
    rest = (len(text) - 1) % _BLOCK
    for at in range(0, len(text) - 1 - rest, _BLOCK):
        x, y, z, v, w = _block(text, at, (x, y, z), v, w, (_K1, 1))
    factor = _K1 + ((z & 0xFF) << 1)
    first = w[0] + rest
    v = (v[0] + first, v[1])
    w = (first + v[0], w[1])
    x, y, z, v, w = _block(text, len(text) - _BLOCK, (x, y, z), v, w, (factor, 9))
    one = _sixteen(v[0], w[0], factor) + mixed(y) * _K0 + z
    return _sixteen(one, _sixteen(v[1], w[1], factor) + x, factor)


def _block(
    text: bytes, at: int, state: tuple[int, int, int], v: Pair, w: Pair, factors: Pair
) -> tuple[int, int, int, Pair, Pair]:
    """Return the state after a block of 64 bytes."""
    (x, y, z), (factor, times) = state, factors
    x = turned(x + y + v[0] + fetch(text, at + 8), 37) * factor
    y = turned(y + v[1] + fetch(text, at + 48), 42) * factor
    x = (x ^ (w[1] * times)) & _WORD
    y = (y + v[0] * times + fetch(text, at + 40)) & _WORD
    z = turned(z + w[0], 33) * factor & _WORD
    v = _weak(text, at, v[1] * factor, x + w[0])
    w = _weak(text, at + 32, z + w[1], y + fetch(text, at + 16))
    return z, y, x, v, w


def _weak(text: bytes, at: int, a: int, b: int) -> Pair:
    """Return two numbers of 32 bytes and of two numbers."""
    one, two, three, four = (fetch(text, at + shift) for shift in range(0, 32, 8))
    a += one
    b = turned(b + a + four, 21) + a
    a += two + three
    return (a + four) & _WORD, (b + turned(a, 44)) & _WORD
