"""ONNX: a graph of nodes with its tensors; data kept in other files is never opened."""

import os
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from math import prod
from typing import Any

from rnncli.errors import FileError
from rnncli.formats import limits
from rnncli.formats.onnx.constant_folding import Folder
from rnncli.formats.onnx.nodes import RECURRENT, Constant, Node, layer_of
from rnncli.graph.infer import infer
from rnncli.model import Call, Layer, Model, Ref, Source, Store, Tensor
from rnncli.shapes import Shape

# `TensorProto.DataType`, as the names of `model.ITEM_SIZE`.
DTYPES = {
    1: "float32", 2: "uint8", 3: "int8", 4: "uint16", 5: "int16", 6: "int32", 7: "int64",
    8: "string", 9: "bool", 10: "float16", 11: "float64", 12: "uint32", 13: "uint64",
    14: "complex64", 15: "complex128", 16: "bfloat16", 17: "float8_e4m3fn", 18: "float8_e4m3fnuz",
    19: "float8_e5m2", 20: "float8_e5m2fnuz", 21: "uint4", 22: "int4", 23: "float4_e2m1fn",
    24: "float8_e8m0fnu", 25: "uint2", 26: "int2",
}  # fmt: skip
_INFERRED_BYTES = 64 << 20  # beyond, inferring shapes would take longer than reading
_EXTERNAL = 1  # TensorProto.DataLocation


def read(path: str, optimizer: bool = False) -> Model:
    """Return the graph with a layer per node. Raises: FileError."""
    proto = _with_shapes(_loaded(path))
    reader = _Reader(proto)
    reader.graph(proto.graph, "")
    limits.check("layers", len(reader.layers), limits.LAYERS)
    if not any(layer.kind != "InputLayer" for layer in reader.layers):
        raise FileError("ONNX without a node: not a model")
    name = proto.graph.name or "onnx"
    stated = " ".join((proto.producer_name, proto.producer_version)).strip()
    opsets = [f"{each.domain or 'ai.onnx'} {each.version}" for each in proto.opset_import]
    details = {"opset": ", ".join(opsets[:4]), "ir version": str(proto.ir_version)}
    source = Source("file", path, "ONNX", stated[:60] or None, details)
    layers = tuple(reader.layers)
    model = infer(Model(name[:200], "ONNX", layers, reader.inputs, reader.outputs, source))
    return model._replace(
        store=partial(_store, path),
        warnings=(*reader.warnings, *model.warnings),
    )


def _loaded(path: str) -> Any:
    """Return the file's message. Raises: FileError."""
    try:
        import onnx
        from google.protobuf.message import DecodeError
    except ImportError:
        raise FileError("reading ONNX needs onnx", 'pip install "rnncli[onnx]"') from None
    limits.check("bytes in an ONNX file", os.path.getsize(path), limits.ONNX_BYTES)
    with open(path, "rb") as file:
        data = file.read()
    try:
        proto = onnx.ModelProto.FromString(data)
    except (DecodeError, RuntimeError, ValueError) as error:
        raise FileError(f"damaged, truncated or no ONNX ({error})") from None
    if not proto.graph.node and not proto.ir_version:
        raise FileError("not an ONNX model")
    _check_texts(proto)
    return proto


def _check_texts(message: Any) -> None:
    """Refuse text that is no UTF-8, which protobuf gives as bytes. Raises: FileError."""
    for field, value in message.ListFields():
        if field.type not in (field.TYPE_STRING, field.TYPE_MESSAGE):
            continue
        single = isinstance(value, str | bytes) or hasattr(value, "ListFields")
        for each in (value,) if single else value:
            if isinstance(each, bytes):
                raise FileError(f"damaged ONNX: a {field.name} that is no UTF-8")
            if not isinstance(each, str):
                _check_texts(each)


def _with_shapes(proto: Any) -> Any:
    """Return the model with the shapes that ONNX infers, itself where it cannot."""
    from onnx import shape_inference

    if proto.ByteSize() > _INFERRED_BYTES:
        return proto
    try:
        return shape_inference.infer_shapes(proto)
    except Exception:  # whatever its C++ raises, the shapes that the file states remain
        return proto


class _Reader:
    """Collects the nodes of a graph and of the graphs inside it."""

    def __init__(self, proto: Any) -> None:
        self.folder = Folder(proto)
        self.layers: list[Layer] = []
        self.inputs: tuple[Ref, ...] = ()
        self.outputs: tuple[Ref, ...] = ()
        self.warnings: list[str] = []
        self.made: dict[str, Ref] = {}  # who makes a tensor
        self.constants: dict[str, Constant] = {}
        self.shapes: dict[str, Shape] = {}
        self.counted: set[str] = set()
        self.ends: set[str] = set()
        self.names: Counter[str] = Counter()
        self.tensors: dict[Ref, str] = {}  # what the file calls a tensor
        self.protos: dict[str, Any] = {}  # the node of a layer

    def graph(self, graph: Any, prefix: str, depth: int = 0) -> None:
        """Add the layers of a graph; those of a subgraph have its node's name before theirs."""
        limits.check("graphs inside graphs", depth, limits.MODEL_NESTING)
        limits.check("tensors", len(graph.initializer), limits.TENSORS)
        limits.check("layers", len(graph.node), limits.LAYERS)
        for each in graph.initializer:
            self._constant(each.name, each, True)
        for each in (*graph.input, *graph.output, *graph.value_info):
            shape = _shape(each)
            if shape is not None:
                self.shapes.setdefault(each.name, shape)
        if not depth:
            self.ends = {each.name for each in graph.output}
        given = [each for each in graph.input if each.name not in self.constants]
        if not depth:
            for each in graph.node:
                self._sequences(each)
            self.inputs = tuple(self._input(each) for each in given)
        for node in graph.node:
            self._node(node, prefix, depth)
        if not depth:
            made = [self.made.get(each.name) for each in graph.output]
            self.outputs = tuple(ref for ref in made if ref is not None)

    def _sequences(self, node: Any) -> None:
        """Note the shape of a recurrent node's sequences; a file need not state that of inputs."""
        kernel = self.constants.get(node.input[1]) if len(node.input) > 1 else None
        if node.op_type in RECURRENT and kernel is not None and len(kernel.shape) == 3:
            self.shapes.setdefault(node.input[0], (None, None, kernel.shape[2]))

    def _input(self, value: Any) -> Ref:
        dtype = DTYPES.get(value.type.tensor_type.elem_type, "?")
        shape = self.shapes.get(value.name)
        name = self._named(value.name or "input")
        config = {"batch_shape": shape, "name": name, "dtype": dtype}
        self.layers.append(Layer("InputLayer", name, config, (Call(),), dialect="onnx"))
        self.made[value.name] = Ref(name)
        self.tensors[Ref(name)] = value.name
        return Ref(name)

    def _named(self, name: str) -> str:
        limits.check("characters in a node's name", len(name), limits.NAME_CHARACTERS)
        self.names[name] += 1
        return name if self.names[name] == 1 else self._named(f"{name}_{self.names[name] - 1}")

    def _constant(self, name: str, proto: Any, initializer: bool) -> None:
        if proto.data_location == _EXTERNAL or proto.external_data:
            places = [e.value for e in proto.external_data if e.key == "location"]
            where = repr(places[0][:80]) if places else "another file"
            raise FileError(f"tensor {name[:60]!r} lies in {where}, which is not opened",
                            "save the model with its tensors inside")  # fmt: skip
        shape = tuple(proto.dims)
        if any(not 0 <= dim <= limits.DIMENSION for dim in shape):
            raise FileError(f"tensor {name[:60]!r} has the shape {shape}")
        self.constants[name] = Constant(
            name, shape, DTYPES.get(proto.data_type, "?"), initializer, partial(_values, proto)
        )

    def _node(self, proto: Any, prefix: str, depth: int) -> None:
        attributes = {each.name: each for each in proto.attribute}
        name = f"{prefix}{proto.name or proto.op_type.lower()}"
        if proto.op_type == "Constant" and "value" in attributes and proto.output:
            self._constant(proto.output[0], attributes["value"].t, False)
            if depth or proto.output[0] not in self.ends:
                return
        moved = self.folder.fold(proto, [self.constants.get(each) for each in proto.input])
        if moved:
            self.constants.update((each.name, each) for each in moved)
            return
        name = self._named(name)
        shapes = [self.shapes.get(each) for each in proto.output]
        node = Node(name, proto.op_type, proto.domain, plain(attributes), list(proto.input), shapes)
        self.layers.append(layer_of(node, self.made, self.constants, self.counted))
        proto.name = name  # by which the run finds its layer
        self.protos[name] = proto
        for tensor, output in enumerate(proto.output):
            if output:
                self.made[output] = Ref(name, 0, tensor)
                self.tensors[Ref(name, 0, tensor)] = output
        for each in attributes.values():
            for inner in (each.g, *each.graphs) if each.type in (5, 10) else ():
                self.graph(inner, f"{name}/", depth + 1)


def plain(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the attributes that are numbers, strings or lists of them."""
    found: dict[str, Any] = {}
    for name, each in attributes.items():
        if each.type == 1:
            found[name] = each.f
        elif each.type == 2:
            found[name] = each.i
        elif each.type == 3:
            found[name] = each.s.decode("utf-8", "replace")
        elif each.type == 4:
            found[name] = _values(each.t)
        elif each.type == 6:
            found[name] = list(each.floats)
        elif each.type == 7:
            found[name] = list(each.ints)
        elif each.type == 8:
            found[name] = [s.decode("utf-8", "replace") for s in each.strings]
    return found


def _shape(value: Any) -> Shape | None:
    """Return the shape that a graph states for a tensor, None where it does not."""
    tensor = value.type.tensor_type
    if not tensor.HasField("shape"):
        return None
    return tuple(
        dim.dim_value if dim.HasField("dim_value") and dim.dim_value > 0 else None
        for dim in tensor.shape.dim
    )


def _values(proto: Any) -> Any:
    """Return a tensor's values as an array. Raises: FileError if they are not all there."""
    from onnx import numpy_helper

    limits.check("bytes of a tensor", prod(proto.dims) * 8, limits.TENSOR_BYTES)
    try:
        return numpy_helper.to_array(proto)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise FileError(f"tensor {proto.name[:60]!r} is damaged ({error})") from None


@contextmanager
def _store(path: str) -> Iterator[Store]:
    proto = _loaded(path)
    reader = _Reader(proto)
    reader.graph(proto.graph, "")
    yield _Tensors(proto, reader)


class _Tensors:
    """The constants of a graph by their names, and the graph itself, to be run."""

    def __init__(self, proto: Any, reader: _Reader) -> None:
        self.proto, self.reader = proto, reader

    def read(self, name: str) -> Tensor:
        """Return a tensor. Raises: FileError if it is damaged."""
        constant = self.reader.constants[name]
        return Tensor(constant.dtype, constant.shape, constant.values())

    def name_of(self, ref: Ref) -> str:
        """Return what the file calls a tensor. Raises: KeyError."""
        return self.reader.tensors[ref]

    def alone(self, name: str) -> Any:
        """Return a model of one recurrent node, on sequences of which the batch comes first."""
        from onnx import helper, numpy_helper

        node = type(self.reader.protos[name])()
        node.CopyFrom(self.reader.protos[name])
        kept = [each if each in self.reader.constants else "" for each in node.input]
        graph = helper.make_graph([node], "alone", [helper.make_empty_tensor_value_info("X")],
                                  [helper.make_empty_tensor_value_info("Y")])  # fmt: skip
        graph.initializer.extend(
            numpy_helper.from_array(self.reader.constants[each].values(), each)
            for each in kept[1:]
            if each
        )
        del node.input[:], node.output[:]
        node.input.extend(["X", *kept[1:]])
        node.output.append("Y")
        others = [each for each in node.attribute if each.name != "layout"]
        del node.attribute[:]
        node.attribute.extend([*others, helper.make_attribute("layout", 1)])
        del graph.node[:]
        graph.node.append(node)
        return helper.make_model(graph, opset_imports=self.proto.opset_import)
