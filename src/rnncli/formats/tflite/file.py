"""TensorFlow Lite: a row per operator, and per graph that an operator runs."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from math import prod
from typing import Any

from rnncli.errors import FileError, UnsupportedError
from rnncli.formats import limits
from rnncli.formats.tflite.flatbuffer import Constant, Contents, Operator, parsed, shapes_of
from rnncli.formats.tflite.products import PRODUCTS, products
from rnncli.formats.tflite.recurrent import Recurrence, recurrence
from rnncli.formats.tflite.weights import Constants
from rnncli.graph.infer import infer
from rnncli.graph.naming import Namer
from rnncli.model import Call, Layer, Model, Ref, Source, Weight
from rnncli.shapes import Dim, product
from rnncli.storage import ITEM_SIZE, Store, Tensor


def read(path: str, optimizer: bool = False) -> Model:
    """Return the graph with a layer per operator. Raises: FileError."""
    contents = parsed(_bytes(path))
    reader = _Reader(contents)
    main = contents.graphs[0]
    inputs = tuple(reader.input(number) for number in main.inputs if number >= 0)
    reader.graph(0, "", Constants(contents, 0, {}))
    outputs = tuple(reader.made[0, each] for each in main.outputs if (0, each) in reader.made)
    details = {"schema version": str(contents.version), "constants": reader.constants()}
    if contents.runtime:
        details["runtime, at least"] = contents.runtime
    source = Source("file", path, "TensorFlow Lite", contents.description[:60] or None, details)
    layers = tuple(reader.layers)
    model = infer(Model(main.name[:200] or "main", "TFLite", layers, inputs, outputs, source))
    return model._replace(store=partial(_store, path))


def _bytes(path: str) -> bytes:
    with open(path, "rb") as file:
        limits.check("bytes in a TensorFlow Lite file", file.seek(0, 2), limits.TFLITE_BYTES)
        file.seek(0)
        return file.read()


class _Reader:
    """Collects the operators of a file as layers."""

    def __init__(self, contents: Contents) -> None:
        self.contents, main = contents, contents.graphs[0]
        self.layers: list[Layer] = []
        self.made: dict[tuple[int, int], Ref] = {}  # who makes a tensor of a graph
        self.names = Namer()
        self.counted: set[str] = set()  # kernels that an operator has
        self.batch = next(
            (shape[0] for shape in shapes_of(main.tensors, main.inputs) if shape and shape[0]), 1,
        )  # fmt: skip

    def input(self, number: int) -> Ref:
        """Add an input of the main graph."""
        tensor = self.contents.graphs[0].tensors[number]
        name = self.names.distinct(tensor.name or "input")
        config = {"batch_shape": tensor.shape, "name": name, "dtype": tensor.dtype}
        self.layers.append(Layer("InputLayer", name, config, (Call(),), dialect="tflite"))
        self.made[0, number] = Ref(name)
        return Ref(name)

    def graph(self, number: int, prefix: str, constants: Constants, depth: int = 0) -> None:
        """Add the operators of a graph; those of an inner graph have its operator's name first."""
        limits.check("graphs inside graphs", depth, limits.MODEL_NESTING)
        graphs = self.contents.graphs
        for operator in constants.graph.operators:
            limits.check("layers", len(self.layers), limits.LAYERS)
            name = self.names.distinct(f"{prefix}{operator.op.lower()}")
            inner = [
                Constants(self.contents, each, constants.handed(operator, graphs[each]))
                for each in operator.graphs
            ]
            cell = recurrence(self.contents, constants.graph, operator)
            weights = constants.weights(operator, self.counted)
            if cell is not None:
                weights += tuple(weight for each in inner for weight in self._inside(each))
            self._add(name, operator, constants, weights, self._what(operator, constants, cell))
            for each, held in zip(operator.graphs, inner, strict=True) if cell is None else ():
                self.graph(each, f"{name}/", held, depth + 1)

    def _inside(self, constants: Constants) -> Iterator[Weight]:
        for operator in constants.graph.operators:
            yield from constants.weights(operator, self.counted)

    def _what(
        self, operator: Operator, constants: Constants, cell: Recurrence | None
    ) -> tuple[str, str, dict[str, Any]]:
        """Return the kind of an operator, what to call it, and its products."""
        if cell is not None:
            body = self.contents.graphs[operator.graphs[1]] if operator.graphs else None
            once = constants.products(operator) if body is None else self._macs(*body[1::3])
            macs = None if once is None or cell.steps is None else once * cell.steps
            own = cell._asdict()
            shown = f"{cell.runs}, {cell.units} units"
            return "tflite.Recurrent", shown, {**own, "macs": macs}
        if operator.op in PRODUCTS:
            macs = self._macs(constants.graph.tensors, (operator,))
            return "tflite.Product", operator.op, {"macs": macs}
        return "tflite.Operator", operator.op, {}

    def _macs(self, tensors: tuple[Constant, ...], operators: tuple[Operator, ...]) -> Dim:
        """Return the products of operators for one sample of the batch, None where unknown."""
        total = 0
        for each in operators:
            if each.op in PRODUCTS:
                operands, outputs = (
                    shapes_of(tensors, each.inputs),
                    shapes_of(tensors, each.outputs),
                )
                count = products(each.op, operands, next(iter(outputs), ()))
                if count is None:
                    return None
                total += count
        return total // self.batch

    def _add(
        self, name: str, operator: Operator, constants: Constants, weights: tuple[Weight, ...],
        what: tuple[str, str, dict[str, Any]],
    ) -> None:  # fmt: skip
        kind, shown, config = what
        if kind == "tflite.Recurrent":
            rows = sum(len(weight.shape) == 1 for weight in weights)
            config["biases"] = rows if config["runs"] == "GRU" else min(rows, 1)
        shapes = shapes_of(constants.graph.tensors, operator.outputs)
        made = (self.made.get((constants.number, each)) for each in operator.inputs)
        self.layers.append(
            Layer(
                kind, name, {**config, "weights": weights, "shapes": shapes, "name": name},
                (Call(tuple(ref for ref in made if ref is not None)),),
                stated_shapes=shapes, weights=weights, type=shown, dialect="tflite",
            )
        )  # fmt: skip
        for tensor, each in enumerate(operator.outputs):
            self.made[constants.number, each] = Ref(name, 0, tensor)

    def constants(self) -> str:
        """Return how many values of which type the file holds that are no weights."""
        weights = {
            w.stored.tensors[0] for each in self.layers for w in each.all_weights() if w.stored
        }
        found: Counter[str] = Counter()
        seen: set[tuple[int, int]] = set()
        for number, graph in enumerate(self.contents.graphs):
            for index, each in enumerate(graph.tensors):
                if each.data is None:
                    continue
                if f"{number}:{index}" in weights:
                    seen.add(each.data)
                elif each.data not in seen:
                    seen.add(each.data)
                    found[each.dtype] += product(each.shape) or 0
        return ", ".join(f"{dtype} {count:,}" for dtype, count in sorted(found.items())) or "none"


@contextmanager
def _store(path: str) -> Iterator[Store]:
    yield _Values(parsed(_bytes(path)))


class _Values:
    """The constants of a file by their graph and number."""

    def __init__(self, contents: Contents) -> None:
        self.contents = contents

    def read(self, name: str) -> Tensor:
        """Return a constant as it is stored. Raises: FileError if it is damaged."""
        graph, _, number = name.partition(":")
        constant = self.contents.graphs[int(graph)].tensors[int(number)]
        assert constant.data is not None
        start, length = constant.data
        shape = tuple(size or 0 for size in constant.shape)
        size = ITEM_SIZE.get(constant.dtype)
        if size is None:
            raise UnsupportedError(f"values of type {constant.dtype} are not read")
        if prod(shape) * size != length:
            raise FileError(f"constant {constant.name[:60]!r} holds {length:,} bytes, not "
                            f"{prod(shape) * size:,}")  # fmt: skip
        return Tensor(constant.dtype, shape, memoryview(self.contents.data)[start : start + length])
