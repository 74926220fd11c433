"""Write the FLOPs that PyTorch counts for its recurrent layers, on the meta device.

Usage: python tests/goldens/make_flops.py   (needs torch; not run by the tests)
"""

import json
from itertools import product
from pathlib import Path

import torch
from torch.utils.flop_counter import FlopCounterMode

HERE = Path(__file__).parent
MODULES = {"simple_rnn": torch.nn.RNN, "lstm": torch.nn.LSTM, "gru": torch.nn.GRU}
SIZES = ((1, 1, 1), (32, 64, 100), (3, 17, 5), (128, 32, 7), (64, 64, 2))  # inputs, units, steps


def flops(
    cell: str, inputs: int, units: int, steps: int, depth: int, both: bool, batch: int
) -> int:
    layer = MODULES[cell](inputs, units, depth, batch_first=True, bidirectional=both, device="meta")
    counter = FlopCounterMode(display=False)
    with counter:
        layer(torch.empty(batch, steps, inputs, device="meta"))
    return counter.get_total_flops()


def main() -> None:
    names = ("cell", "inputs", "units", "steps", "depth", "bidirectional", "batch_size")
    records = []
    for cell, sizes, depth, both, batch in product(
        MODULES, SIZES, (1, 2, 3), (False, True), (1, 4)
    ):
        case = (cell, *sizes, depth, both, batch)
        records.append({**dict(zip(names, case, strict=True)), "flops": flops(*case)})
    lines = ",\n  ".join(map(json.dumps, records))
    text = f'{{"torch": "{torch.__version__}", "cases": [\n  {lines}\n]}}\n'
    (HERE / "flops.json").write_text(text)


if __name__ == "__main__":
    main()
