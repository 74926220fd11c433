"""`--layer` expressions: Keras constructor calls, read as text and never executed."""

import ast
import warnings
from collections import Counter
from collections.abc import Iterable
from typing import Any

from rnncli.activation_names import ACTIVATION_NAMES, name_of_layer
from rnncli.errors import UsageError, nearest
from rnncli.graph.naming import Namer
from rnncli.layers import ALIASES, TABLE, bare, key, layer_type
from rnncli.layers.layer_type import REQUIRED
from rnncli.model import Config, Layer

MAX_LENGTH = 10_000  # characters of one expression; a real constructor call has a few hundred

HOLE = "?"  # the size that `fit` looks for

_MODULES = {"tf", "tensorflow", "keras", "layers", "python", "src", "rnn"}
# What every Keras layer takes beside its own arguments.
_COMMON = ("name", "trainable", "dtype", "activity_regularizer", "autocast")
_FIRST = ("input_shape", "batch_input_shape", "batch_size")  # of the first layer of a Sequential


def parse_stack(texts: Iterable[str]) -> tuple[Layer, ...]:
    """Return one layer per expression, named as Keras names them in a fresh process.

    The shape that a first layer gives as `input_shape` becomes an input layer of its own.
    Raises: UsageError that points at the spot.
    """
    namer = Namer()
    layers: list[Layer] = []
    for text in texts:
        class_name, config = parse(text, namer)
        shape = _input_shape(config)
        if layers and class_name == "InputLayer":
            raise UsageError(
                f"--layer {text[:80]!r}: Input comes first, but {len(layers)} layers are before it",
                "put it first, or leave it out",
            )
        if not layers and class_name != "InputLayer" and shape is not None:
            name = namer.auto_name("InputLayer")
            layers.append(Layer("InputLayer", name, {"batch_shape": shape, "name": name}))
        own = {key: value for key, value in config.items() if key not in _FIRST}
        layers.append(Layer(class_name, config["name"], own if layers else config))
    for name, count in Counter(layer.name for layer in layers).items():
        if count > 1:
            raise UsageError(f"two layers are called {name!r}", "give each layer a name of its own")
    return tuple(layers)


def parse(text: str, namer: Namer) -> tuple[str, Config]:
    """Return the class name and config of one constructor call."""
    reader = Reader(text, namer)
    return reader.layer(reader.root)


def unparse(class_name: str, config: Config) -> str:
    """Return the constructor call that `parse` reads back as this class and config."""
    arguments = ", ".join(f"{key}={_literal(value)}" for key, value in config.items())
    return f"{class_name}({arguments})"


def _literal(value: Any) -> str:
    if isinstance(value, dict) and "class_name" in value:
        if value["class_name"] == "StackedRNNCells":
            return _literal(value["config"]["cells"])
        return unparse(value["class_name"], value["config"])
    if isinstance(value, list):
        return f"[{', '.join(map(_literal, value))}]"
    return repr(value)


def _input_shape(config: Config) -> tuple[Any, ...] | None:
    """Return the shape with its batch that a first layer gives, None if it gives none."""
    for name in ("batch_input_shape", "input_shape"):
        value = config.get(name)
        if value is None:
            continue
        if not isinstance(value, list | tuple):
            raise UsageError(f"{name}={value!r} is not a shape", f"write it as {name}=(100, 32)")
        return tuple(value) if name.startswith("batch") else (config.get("batch_size"), *value)
    return None


class Reader:
    """One expression: its text, for messages, and its syntax tree."""

    example = 'write it as in Keras: "LSTM(64)"'

    def __init__(self, text: str, namer: Namer) -> None:
        self.text, self.namer = text, namer
        if len(text) > MAX_LENGTH:
            raise UsageError(
                f"--layer has {len(text):,} characters; at most {MAX_LENGTH:,} are read"
            )
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of `'\\d'`, say: the text is not the user's code
                self.root = ast.parse(text.strip(), mode="eval").body
        except SyntaxError as error:
            raise self.error(f"{error.msg} at column {error.offset or 1}") from None
        except (ValueError, RecursionError, MemoryError) as error:
            raise self.error(f"cannot be read: {error}") from None

    def error(self, message: str, hint: str | None = None) -> UsageError:
        """Return the error that shows the expression and what is wrong with it."""
        shown = self.text if len(self.text) <= 80 else f"{self.text[:77]}..."
        return UsageError(f"--layer {shown!r}: {message}", hint or self.example)

    def layer(self, node: ast.expr) -> tuple[str, Config]:
        """Return the class name and config of a call; the layers inside it are named first."""
        if not isinstance(node, ast.Call):
            raise self.error(f"{self.spot(node)} is not a layer")
        class_name = self.class_name(node.func)
        signature = layer_type(class_name).signature
        config = self.arguments(node, class_name, list(signature))
        for name, default in signature.items():
            if default is REQUIRED and name not in config:
                raise self.error(f"{bare(class_name)} needs {name}=…")
        if class_name == "RNN" and isinstance(config["cell"], list):
            cells = {"name": self.namer.auto_name("StackedRNNCells"), "cells": config["cell"]}
            config["cell"] = {"class_name": "StackedRNNCells", "config": cells}
        config["name"] = str(config.get("name") or self.namer.auto_name(bare(class_name)))
        return class_name, config

    def class_name(self, node: ast.expr) -> str:
        """Return the class that a constructor is of."""
        *modules, name = self.dotted(node)
        name = ALIASES.get(name, name)
        if name not in TABLE or "." in name or not _MODULES.issuperset(modules):
            ours = f'in PyTorch: "nn.{name}(...)"' if key("torch", name) in TABLE else None
            raise self.error(
                f"{self.spot(node)} is not a known layer", ours or nearest(name, [*TABLE, *ALIASES])
            )
        return name

    def dotted(self, node: ast.expr) -> list[str]:
        """Return the parts of a dotted name."""
        if isinstance(node, ast.Name):
            return [node.id]
        if isinstance(node, ast.Attribute):
            return [*self.dotted(node.value), node.attr]
        raise self.error(f"{self.spot(node)} is not the name of a layer")

    def arguments(self, node: ast.Call, class_name: str, names: list[str]) -> dict[str, Any]:
        """Return the arguments of a call by their names."""
        if len(node.args) > len(names):
            raise self.error(
                f"{bare(class_name)} takes at most {len(names)} positional arguments, "
                f"not {len(node.args)}"
            )
        config: dict[str, Any] = {}
        for name, value in zip(names, node.args, strict=False):
            config[name] = self.value(value)
        allowed = self.allowed(names)
        for keyword in node.keywords:
            if keyword.arg is None or keyword.arg not in allowed:
                raise self.error(
                    f"{bare(class_name)} has no argument {keyword.arg or '**'!r}",
                    nearest(keyword.arg or "", allowed),
                )
            if keyword.arg in config:
                raise self.error(f"{bare(class_name)} gets {keyword.arg} twice")
            config[keyword.arg] = self.value(keyword.value)
        for name in ("activation", "recurrent_activation"):
            given = config.get(name)
            if isinstance(given, dict) and {"class_name", "config"} <= given.keys():  # a layer
                config[name] = name_of_layer(given["class_name"], given["config"]) or given
        return config

    def allowed(self, names: list[str]) -> list[str]:
        """Return the keywords that a layer takes, beside its own arguments those of all layers."""
        recurrent = ("implementation",) if "return_sequences" in names else ()
        return [*names, *_COMMON, *_FIRST, *recurrent]

    def value(self, node: ast.expr) -> Any:
        """Return a literal, or the `{class_name, config}` of a layer inside a layer."""
        if isinstance(node, ast.Call):
            class_name, config = self.layer(node)
            return {"class_name": class_name, "config": config}
        if isinstance(node, ast.Attribute) and node.attr in ACTIVATION_NAMES:
            return node.attr  # `keras.activations.relu`, `tf.nn.relu`
        if isinstance(node, ast.List):
            return [self.value(item) for item in node.elts]
        try:
            return ast.literal_eval(node)
        except (ValueError, TypeError, RecursionError, MemoryError):
            raise self.error(f"{self.spot(node)} is neither a literal nor a known layer") from None

    def spot(self, node: ast.expr) -> str:
        """Return the text of a node, and where it is."""
        source = ast.get_source_segment(self.text.strip(), node) or "?"
        shown = source if len(source) <= 40 else f"{source[:37]}..."
        return f"{shown!r} at column {node.col_offset + 1}"
