"""Modules that `onnx_exports.py` exports."""

from typing import Any

import torch
from torch import nn

GATES = {"RNN": 1, "LSTM": 4, "GRU": 3}


class Wrapped(nn.Module):
    """One recurrent module, with its initial states as inputs or without."""

    def __init__(self, kind: str, size: int, units: int, states: bool, options: Any) -> None:
        super().__init__()
        self.rnn = getattr(nn, kind)(size, units, **options)
        self.kind, self.units, self.states, self.options = kind, units, states, options
        counts = {"LSTM": ["h", "c"]}.get(kind, ["h"])
        self.names = ["x", *(counts if states else ())]

    def forward(self, x: torch.Tensor, *states: torch.Tensor) -> Any:
        given = (states[0] if len(states) == 1 else tuple(states)) if states else None
        y, last = self.rnn(x, given)
        return (y, *(last if isinstance(last, tuple) else (last,)))

    def example(self, batch: int, steps: int, size: int) -> list[torch.Tensor]:
        first = self.options["batch_first"]
        x = torch.randn(*((batch, steps) if first else (steps, batch)), size)
        ways = self.options["num_layers"] * (2 if self.options["bidirectional"] else 1)
        return [x, *(torch.randn(ways, batch, self.units) for _ in self.names[1:])]

    def axes(self) -> dict[str, dict[int, str]]:
        first = self.options["batch_first"]
        x = {0: "batch", 1: "steps"} if first else {0: "steps", 1: "batch"}
        return {name: x if name == "x" else {1: "batch"} for name in self.names}


class Tagger(nn.Module):
    """Tokens or frames to labels: an embedding or a convolution, recurrences, attention, a head."""

    def __init__(self, kind: str, number: int, options: Any) -> None:
        super().__init__()
        self.names = ["x"]
        self.kind, self.number, self.words = kind, number, number % 2 == 0
        options = {**options, "batch_first": True}
        self.embedding = nn.Embedding(17, 8) if self.words else nn.Linear(5, 8)
        self.conv = nn.Conv1d(8, 8, 3, padding=1) if number % 4 in (1, 2) else None
        self.rnn = getattr(nn, kind)(8, 6, **options)
        wide = 12 if options["bidirectional"] else 6
        self.attention = (
            nn.MultiheadAttention(wide, 2, batch_first=True) if number % 3 == 0 else None
        )
        self.norm = nn.LayerNorm(wide)
        self.second = nn.GRU(wide, 4, batch_first=True)
        self.dropout, self.head = nn.Dropout(0.3), nn.Linear(4, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.embedding(x)
        if self.conv is not None:
            y = torch.relu(self.conv(y.transpose(1, 2))).transpose(1, 2)
        y = self.rnn(y)[0]
        if self.attention is not None:
            y = y + self.attention(y, y, y)[0]
        y = self.second(self.dropout(self.norm(y)))[0]
        if self.number % 5 == 0:
            y = y[:, -1]
        return torch.log_softmax(self.head(y), -1) if self.words else torch.sigmoid(self.head(y))

    def example(self, batch: int, steps: int, size: int) -> list[torch.Tensor]:
        if self.words:
            return [torch.randint(0, 17, (batch, steps))]
        return [torch.randn(batch, steps, size)]

    def axes(self) -> dict[str, dict[int, str]]:
        return {"x": {0: "batch", 1: "steps"}}


def recurrent_macs(module: nn.Module, batch: int, steps: int) -> int:
    """Return the products of all recurrent modules, by the closed form."""
    total = 0
    for each in module.modules():
        if isinstance(each, nn.RNNBase):
            kernels = [p.numel() for name, p in each.named_parameters() if "weight" in name]
            total += batch * steps * sum(kernels)
    return total
