"""What a run will take, before anything is allocated."""

import os

from rnncli.errors import UnsupportedError
from rnncli.model import Call
from rnncli.shapes import Shape

_BUFFERS = 64 * 2**20  # bytes that OpenBLAS takes at the first product
_UNITS = ("B", "kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB")


def available() -> int | None:
    """Return the bytes of memory that can be had, None where the system does not say."""
    limits = [_meminfo(), _file("/sys/fs/cgroup/memory.max"), _address_space()]
    known = [limit for limit in limits if limit is not None]
    if not known and hasattr(os, "sysconf"):
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min(known, default=None)


def _meminfo() -> int | None:
    try:
        with open("/proc/meminfo", encoding="ascii") as file:
            for line in file:
                if line.startswith("MemAvailable:"):
                    return int(line.split()[1]) * 1024
    except (OSError, ValueError):
        pass
    return None


def _address_space() -> int | None:
    """Return what `ulimit -v` leaves to this process and to OpenBLAS, which ends it if short."""
    try:
        import resource

        limit = resource.getrlimit(resource.RLIMIT_AS)[0]
        with open("/proc/self/statm", encoding="ascii") as file:
            used = int(file.read().split()[0]) * resource.getpagesize()
    except (ImportError, OSError, ValueError):
        return None
    return None if limit == resource.RLIM_INFINITY else max(limit - used - _BUFFERS, 0)


def _file(path: str) -> int | None:
    try:
        with open(path, encoding="ascii") as file:
            return int(file.read())
    except (OSError, ValueError):
        return None


def check(needed: int) -> None:
    """Check that so many bytes can be had. Raises: UnsupportedError, with both amounts."""
    have = available()
    if have is not None and needed > have:
        raise UnsupportedError(
            f"the run needs {amount(needed)}, this machine has {amount(have)} available",
            "make the batch, the steps or the units smaller",
        )


def amount(count: int) -> str:
    """Return `3.2 TB` for bytes; what is beyond all units as a power of ten."""
    size, unit = count, 0
    while size >= 1000_000 and unit < len(_UNITS) - 1:
        size, unit = size // 1000, unit + 1
    if size >= 1000 and unit < len(_UNITS) - 1:
        return f"{size / 1000:.1f} {_UNITS[unit + 1]}"
    return f"{size:,} {_UNITS[unit]}" if size < 10**6 else f"10^{len(str(count)) - 1} B"


def call_bytes(call: Call, batch: int, steps: int, item_size: int) -> int:
    """Return the bytes of a call's inputs and outputs together."""
    shapes = (*(call.input_shapes or ()), *(call.output_shapes or ()))
    return sum(values(shape, batch, steps) for shape in shapes) * item_size


def values(shape: Shape, batch: int, steps: int) -> int:
    """Return the number of values, an open batch and other open sizes filled in."""
    total = 1
    for axis, dim in enumerate(shape):
        total *= dim if dim is not None else (batch if axis == 0 else steps)
    return total
