"""rnncli with two cells more, each one value: `python tests/new_cells.py params --cell mgu`.

Sources: Zhou et al. (2016), the minimal gated unit; Feng et al. (2024), the minimal GRU.
"""

from typing import Any

from rnncli import cells
from rnncli.cell import Cell, Parts, kernel


def mgu(parts: Parts, x: Any, h: Any) -> tuple[Any, ...]:
    f = parts.recurrent_activation(parts.W("f", x) + parts.U("f", h))
    candidate = parts.activation(parts.W("h", x) + parts.U("h", f * h))
    return ((1 - f) * h + f * candidate,)


def min_gru(parts: Parts, x: Any, h: Any) -> tuple[Any, ...]:
    z = parts.recurrent_activation(parts.W("z", x))
    return ((1 - z) * h + z * parts.W("h", x),)


MGU = Cell("MGU", ("f", "h"), ("h",), mgu, meanings={"f": "forget gate", "h'": "candidate"})
MIN_GRU = Cell("MinGRU", ("z", "h"), ("h",), min_gru, terms=(kernel("z", "h"),))

if __name__ == "__main__":
    cells.CELLS += (MGU, MIN_GRU)
    from rnncli.cli import main

    main()
