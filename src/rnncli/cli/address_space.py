"""What to do where `ulimit -v` leaves little memory: say so, before a library ends the process."""

import os
import sys
from contextlib import suppress
from typing import Any

LEAST = 256 << 20  # bytes that Python, NumPy and its BLAS reserve


def limit() -> int | None:
    """Return the bytes that this process may reserve, None for any number."""
    with suppress(ImportError):  # not on every system
        import resource

        found, _ = resource.getrlimit(resource.RLIMIT_AS)
        return None if found == resource.RLIM_INFINITY else found
    return None


class _Room:
    """Finds no module, and refuses NumPy, whose BLAS ends the process where it gets no memory."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
        """Return nothing. Raises: MemoryError."""
        found = limit() if name == "numpy" else None
        if found is None:
            return
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # each reserves some 40 MB
        if found < LEAST:
            raise MemoryError


def guard() -> None:
    """Refuse to load NumPy where there is no room for it, and have it start no threads."""
    sys.meta_path.insert(0, _Room())
