"""Which stored tensors are which weights, by what they are called: `lstm/lstm_cell/kernel:0`."""

from collections.abc import Sequence

from rnncli.formats.containers.hdf5 import Entry


def by_name(paths: Sequence[str], entries: Sequence[Entry]) -> list[Entry] | None:
    """Return the tensors in the order of the weights' paths, None where names do not tell.

    They tell where each ends in all of one path, or each in the last part of one.
    """
    if len(paths) != len(entries):
        return None
    names = [each.path.removesuffix(":0") for each in entries]
    for ends in (paths, [path.rpartition("/")[2] for path in paths]):
        places = _places(names, ends)
        if places is not None:
            return [entries[place] for place in places]
    return None


def _places(names: Sequence[str], ends: Sequence[str]) -> list[int] | None:
    """Return which name ends in which, None unless each has one of its own."""
    found: list[int] = []
    known: dict[int, dict[str, int]] = {}
    for end in ends:
        parts = end.count("/") + 1
        if parts not in known:
            known[parts] = {}
            for place, name in enumerate(names):
                last = "/".join(name.split("/")[-parts:])
                known[parts][last] = -1 if last in known[parts] else place
        found.append(known[parts].get(end, -1))
    return found if -1 not in found and len(set(found)) == len(found) else None
