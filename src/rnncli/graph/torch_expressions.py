"""`--layer` expressions of PyTorch: constructor calls of `torch.nn`, read as text and never run."""

import ast
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from rnncli.errors import UsageError, nearest
from rnncli.graph.expressions import Reader
from rnncli.graph.naming import Namer
from rnncli.layers import TABLE, bare, key
from rnncli.layers.arguments import check_arguments
from rnncli.model import Config, Layer, Model, Source, sequential
from rnncli.shapes import Dim, Shape

_TORCH = re.compile(r"\s*(torch\s*\.\s*)?nn\s*\.")
_KNOWN = [bare(name) for name in TABLE if name.startswith("torch.")]
# What every module takes beside its own arguments.
_COMMON = ("device", "dtype")
_EXAMPLE = 'write it as in PyTorch: "nn.LSTM(32, 64)"'
_TIME_MAJOR = (
    "nn.{} without batch_first=True takes (time, batch, features); shapes are shown, and inputs "
    "taken, as (batch, time, features) all the same"
)


def is_torch(text: str) -> bool:
    """Whether an expression is a constructor of PyTorch's."""
    return bool(_TORCH.match(text))


def parse_stack(texts: Sequence[str], steps: Dim = None, inputs: Dim = None) -> Model:
    """Return the chain of the modules, one or more per expression, not inferred yet.

    `steps` and `inputs` are sizes of the first module's input, which it states itself for the rest;
    `Input(...)` may stand first. Raises: UsageError that points at the spot.
    """
    namer = Namer()
    layers: list[Layer] = []
    for text in texts:
        if is_torch(text):
            layers += _Reader(text, namer).modules()
        elif not layers and re.match(r"\s*(\w+\s*\.\s*)*Input(Layer)?\s*\(", text):
            reader = Reader(text, namer)
            class_name, config = reader.layer(reader.root)
            layers.append(Layer(class_name, config["name"], config))
        else:
            raise UsageError(f"--layer {text[:80]!r} is not PyTorch's, and a stack is of one "
                             "framework", _EXAMPLE)  # fmt: skip
    if layers and layers[0].kind != "InputLayer":
        check_arguments(layers[0].kind or "", layers[0].config)
        shape = _input_shape(layers[0], steps, inputs)
        layers.insert(0, Layer("InputLayer", "input", {"batch_shape": shape, "name": "input"}))
    elif steps is not None or inputs is not None:
        raise UsageError("--steps and --input-size do not go with Input, which states both")
    for name, count in Counter(layer.name for layer in layers).items():
        if count > 1:
            raise UsageError(f"two layers are called {name!r}")
    chain = sequential(tuple(layers), source=Source("layers"))
    return chain._replace(warnings=tuple(dict.fromkeys(_warnings(layers))))


def _warnings(layers: list[Layer]) -> Iterator[str]:
    for layer in layers:
        if layer.type in ("RNN", "LSTM", "GRU") and not layer.config.get("batch_first"):
            yield _TIME_MAJOR.format(layer.type)


class _Reader(Reader):
    """One expression of PyTorch's."""

    example = _EXAMPLE

    def modules(self) -> list[Layer]:
        """Return the module, or those of an `nn.Sequential`."""
        return list(self._modules(self.root))

    def _modules(self, node: ast.expr) -> Iterator[Layer]:
        if isinstance(node, ast.Call) and self.dotted(node.func)[-1] == "Sequential":
            for inner in node.args:
                yield from self._modules(inner)
            return
        kind, config = self.layer(node)
        type_ = bare(kind)
        yield Layer(kind, config["name"], config, type=type_, dialect="torch")

    def class_name(self, node: ast.expr) -> str:
        """Return the kind that a constructor is of, `torch.LSTM` of `nn.LSTM`."""
        *modules, name = self.dotted(node)
        kind = key("torch", name)
        if kind not in TABLE or modules not in (["nn"], ["torch", "nn"]):
            raise self.error(
                f"{self.spot(node)} is not a known module of PyTorch", nearest(name, _KNOWN)
            )
        return kind

    def allowed(self, names: list[str]) -> list[str]:
        """Return the keywords that a module takes."""
        return [*names, *_COMMON]

    def value(self, node: ast.expr) -> Any:
        """Return a literal; a module inside a module is none of the stack."""
        if isinstance(node, ast.Attribute) and self.dotted(node)[0] == "torch":
            return self.dotted(node)[-1]  # a dtype
        if isinstance(node, ast.Call):
            raise self.error(f"{self.spot(node)} inside a module is not read")
        return super().value(node)


# The first axis after the batch that an input has, by the module that takes it, and what follows.
_SIZES = {
    "Linear": "in_features",
    **dict.fromkeys(("RNN", "LSTM", "GRU", "RNNCell", "LSTMCell", "GRUCell"), "input_size"),
}
_SEQUENCES = ("RNN", "LSTM", "GRU")


def _input_shape(first: Layer, steps: Dim, inputs: Dim) -> Shape:
    """Return the input that the first module takes, with its batch open. Raises: UsageError."""
    name, config = first.type, first.config
    if name == "Embedding":
        if inputs is not None:
            raise UsageError("--input-size: nn.Embedding takes tokens, which have no features")
        return (None, steps)
    if name in _SIZES:
        size = inputs or config[_SIZES[name]]
        return (None, steps, size) if name in _SEQUENCES or steps is not None else (None, size)
    if "Conv" in name or ("Norm" in name and "num_features" in config) or name == "GroupNorm":
        return (None, *_channels_first(config, name, steps, inputs))
    if "normalized_shape" in config:
        given = config["normalized_shape"]
        sizes = tuple(given) if isinstance(given, list | tuple) else (given,)
        return (None, *sizes) if steps is None else (None, steps, *sizes)
    if inputs is None:
        raise UsageError(f"nn.{name} does not say the size of its input",
                         'put --layer "Input((100, 32))" first, or give --input-size')  # fmt: skip
    return (None, inputs) if steps is None else (None, steps, inputs)


def _channels_first(config: Config, name: str, steps: Dim, inputs: Dim) -> Shape:
    """Return the channels and the space after them: `steps` for one axis."""
    stated = next(config[each] for each in ("in_channels", "num_features", "num_channels")
                  if each in config)  # fmt: skip
    axes = int(name[-2]) if name[-1:] == "d" else 1
    if "Norm" in name and axes == 1 and steps is None:
        return (inputs or stated,)
    space: Shape = (steps,) if axes == 1 else (None,) * axes
    return (inputs or stated, *space)
