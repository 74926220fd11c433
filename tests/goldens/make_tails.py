"""Activations far from zero, in single precision, as PyTorch computes them.

Run where torch is: `python tests/goldens/make_tails.py`.
"""

import json
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.remove(str(HERE))  # where folders are called like the frameworks

import torch  # noqa: E402
from torch.nn import functional as f  # noqa: E402

FUNCTIONS = {"sigmoid": torch.sigmoid, "silu": f.silu, "log_sigmoid": f.logsigmoid,
             "softplus": f.softplus, "mish": f.mish, "tanh": torch.tanh, "elu": f.elu}  # fmt: skip
POINTS = (-80.0, -39.1, -25.0, -17.0, -15.0, -10.0, -5.0, 0.0, 5.0, 10.0, 17.0, 80.0)


def main() -> None:
    """Write each function at the same points."""
    x = torch.tensor(POINTS, dtype=torch.float32)
    found = {name: function(x).tolist() for name, function in FUNCTIONS.items()}
    record = {"torch": torch.__version__, "x": POINTS, "found": found}
    (HERE / "tails.json").write_text(json.dumps(record) + "\n")


if __name__ == "__main__":
    main()
