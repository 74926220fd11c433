"""ONNX: a graph of nodes with its tensors, whose values stay in the file until asked for."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

from rnncli.errors import FileError
from rnncli.formats import limits
from rnncli.formats.onnx import axes
from rnncli.formats.onnx.constants import whole
from rnncli.formats.onnx.functions import inlined
from rnncli.formats.onnx.graph import Reader
from rnncli.formats.onnx.skim import Window, skim
from rnncli.model import Model, Ref, Source
from rnncli.storage import Store, Tensor

_LARGE = 16 << 20  # bytes of a file from which it is read in parts


def read(path: str, optimizer: bool = False) -> Model:
    """Return the graph with a layer per node. Raises: FileError."""
    proto = inlined(_loaded(path))
    axes.name_open(proto)
    model = _model(proto, path, {})
    if not any(layer.kind != "InputLayer" for layer in model.layers):
        raise FileError("ONNX without a node: not a model")
    return model


def _model(given: Any, path: str, meant: Mapping[str, str]) -> Model:
    """Return the model of a graph whose open axes mean `meant`; {}: that is to be found."""
    proto = _with_shapes(given)  # whose nodes get the names of their layers
    meant = meant or axes.roles(proto)
    reader = Reader(proto, path, meant)
    limits.check("layers", len(reader.layers), limits.LAYERS)
    stated = " ".join((proto.producer_name, proto.producer_version)).strip()
    opsets = [f"{each.domain or 'ai.onnx'} {each.version}" for each in proto.opset_import]
    details = {"opset": ", ".join(opsets[:4]), "ir version": str(proto.ir_version)}
    return Model(
        (proto.graph.name or "onnx")[:200], "ONNX", tuple(reader.layers), reader.inputs,
        reader.outputs, Source("file", path, "ONNX", stated[:60] or None, details),
        partial(_store, proto, reader), constants=reader.rest(),
        resized=partial(_resized, given, path, meant),
    ).with_gaps(*reader.wrong())  # fmt: skip


def _resized(
    proto: Any, path: str, meant: Mapping[str, str], batch: int | None, steps: int | None,
    named: Mapping[str, int],
) -> Model:  # fmt: skip
    """Return the model with sizes for its open axes. Raises: UsageError."""
    return _model(axes.filled(proto, meant, batch, steps, named), path, meant)


def _loaded(path: str) -> Any:
    """Return the file's message without large values. Raises: FileError."""
    try:
        import onnx
        from google.protobuf.message import DecodeError
    except ImportError:
        raise FileError("reading ONNX needs onnx", 'pip install "rnncli[onnx]"') from None
    data = _skimmed(path)
    try:
        proto = onnx.ModelProto.FromString(data)
    except (DecodeError, RuntimeError, ValueError) as error:
        raise FileError(f"damaged, truncated or no ONNX ({error})") from None
    if not proto.graph.node and not proto.ir_version:
        raise FileError("not an ONNX model")
    _check_texts(proto)
    return proto


def _skimmed(path: str) -> bytes:
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        return skim(memoryview(file.read()) if size < _LARGE else Window(file, size))


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
    """Return a copy of the model with the shapes that ONNX infers, as far as it can."""
    from onnx import shape_inference

    try:
        return shape_inference.infer_shapes(proto, data_prop=True)
    except Exception:  # whatever its C++ raises, the shapes that the file states remain
        copy = type(proto)()
        copy.CopyFrom(proto)
        return copy


@contextmanager
def _store(proto: Any, reader: Reader) -> Iterator[Store]:
    yield _Tensors(proto, reader)


class _Tensors:
    """The constants of a graph by their names, and the graph itself, to be run."""

    def __init__(self, proto: Any, reader: Reader) -> None:
        self.proto, self.reader = proto, reader

    def read(self, name: str) -> Tensor:
        """Return a tensor. Raises: FileError if it is damaged, or not where it may be."""
        constant = self.reader.held[name]
        array = constant.values()
        if array.dtype.isbuiltin != 1:  # NumPy has no such type: as one that holds all its values
            array = array.astype("float32" if "float" in constant.dtype else "int8")
        return Tensor(constant.dtype, constant.shape, array)

    def whole(self, proto: Any) -> Any:
        """Return a TensorProto of the graph with its values. Raises: FileError."""
        return whole(proto, self.reader.path)

    def name_of(self, ref: Ref) -> str:
        """Return what the file calls a tensor. Raises: KeyError."""
        return self.reader.tensors[ref]

    def alone(self, name: str) -> Any:
        """Return a model of one recurrent node, on sequences of which the batch comes first."""
        from onnx import helper, numpy_helper

        found, scope = self.reader.protos[name]
        node = type(found)()
        node.CopyFrom(found)
        kept = [each if each in scope.constants else "" for each in node.input]
        graph = helper.make_graph([node], "alone", [helper.make_empty_tensor_value_info("X")],
                                  [helper.make_empty_tensor_value_info("Y")])  # fmt: skip
        graph.initializer.extend(
            numpy_helper.from_array(scope.constants[each].values(), each)
            for each in dict.fromkeys(kept[1:])
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
