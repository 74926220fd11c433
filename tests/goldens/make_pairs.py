"""Models of Keras that are the same network as modules of PyTorch, as both frameworks show.

Run in an environment with torch, keras, h5py and onnx: `python tests/goldens/make_pairs.py`. The
weights go from PyTorch to Keras by the few lines below, and nothing is kept unless both compute the
same on the same input.
"""

import json
import os
import sys
import zipfile
from pathlib import Path
from typing import Any

os.environ["KERAS_BACKEND"] = "torch"
sys.path.pop(0)  # where folders are called like the frameworks

import keras
import numpy as np
import torch
from keras import layers

HERE = Path(__file__).parent / "pairs"
GATES = {"RNN": [0], "LSTM": [0, 1, 2, 3], "GRU": [1, 0, 2]}  # PyTorch's, in Keras's order


class Tagger(torch.nn.Module):
    """Embedding, two recurrent layers, a projection to classes."""

    def __init__(self, cell: str, both: bool) -> None:
        super().__init__()
        self.embedding = torch.nn.Embedding(9, 4)
        self.rnn = getattr(torch.nn, cell)(4, 3, 2, batch_first=True, bidirectional=both)
        self.norm = torch.nn.LayerNorm(6 if both else 3, eps=1e-3)
        self.head = torch.nn.Linear(6 if both else 3, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return `(batch, time, classes)`."""
        return self.head(self.norm(self.rnn(self.embedding(x))[0]))


def turned(array: np.ndarray, gates: list[int]) -> np.ndarray:
    """Return rows of gates as columns in another order."""
    parts = np.split(array, len(gates))
    return np.concatenate([parts[gate] for gate in gates]).T


def variables(state: dict[str, np.ndarray], cell: str, both: bool) -> list[np.ndarray]:
    """Return Keras's variables in their order."""
    found, gates = [state["embedding.weight"]], GATES[cell]
    for level in (0, 1):
        for end in ("", "_reverse") if both else ("",):
            own = [state[f"rnn.{name}_l{level}{end}"]
                   for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]  # fmt: skip
            kernel, recurrent, one, other = (turned(each, gates) for each in own)
            bias = np.stack([one, other]) if cell == "GRU" else one + other
            found += [kernel, recurrent, bias]
    found += [state["norm.weight"], state["norm.bias"]]
    return [*found, state["head.weight"].T, state["head.bias"]]


def model_of(cell: str, both: bool) -> Any:
    """Return the model of Keras."""
    kind = {"RNN": "SimpleRNN"}.get(cell, cell)
    stack: list[Any] = [layers.Input((6,)), layers.Embedding(9, 4)]
    for _ in (0, 1):
        layer = getattr(layers, kind)(3, return_sequences=True)
        stack.append(layers.Bidirectional(layer) if both else layer)
    return keras.Sequential([*stack, layers.LayerNormalization(), layers.Dense(5)])


class Mixer(torch.nn.Module):
    """Layers without cells whose weights both frameworks cut differently."""

    def __init__(self) -> None:
        super().__init__()
        self.separable = torch.nn.Sequential(
            torch.nn.Conv1d(4, 8, 2, groups=4, bias=False), torch.nn.Conv1d(8, 6, 1)
        )
        self.depthwise = torch.nn.Conv1d(6, 12, 3, groups=6)
        self.prelu = torch.nn.PReLU(12)
        self.norm = torch.nn.GroupNorm(3, 12, eps=1e-3)
        self.attention = torch.nn.MultiheadAttention(12, 3, batch_first=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return `(batch, steps, 12)` of `(batch, 4, steps)`."""
        found = self.norm(self.prelu(self.depthwise(self.separable(x)))).swapaxes(1, 2)
        return self.attention(found, found, found)[0]


def mixed() -> Any:
    """Return the model of Keras."""
    x = given = layers.Input((9, 4))
    x = layers.SeparableConv1D(6, 2, depth_multiplier=2, name="separable")(x)
    x = layers.DepthwiseConv1D(3, depth_multiplier=2, name="depthwise")(x)
    x = layers.PReLU(shared_axes=[1], name="prelu")(x)
    x = layers.GroupNormalization(3, name="norm")(x)
    return keras.Model(given, layers.MultiHeadAttention(3, 4, name="attention")(x, x))


def mixed_variables(state: dict[str, np.ndarray]) -> list[np.ndarray]:
    """Return Keras's variables in their order."""
    filters = state["depthwise.weight"]
    found = [
        state["separable.0.weight"].reshape(4, 2, 2).transpose(2, 0, 1),
        state["separable.1.weight"].T,
        state["separable.1.bias"],
        filters.reshape(6, 2, 3).transpose(2, 0, 1),
        state["depthwise.bias"],
        state["prelu.weight"][None],
        state["norm.weight"],
        state["norm.bias"],
    ]
    weights, biases = (np.split(state[f"attention.in_proj_{each}"], 3)
                       for each in ("weight", "bias"))  # fmt: skip
    for weight, bias in zip(weights, biases, strict=True):
        found += [weight.T.reshape(12, 3, 4), bias.reshape(3, 4)]
    # Keras keeps query, key, value in this order; PyTorch too.
    out = state["attention.out_proj.weight"].T.reshape(3, 4, 12)
    return [*found, out, state["attention.out_proj.bias"]]


def mixer() -> None:
    """Write the pair of layers without cells, the module whole, for it tells its heads."""
    torch.manual_seed(6)
    module = Mixer().eval()
    for parameter in module.parameters():
        torch.nn.init.normal_(parameter, std=0.6)
    state = {name: each.numpy() for name, each in module.state_dict().items()}
    model = mixed()
    model.set_weights(mixed_variables(state))
    x = np.random.default_rng(0).normal(size=(2, 9, 4)).astype("float32")
    with torch.no_grad():
        one = module(torch.from_numpy(x).swapaxes(1, 2)).numpy()
    assert np.abs(one - np.asarray(model.predict(x, verbose=0))).max() < 1e-5
    model.save(HERE / "mixer.keras")
    packed(HERE / "mixer.keras")
    torch.save(module, HERE / "mixer.pt")
    np.savez(HERE / "mixer.npz", **{w.path: w.numpy() for w in model.weights})
    np.savez(HERE / "mixer_torch.npz", **state)


def packed(path: Path) -> None:
    """Write a zip again, compressed: Keras stores its HDF5 as it is."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            archive.writestr(name, data)


def main() -> None:
    """Write each pair, and what both compute."""
    HERE.mkdir(exist_ok=True)
    mixer()
    x = np.arange(12).reshape(2, 6) % 9
    for cell in GATES:
        both = cell != "RNN"
        torch.manual_seed(5)
        module = Tagger(cell, both)
        for parameter in module.parameters():
            torch.nn.init.normal_(parameter, std=0.6)
        state = {name: each.numpy() for name, each in module.state_dict().items()}
        model = model_of(cell, both)
        model.set_weights(variables(state, cell, both))
        with torch.no_grad():
            one = module(torch.from_numpy(x)).numpy()
        other = np.asarray(model.predict(x, verbose=0))
        assert np.abs(one - other).max() < 1e-5
        name = cell.lower()
        torch.save(module.state_dict(), HERE / f"{name}.pt")
        model.save(HERE / f"{name}.keras")
        packed(HERE / f"{name}.keras")
        np.savez(HERE / f"{name}.npz", **{w.path: w.numpy() for w in model.weights})
        np.savez(HERE / f"{name}_torch.npz", **state)
        torch.onnx.export(
            module.rnn, (torch.zeros(1, 6, 4),), str(HERE / f"{name}.onnx"), dynamo=False
        )
    versions = {"keras": keras.__version__, "torch": torch.__version__}
    (HERE / "versions.json").write_text(json.dumps(versions) + "\n")


if __name__ == "__main__":
    main()
