"""`rnncli forward --stats`: are the norms of its gradients those of PyTorch's autograd?

    python conformance/gradients.py DIR [RNNCLI]   # where torch is; RNNCLI is the command

Modules of every cell, in one layer and stacked, with weights small and large, run on 120 steps;
`torch.autograd.functional.jacobian` gives the derivative of the last `h` by each earlier state.
"""

import json
import subprocess
import sys
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch

STEPS, INPUTS, BOUND = 120, 3, 1e-4
BACKS = (1, 10, 100, STEPS - 1)


def autograd(module: Any, x: np.ndarray, level: int) -> dict[int, list[float]]:
    """Return for some steps back the spectral norms of the derivatives by `h` (and `c`).

    `x` `(time, inputs)` is the input of the module; `level` counts its stacked layers.
    """
    module = module.double()
    lstm = isinstance(module, torch.nn.LSTM)
    value = torch.from_numpy(x.astype("float64"))
    for index in range(level):
        value = _layer(module, index)(value[None])[0][0].detach()
    layer, found = _layer(module, level), {}
    for back in BACKS:
        start, rest = value[: len(x) - back][None], value[len(x) - back :][None]
        states = layer(start)[1]
        given = tuple(states) if lstm else (states,)

        def last(*states: Any, rest: Any = rest) -> Any:
            ends = layer(rest, states if lstm else states[0])[1]
            return (ends[0] if lstm else ends).reshape(-1)

        jacobians = torch.autograd.functional.jacobian(last, tuple(each.detach() for each in given))
        found[back] = [
            float(torch.linalg.matrix_norm(each.reshape(len(each), -1), 2)) for each in jacobians
        ]
    return found


def _layer(module: Any, index: int) -> Any:
    """Return one of the stacked layers as a module."""
    size = module.input_size if index == 0 else module.hidden_size
    options = {"nonlinearity": module.nonlinearity} if isinstance(module, torch.nn.RNN) else {}
    layer = type(module)(size, module.hidden_size, batch_first=True, **options).double()
    ends = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    state = module.state_dict()
    layer.load_state_dict({f"{end}_l0": state[f"{end}_l{index}"] for end in ends})
    return layer


def asked(command: str, folder: Path, module: Any, x: np.ndarray) -> list[dict[str, Any]]:
    """Return what rnncli says of each stacked layer."""
    torch.save(torch.nn.ModuleDict({"net": module}).float(), folder / "net.pt")
    np.save(folder / "x.npy", x[None].astype("float32"))
    line = [command, "forward", "net.pt", "--layer-name", "net", "--input", "x.npy", "--stats",
            "--format", "json"]  # fmt: skip
    done = subprocess.run(line, cwd=folder, capture_output=True, text=True, check=True)
    rows: list[dict[str, Any]] = json.loads(done.stdout)["layers"]
    return rows


def main(folder: Path, command: str = "rnncli") -> None:
    """Print how many norms agree, and the largest difference, relative where above 1."""
    folder.mkdir(parents=True, exist_ok=True)
    good = count = 0
    largest = 0.0
    kinds = [(torch.nn.RNN, {}), (torch.nn.RNN, {"nonlinearity": "relu"}), (torch.nn.LSTM, {}),
             (torch.nn.GRU, {})]  # fmt: skip
    for (kind, options), units, depth, size in product(kinds, (5, 16), (1, 2), (0.1, 0.3, 0.5)):
        torch.manual_seed(count)
        module = kind(INPUTS, units, depth, batch_first=True, **options)
        for parameter in module.parameters():
            torch.nn.init.normal_(parameter, std=size)
        module = module.float()
        x = np.random.default_rng(count).normal(size=(STEPS, INPUTS)).astype("float32")
        rows = asked(command, folder, module, x)
        for level, row in enumerate(rows):
            expected = autograd(module, x, level)
            for each in row["gradient"]:
                for mine, theirs in zip(list(each.values())[2:], expected[each["back"]],
                                        strict=True):  # fmt: skip
                    apart = abs(mine - theirs) / max(1, theirs) if mine is not None else 1
                    count, good = count + 1, good + (apart <= BOUND)
                    largest = max(largest, apart)
                    if apart > BOUND:
                        print(kind.__name__, options, units, depth, size, each, theirs)
    print(f"PyTorch {torch.__version__}: {good} of {count} norms to {BOUND:g}, "
          f"largest difference {largest:.2g}")  # fmt: skip


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
