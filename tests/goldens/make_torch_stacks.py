"""Run stacks of PyTorch's modules, and write what PyTorch computes and what torchinfo counts.

Run in an environment with torch and torchinfo: `python tests/goldens/make_torch_stacks.py`.
"""

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torchinfo
from torch import nn

HERE = Path(__file__).parent / "torch"

# Expressions, the shape of an input (batch first, as rnncli takes it), and whether it is of tokens.
STACKS: list[tuple[list[str], tuple[int, ...], bool]] = [
    (["nn.LSTM(3, 4, num_layers=2, bidirectional=True, batch_first=True)"], (2, 5, 3), False),
    (["nn.LSTM(3, 5, 2, False, True, 0.0, True, 2)", "nn.Linear(4, 2)"], (2, 5, 3), False),
    (["nn.GRU(3, 4)", "nn.Dropout(0.5)", "nn.Linear(4, 2, bias=False)"], (2, 5, 3), False),
    (["nn.RNN(3, 4, 1, 'relu')", "nn.LayerNorm(4)"], (2, 5, 3), False),
    (["nn.RNN(3, 4, bidirectional=True)", "nn.LayerNorm((5, 8), 1e-3)"], (2, 5, 3), False),
    (["nn.LSTMCell(3, 4)", "nn.Linear(4, 2)", "nn.Softmax(dim=1)"], (2, 3), False),
    (["nn.GRUCell(3, 4)", "nn.Tanh()"], (2, 3), False),
    (["nn.RNNCell(3, 4, nonlinearity='relu')"], (2, 3), False),
    (["nn.Embedding(11, 4)", "nn.GRU(4, 3, num_layers=2)", "nn.Linear(3, 11)"], (2, 6), True),
    (["nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 1))", "nn.Sigmoid()"], (3, 4), False),
    (["nn.Conv1d(3, 6, 3, padding=1)", "nn.BatchNorm1d(6)", "nn.ReLU6()", "nn.MaxPool1d(2)",
      "nn.Conv1d(6, 4, 2, stride=2, groups=2, bias=False)", "nn.AdaptiveAvgPool1d(1)",
      "nn.Flatten()", "nn.Linear(4, 2)"], (2, 3, 12), False),
    (["nn.Conv1d(3, 4, 5, padding='same', padding_mode='reflect', dilation=2)"], (2, 3, 14), False),
    (["nn.ConvTranspose1d(4, 6, 3, 2, 1, 1, 2)", "nn.GELU()"], (2, 4, 7), False),
    (["nn.Conv2d(2, 3, (3, 2), (2, 1), (1, 0))", "nn.BatchNorm2d(3)", "nn.LeakyReLU()",
      "nn.AvgPool2d(2, 2, 1)", "nn.InstanceNorm2d(3, affine=True)"], (2, 2, 9, 8), False),
    (["nn.ConvTranspose2d(2, 4, 3, stride=2, groups=2)", "nn.MaxPool2d(3, 2, ceil_mode=True)"],
     (1, 2, 4, 5), False),
    (["nn.Conv3d(1, 2, 2)", "nn.MaxPool3d(2)", "nn.ELU(0.5)"], (1, 1, 5, 5, 5), False),
    (["nn.AvgPool1d(3, 2, 1, True, False)", "nn.AvgPool1d(2, ceil_mode=True)"], (1, 2, 9), False),
    (["nn.MaxPool1d(2, 3, 1, ceil_mode=True)"], (1, 2, 5), False),
    (["nn.AvgPool1d(2, 3, 1, ceil_mode=True)"], (1, 2, 5), False),
    (["nn.GroupNorm(2, 6)", "nn.PReLU(6)", "nn.PReLU()"], (2, 6, 5), False),
    (["nn.RMSNorm(4)", "nn.SiLU()", "nn.Mish()", "nn.SELU()", "nn.CELU(2.0)"], (2, 3, 4), False),
    (["nn.BatchNorm1d(5, track_running_stats=False)", "nn.LogSoftmax(-1)"], (4, 5), False),
    (["nn.Hardtanh(-0.5, 0.7)", "nn.Softplus(2.0)", "nn.Softsign()", "nn.LogSigmoid()"],
     (2, 6), False),
    (["nn.Tanhshrink()", "nn.Softshrink(0.2)", "nn.Threshold(0.1, -1)"], (2, 9), False),
    (["nn.Hardsigmoid()", "nn.Hardshrink(0.4)", "nn.GLU()", "nn.Hardswish()"], (2, 8), False),
    (["nn.Unflatten(1, (2, 3))", "nn.Flatten(0, 1)", "nn.GELU('tanh')", "nn.Identity()"],
     (2, 6), False),
]  # fmt: skip


class Chain(nn.Module):
    """The modules one after another; of recurrent ones the output goes on, batch first."""

    def __init__(self, modules: list[nn.Module]) -> None:
        super().__init__()
        for index, module in enumerate(modules):
            self.add_module(str(index), module)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for module in self.children():
            turned = isinstance(module, nn.RNNBase) and not module.batch_first
            x = module(x.transpose(0, 1) if turned else x)
            x = x[0] if isinstance(x, tuple) else x
            x = x.transpose(0, 1) if turned else x
        return x


def main() -> None:
    warnings.filterwarnings("ignore")
    torch.manual_seed(2)
    records: list[dict[str, Any]] = []
    arrays: dict[str, np.ndarray] = {}
    for number, (texts, shape, tokens) in enumerate(STACKS):
        made = [eval(text, {"nn": nn, "torch": torch}) for text in texts]
        flat = [m for each in made for m in (each if isinstance(each, nn.Sequential) else [each])]
        chain = Chain(flat).eval()
        for name, each in chain.state_dict().items():
            if each.is_floating_point():
                drawn = torch.randn_like(each) * 0.6
                each.copy_(drawn.abs() + 0.5 if name.endswith("running_var") else drawn)
        x = torch.randint(0, 11, shape) if tokens else torch.randn(shape)
        with torch.no_grad():
            y = chain(x)
        told = torchinfo.summary(chain, input_data=x, verbose=0)
        records.append({"layers": texts, "shape": list(y.shape), "total": told.total_params,
                        "trainable": told.trainable_params, "input": list(shape)})  # fmt: skip
        arrays |= {f"{number}/x": x.numpy(), f"{number}/y": y.numpy()}
        arrays |= {f"{number}/state/{k}": v.numpy() for k, v in chain.state_dict().items()}
    versions = {"torch": torch.__version__, "torchinfo": torchinfo.__version__}
    (HERE / "stacks.json").write_text(json.dumps({"versions": versions, "stacks": records}) + "\n")
    np.savez_compressed(HERE / "stacks.npz", **arrays)


if __name__ == "__main__":
    main()
