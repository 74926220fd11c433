"""Norms of gradients as PyTorch's autograd has them, of modules in `torch/state_dict.pt`.

Run in an environment with torch: `python tests/goldens/make_gradients.py`.
"""

import json
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[0] = str(HERE.parents[1] / "conformance")  # here folders are called like the frameworks

import gradients  # noqa: E402
import numpy as np  # noqa: E402
import torch  # noqa: E402

KINDS = {"lstm": (torch.nn.LSTM, 1), "lstm_stacked": (torch.nn.LSTM, 3), "rnn": (torch.nn.RNN, 2)}


def main() -> None:
    """Write the norms of each stacked layer, for the input that the tests make too."""
    state = torch.load(HERE / "torch" / "state_dict.pt")
    x = np.random.default_rng(0).normal(size=(gradients.STEPS, 3)).astype("float32")
    found = {}
    for name, (kind, depth) in KINDS.items():
        module = kind(3, 4, depth, batch_first=True)
        start = f"{name}."
        module.load_state_dict({key.removeprefix(start): each for key, each in state.items()
                                if key.startswith(start)})  # fmt: skip
        found[name] = [gradients.autograd(module, x, level) for level in range(depth)]
    record = {"torch": torch.__version__, "norms": found}
    (HERE / "gradients.json").write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
