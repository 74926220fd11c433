"""Protobuf as its wire has it: fields of numbers and of bytes, which may be messages again."""

from random import Random

from mutate import ODD_NUMBERS, mutated_bytes

Field = tuple[int, int, bytes]  # number, wire type, content


def mutated_message(data: bytes, rng: Random, depth: int = 0) -> bytes:
    """Return a message with one change to it or to a message inside it."""
    fields = _fields(data)
    if not fields or depth > 8:
        return mutated_bytes(data, rng)
    at, other = rng.randrange(len(fields)), rng.randrange(len(fields))
    number, wire, content = fields[at]
    action = rng.randrange(12)
    if action == 0:
        del fields[at]
    elif action == 1:
        fields.insert(other, fields[at])
    elif action == 2:
        fields[at], fields[other] = fields[other], fields[at]
    elif action == 3:
        fields[at] = (rng.randint(1, 30), wire, content)
    elif wire == 0:
        value = rng.choice((*ODD_NUMBERS, rng.randrange(20))) % (1 << 64)
        fields[at] = (number, 0, _varint(value))
    elif wire == 2:
        fields[at] = (number, 2, mutated_message(content, rng, depth + 1))
    elif content:
        fields[at] = (number, wire, mutated_bytes(content, rng)[: len(content)].ljust(len(content)))
    return _encoded(fields, rng.random() < 0.02)


def _encoded(fields: list[Field], wrong: bool) -> bytes:
    parts = []
    for number, wire, content in fields:
        parts.append(_varint(number << 3 | wire))
        if wire == 2:
            parts.append(_varint(len(content) + wrong * 7))
        parts.append(content)
    return b"".join(parts)


def _varint(value: int) -> bytes:
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    found.append(value)
    return bytes(found)


def _fields(data: bytes) -> list[Field]:
    """Return the fields of a message, nothing if the bytes are none."""
    found: list[Field] = []
    at = 0
    while at < len(data):
        tag, at = _number(data, at)
        wire = tag & 7
        if wire == 0:
            start = at
            _, at = _number(data, at)
            content = data[start:at]
        elif wire == 2:
            size, at = _number(data, at)
            content, at = data[at : at + size], at + size
        elif wire in (1, 5):
            size = 8 if wire == 1 else 4
            content, at = data[at : at + size], at + size
        else:
            return []
        if at > len(data) or tag >> 3 == 0:
            return []
        found.append((tag >> 3, wire, content))
    return found


def _number(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(data) and shift < 70:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
    return value, len(data) + 1
