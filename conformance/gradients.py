"""`rnncli forward --stats`: are the norms of its gradients those of PyTorch's autograd?

    python conformance/gradients.py DIR [RNNCLI]   # where torch is; RNNCLI is the command

Modules of every cell, in one layer and stacked, with weights small and large, run on 120 steps;
`torch.autograd.functional.jacobian` gives the derivative of the last `h` by each earlier state.
Then modules whose gradient lasts run on 3,000 steps in float64, where the difference is relative.
"""

import json
import subprocess
import sys
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch

STEPS, LONG, INPUTS, BOUND = 120, 3000, 3, 1e-4
BACKS = (1, 10, 100)


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
    for back in (*BACKS, len(x) - 1):
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


def asked(
    command: str, folder: Path, module: Any, x: np.ndarray, dtype: str = "float32"
) -> list[dict[str, Any]]:
    """Return what rnncli says of each stacked layer."""
    torch.save(torch.nn.ModuleDict({"net": module}).float(), folder / "net.pt")
    np.save(folder / "x.npy", x[None].astype("float32"))
    line = [command, "forward", "net.pt", "--layer-name", "net", "--input", "x.npy", "--stats",
            "--format", "json", "--dtype", dtype]  # fmt: skip
    done = subprocess.run(line, cwd=folder, capture_output=True, text=True, check=True)
    rows: list[dict[str, Any]] = json.loads(done.stdout)["layers"]
    return rows


def main(folder: Path, command: str = "rnncli") -> None:
    """Compare short sequences, where differences are relative above 1, and long ones."""
    folder.mkdir(parents=True, exist_ok=True)
    found: list[tuple[float, str]] = []
    kinds = [(torch.nn.RNN, {}), (torch.nn.RNN, {"nonlinearity": "relu"}), (torch.nn.LSTM, {}),
             (torch.nn.GRU, {})]  # fmt: skip
    for (kind, options), units, depth, size in product(kinds, (5, 16), (1, 2), (0.1, 0.3, 0.5)):
        torch.manual_seed(len(found))
        module = kind(INPUTS, units, depth, batch_first=True, **options)
        for parameter in module.parameters():
            torch.nn.init.normal_(parameter, std=size)
        module = module.float()
        x = np.random.default_rng(len(found)).normal(size=(STEPS, INPUTS)).astype("float32")
        rows = asked(command, folder, module, x)
        for level, row in enumerate(rows):
            expected = autograd(module, x, level)
            found += compared(row, expected, 1.0, f"{kind.__name__} {options} {units} {size}")
    told(f"PyTorch {torch.__version__}, {STEPS} steps", found)
    found = []
    for kind, units in product((torch.nn.RNN, torch.nn.LSTM, torch.nn.GRU), (5, 16)):
        module = lasting(kind, units, len(found))
        x = np.random.default_rng(len(found)).normal(size=(LONG, INPUTS)).astype("float32")
        (row,) = asked(command, folder, module, x, "float64")
        found += compared(row, autograd(module, x, 0), 1e-30, f"{kind.__name__} {units}")
    told(f"{LONG:,} steps, relative", found)


def lasting(kind: Any, units: int, seed: int) -> Any:
    """Return a module whose gradient does not vanish at once: gates that keep the state."""
    torch.manual_seed(seed)
    module = kind(INPUTS, units, batch_first=True)
    state = module.state_dict()
    for name, each in state.items():
        torch.nn.init.normal_(each, std=0.01)
        if kind is torch.nn.RNN and name == "weight_hh_l0":
            torch.nn.init.orthogonal_(each)
        if kind is not torch.nn.RNN and name == "bias_ih_l0":
            each[units : 2 * units] = 6  # the forget gate, the update gate
    module.load_state_dict(state)
    return module


def compared(
    row: dict[str, Any], expected: dict[int, list[float]], least: float, what: str
) -> list[tuple[float, str]]:
    """Return for each norm how far apart both are, relative where it is above `least`."""
    found = []
    for each in row["gradient"]:
        for mine, theirs in zip(list(each.values())[2:], expected[each["back"]], strict=True):
            apart = abs(mine - theirs) / max(least, theirs) if mine is not None else 1.0
            found.append((apart, f"{what} {each} {theirs}"))
    return found


def told(what: str, found: list[tuple[float, str]]) -> None:
    """Print how many norms agree, those that do not, and the largest difference."""
    for apart, each in found:
        if apart > BOUND:
            print(each)
    good, largest = sum(apart <= BOUND for apart, _ in found), max(found)[0]
    print(f"{what}: {good} of {len(found)} norms to {BOUND:g}, largest difference {largest:.2g}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
