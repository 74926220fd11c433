"""Write PyTorch files of every kind, and what PyTorch itself says of them and computes.

Run in an environment with torch and safetensors: `python tests/goldens/make_torch.py`.
"""

import json
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
import torch
from torch import nn

HERE = Path(__file__).parent / "torch"
RECORDS: list[dict[str, Any]] = []
ARRAYS: dict[str, np.ndarray] = {}


class Tagger(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(11, 4)
        self.lstm = nn.LSTM(4, 5, num_layers=2, bidirectional=True, batch_first=True)
        self.norm = nn.BatchNorm1d(10)
        self.dropout = nn.Dropout(0.1)
        self.head = nn.Linear(10, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y, _ = self.lstm(self.embedding(x))
        return self.head(self.dropout(self.norm(y.transpose(1, 2)).transpose(1, 2)))


class Tied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Embedding(7, 4)
        self.rnn = nn.GRU(4, 4)
        self.decoder = nn.Linear(4, 7, bias=False)
        self.decoder.weight = self.encoder.weight


def layers_of(module: nn.Module) -> list[dict[str, Any]]:
    """Return name, class and parameters of every module that has parameters of its own."""
    found = []
    for name, each in module.named_modules():
        own = sum(p.numel() for p in each.parameters(recurse=False))
        if own:
            found.append({"name": name, "type": type(each).__name__, "params": own})
    return found


def record(file: str, module: nn.Module, **more: Any) -> None:
    total = sum(p.numel() for p in module.parameters())
    RECORDS.append({"file": file, "layers": layers_of(module), "total": total, **more})


def ran(file: str, name: str, module: nn.Module) -> None:
    """Run a recurrent module on seeded input, and keep both."""
    size = module.input_size
    x = torch.randn(2, 7, size)
    if isinstance(module, nn.RNNCellBase):
        states, steps = None, []
        for t in range(x.shape[1]):
            states = module(x[:, t], states)
            steps.append(states[0] if isinstance(states, tuple) else states)
        y = torch.stack(steps, 1)
    else:
        y = module(x if module.batch_first else x.transpose(0, 1))[0]
        y = y if module.batch_first else y.transpose(0, 1)
    ARRAYS[f"{file}/{name}/x"] = x.numpy()
    ARRAYS[f"{file}/{name}/y"] = y.detach().numpy()


def recurrent_modules() -> dict[str, nn.Module]:
    return {
        "lstm": nn.LSTM(3, 4, batch_first=True),
        "lstm_stacked": nn.LSTM(3, 4, num_layers=3),
        "lstm_two_ways": nn.LSTM(3, 4, num_layers=2, bidirectional=True),
        "lstm_projected": nn.LSTM(3, 6, num_layers=2, proj_size=2, bidirectional=True),
        "lstm_no_bias": nn.LSTM(3, 4, bias=False),
        "gru": nn.GRU(3, 4, num_layers=2, bidirectional=True),
        "gru_no_bias": nn.GRU(3, 4, bias=False),
        "rnn": nn.RNN(3, 4, num_layers=2),
        "rnn_relu": nn.RNN(3, 4, nonlinearity="relu", bidirectional=True),
        "lstm_cell": nn.LSTMCell(3, 4),
        "gru_cell": nn.GRUCell(3, 4),
        "rnn_cell": nn.RNNCell(3, 4),
    }


def main() -> None:
    torch.manual_seed(0)
    HERE.mkdir(exist_ok=True)
    modules = nn.ModuleDict(recurrent_modules())
    for each in modules.parameters():
        nn.init.normal_(each, std=0.5)

    def save(
        file: str, obj: Any, module: nn.Module, names: tuple[str, ...] = (), **more: Any
    ) -> None:
        torch.save(obj, HERE / file, **more)
        record(file, module)
        for name in names:
            ran(file, name, module.get_submodule(name))

    states = [name for name in modules if name != "rnn_relu"]  # a state dict does not tell relu
    save("state_dict.pt", modules.state_dict(), modules, tuple(states))
    save("modules.pt", modules, modules, tuple(modules))
    save(
        "older.pt",
        modules.state_dict(),
        modules,
        tuple(states),
        _use_new_zipfile_serialization=False,
    )
    save("older_modules.pt", modules, modules, ("rnn_relu",), _use_new_zipfile_serialization=False)

    tagger = Tagger()
    adam = torch.optim.Adam(tagger.parameters())
    tagger(torch.zeros(2, 3, dtype=torch.long)).sum().backward()
    adam.step()
    checkpoint = {
        "epoch": 3, "model_state_dict": tagger.state_dict(), "vocabulary": {"a": 0},
        "optimizer_state_dict": adam.state_dict(), "best": torch.tensor(0.5),
    }  # fmt: skip
    save("checkpoint.pth", checkpoint, tagger, ("lstm",))
    save("whole.pt", tagger, tagger, ("lstm",))
    save("numpy_beside.bin", {"net": tagger.state_dict(), "scale": np.arange(3.0)}, tagger)
    parallel = nn.DataParallel(tagger)
    save("parallel.pt", parallel.state_dict(), parallel)
    save("half.pt", tagger.half().state_dict(), tagger)
    save("bfloat16.pt", tagger.bfloat16().state_dict(), tagger)
    tagger = tagger.float()
    save("list_of_pairs.pt", OrderedDict(tagger.state_dict().items()), tagger)
    tied = Tied()
    torch.save(tied.state_dict(), HERE / "tied.pt")
    RECORDS.append({"file": "tied.pt", "layers": layers_of(tied)[:2],
                    "total": sum(p.numel() for p in tied.parameters())})  # fmt: skip
    script = torch.jit.script(tagger)
    script.save(str(HERE / "script.pt"))
    record("script.pt", tagger)
    ran("script.pt", "lstm", tagger.lstm)
    safetensors.torch.save_file(modules.state_dict(), HERE / "state.safetensors", {"format": "pt"})
    record("state.safetensors", modules)
    for name in states:
        ran("state.safetensors", name, modules[name])
    safetensors.torch.save_file(tagger.bfloat16().state_dict(), HERE / "bfloat16.safetensors")
    record("bfloat16.safetensors", tagger)
    versions = {"torch": torch.__version__, "safetensors": safetensors.__version__}
    text = json.dumps({"versions": versions, "files": RECORDS}, indent=1)
    (HERE / "files.json").write_text(text + "\n")
    np.savez_compressed(HERE / "values.npz", **ARRAYS)


if __name__ == "__main__":
    main()
