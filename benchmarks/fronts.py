"""How long a convolution or attention in front of an LSTM takes, beside PyTorch on one thread.

Usage: OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 python benchmarks/fronts.py [--seconds 0.5]

Both compute the same stack with the same weights, and are compared before anything is timed; the
figures are medians of processor time, in turns taken one after the other. '!' marks what is above
twice PyTorch.
"""

import argparse
import statistics
import timeit
from collections.abc import Callable
from time import process_time
from typing import Any

import numpy as np
import torch  # noqa: TID251
from torch import nn  # noqa: TID251

from rnncli.forward.engine import Graph, Rules
from rnncli.forward.weights import random_values, slots
from rnncli.graph.expressions import parse_stack
from rnncli.graph.infer import infer
from rnncli.layers.op import Notes, Value
from rnncli.model import Source, sequential

LIMIT = 2.0
BATCHES = (1, 32)
STACKS = {
    "Conv1D": ["Input((200, 32))", "Conv1D(64, 5, padding='same', activation='relu')", "LSTM(64)"],
    "Conv1D causal": ["Input((200, 32))", "Conv1D(64, 3, padding='causal')", "LSTM(64)"],
    "Conv2D": ["Input((100, 40, 1))", "Conv2D(16, 3, padding='same', activation='relu')",
               "Reshape((100, 640))", "LSTM(64)"],
    "Conv2D twice": ["Input((100, 40, 1))", "Conv2D(16, 3, padding='same', activation='relu')",
                     "Conv2D(16, 3, padding='same', activation='relu')", "Reshape((100, 640))",
                     "LSTM(64)"],
    "attention": ["Input((200, 64))", "MultiHeadAttention(4, 16)", "LSTM(64)"],
}  # fmt: skip


def ours(stack: list[str], x: np.ndarray, seed: int = 0) -> tuple[Callable[[], Any], dict]:
    """Return a run of the stack and its weights; attention reads its input twice."""
    layers = parse_stack(stack)
    model = sequential(layers, source=Source("layers"))
    if "Multi" in stack[1]:
        twice = model.layers[1].calls[0]._replace(inputs=model.layers[1].calls[0].inputs * 2)
        changed = (model.layers[0], model.layers[1]._replace(calls=(twice,)), *model.layers[2:])
        model = model._replace(layers=changed, type="Functional")
    model = infer(model)
    dtype = np.dtype("f4")
    found = list(slots(model, model.outputs))
    values = random_values(found, np.random.default_rng(seed), "keras", dtype)
    graph = Graph(model, model.outputs, values, Rules(dtype, 3, Notes()))
    return lambda: graph.run({model.inputs[0]: Value(x)})[0].array, values


class Stack(nn.Module):
    """The same in PyTorch; `weights` are those of `ours`, by their paths."""

    def __init__(self, stack: list[str], weights: dict[str, np.ndarray]) -> None:
        super().__init__()
        w = {path: torch.from_numpy(np.ascontiguousarray(v)) for path, v in weights.items()}
        self.fronts, self.kinds = nn.ModuleList(), []
        for path in [p for p in w if p.startswith("conv") and p.endswith("kernel")]:
            self.fronts.append(self._convolution(stack, w, path))
        if "multi_head_attention/query/kernel" in w:
            self.fronts.append(self._attention(w))
        kernel = w["lstm/lstm_cell/kernel"]
        self.lstm = nn.LSTM(kernel.shape[0], kernel.shape[1] // 4, batch_first=True)
        self.lstm.weight_ih_l0.data = kernel.T.contiguous()
        self.lstm.weight_hh_l0.data = w["lstm/lstm_cell/recurrent_kernel"].T.contiguous()
        self.lstm.bias_ih_l0.data = w["lstm/lstm_cell/bias"]
        self.lstm.bias_hh_l0.data.zero_()

    def _convolution(self, stack: list[str], w: dict[str, Any], path: str) -> nn.Module:
        kernel, axes = w[path], w[path].ndim - 2
        size, causal = kernel.shape[0], "causal" in " ".join(stack)
        pad = 0 if causal else size // 2
        made = (nn.Conv1d if axes == 1 else nn.Conv2d)(*kernel.shape[-2:], size, padding=pad)
        made.weight.data = kernel.permute(-1, -2, *range(axes)).contiguous()
        made.bias.data = w[path.replace("kernel", "bias")]
        before = [nn.ConstantPad1d((size - 1, 0), 0.0)] if causal else []
        return nn.Sequential(*before, made, nn.Identity() if causal else nn.ReLU())

    def _attention(self, w: dict[str, Any]) -> nn.Module:
        width = w["multi_head_attention/query/kernel"].shape[0]
        heads = w["multi_head_attention/query/kernel"].shape[1]
        made = nn.MultiheadAttention(width, heads, batch_first=True)
        names = ("query", "key", "value")
        made.in_proj_weight.data = torch.cat(
            [w[f"multi_head_attention/{n}/kernel"].reshape(width, -1).T for n in names]
        )
        made.in_proj_bias.data.zero_()
        out = w["multi_head_attention/attention_output/kernel"].reshape(-1, width)
        made.out_proj.weight.data = out.T.contiguous()
        made.out_proj.bias.data.zero_()
        return made

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the last output of the LSTM."""
        for front in self.fronts:
            if isinstance(front, nn.MultiheadAttention):
                x = front(x, x, x, need_weights=False)[0]
                continue
            if x.ndim == 3 and isinstance(front[-2], nn.Conv1d):
                x = front(x.transpose(1, 2)).transpose(1, 2)
            else:
                x = front(x)
        if x.ndim == 4:  # (batch, channels, time, rows) to (batch, time, rows * channels)
            x = x.permute(0, 2, 3, 1).flatten(2)
        return self.lstm(x)[0][:, -1]


def theirs(stack: list[str], x: np.ndarray, weights: dict) -> Callable[[], Any]:
    """Return a run of PyTorch's stack."""
    module = Stack(stack, weights).eval()
    given = torch.from_numpy(x if x.ndim == 3 else x.transpose(0, 3, 1, 2).copy())

    def run() -> Any:
        with torch.inference_mode():
            return module(given).numpy()

    return run


def main() -> None:
    """Print a row per stack and batch size."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=0.5, help="for rnncli, per stack")
    options = parser.parse_args()
    torch.set_num_threads(1)
    print(f"{'stack':14} {'batch':>5} {'rnncli':>9} {'PyTorch':>9} {'ratio':>6}   (ms)")
    for name, stack in STACKS.items():
        for batch in BATCHES:
            shape = infer(sequential(parse_stack(stack[:1]))).layers[0].output_shapes[0][1:]
            x = np.random.default_rng(1).normal(size=(batch, *shape)).astype("f4")
            mine, weights = ours(stack, x)
            peer = theirs(stack, x, weights)
            if not np.allclose(mine(), peer(), atol=1e-4):
                raise SystemExit(f"{name} computes something else")
            times: dict[str, list[float]] = {"mine": [], "peer": []}
            while len(times["mine"]) < 5 or sum(times["mine"]) < options.seconds:
                times["mine"].append(timeit.timeit(mine, timer=process_time, number=1))
                times["peer"].append(timeit.timeit(peer, timer=process_time, number=1))
            one, other = (statistics.median(each) * 1e3 for each in times.values())
            mark = " !" if one / other > LIMIT else ""
            print(f"{name:14} {batch:5} {one:9.3f} {other:9.3f} {one / other:6.2f}{mark}")


if __name__ == "__main__":
    main()
