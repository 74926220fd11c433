"""Derivatives of activations as PyTorch's autograd has them: Keras's own functions run on it.

Run where keras and torch are: `python tests/goldens/make_activations.py`.
"""

import json
import os
import sys
from pathlib import Path

os.environ["KERAS_BACKEND"] = "torch"
HERE = Path(__file__).parent
sys.path.remove(str(HERE))  # where folders are called like the frameworks

import keras  # noqa: E402
import numpy as np  # noqa: E402
import torch  # noqa: E402
from torch.nn import functional as f  # noqa: E402

keras.config.set_floatx("float64")
KERAS = (
    "celu elu exponential gelu glu hard_shrink hard_sigmoid hard_silu hard_swish hard_tanh "
    "leaky_relu linear log_sigmoid log_softmax mish relu relu6 selu sigmoid silu soft_shrink "
    "softmax softplus softsign sparse_plus sparse_sigmoid sparsemax squareplus swish tanh "
    "tanh_shrink"
).split()
OTHERS = {  # of Keras 1 and 2, of Keras's layers, and of ONNX's operators
    "hard_sigmoid_keras2": lambda x: torch.clamp(0.2 * x + 0.5, 0, 1),
    "ReLU(max_value=1.0, negative_slope=0.1, threshold=0.2)": keras.layers.ReLU(1.0, 0.1, 0.2),
    "LeakyReLU(negative_slope=0.3)": keras.layers.LeakyReLU(0.3),
    "ELU(alpha=0.7)": keras.layers.ELU(0.7),
    "ThresholdedReLU(theta=0.4)": lambda x: f.threshold(x, 0.4, 0.0),
    "Softmax(axis=-1)": keras.layers.Softmax(),
    "affine": lambda x: 0.6 * x + 0.3,
    "hardsigmoid": lambda x: torch.clamp(0.6 * x + 0.3, 0, 1),
    "scaledtanh": lambda x: 0.6 * torch.tanh(0.3 * x),
    "leakyrelu": lambda x: f.leaky_relu(x, 0.6),
    "thresholdedrelu": lambda x: f.threshold(x, 0.6, 0.0),
    "tanh clip 0.7": lambda x: torch.tanh(torch.clamp(x, -0.7, 0.7)),
}
CORNERS = {
    "relu": (f.relu, (0,)), "relu6": (f.relu6, (0, 6)), "hard_tanh": (f.hardtanh, (-1, 1)),
    "hard_sigmoid": (f.hardsigmoid, (-3, 3)), "hard_swish": (f.hardswish, (-3, 3)),
    "leaky_relu": (lambda x: f.leaky_relu(x, 0.2), (0,)), "elu": (f.elu, (0,)),
    "selu": (f.selu, (0,)), "soft_shrink": (f.softshrink, (-0.5, 0.5)),
    "hard_shrink": (f.hardshrink, (-0.5, 0.5)),
}  # fmt: skip


def main() -> None:
    """Write for every activation, at the same points, the gradients that autograd gives."""
    rng = np.random.default_rng(0)
    x, gradients = rng.normal(size=(4, 6)) * 2, rng.normal(size=(3, 6))
    functions = {name: keras.activations.get(name) for name in KERAS} | OTHERS
    found = {name: [pulled(function, row, gradients) for row in x]
             for name, function in functions.items()}  # fmt: skip
    corners = {}
    for name, (function, places) in CORNERS.items():
        at = torch.tensor(places, dtype=torch.float64, requires_grad=True)
        (slope,) = torch.autograd.grad(function(at).sum(), at)
        corners[name] = [list(places), slope.tolist()]
    record = {"keras": keras.__version__, "torch": torch.__version__, "x": x.tolist(),
              "gradients": gradients.tolist(), "pulled": found, "corners": corners}  # fmt: skip
    (HERE / "activations.json").write_text(json.dumps(record) + "\n")


def pulled(function: object, row: np.ndarray, gradients: np.ndarray) -> list[list[float]]:
    """Return the gradients by `(1, 6)` inputs, of some by the outputs."""
    at = torch.tensor(row[None], requires_grad=True)
    out = function(at)
    given = torch.from_numpy(gradients[:, : out.shape[1]])
    return [torch.autograd.grad(out, at, each[None], retain_graph=True)[0][0].tolist()
            for each in given]  # fmt: skip


if __name__ == "__main__":
    main()
