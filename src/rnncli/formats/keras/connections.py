"""The connections in a Keras config: `inbound_nodes`, `input_layers`, `output_layers`.

Keras 1 and 2 list tensors as `["lstm", 0, 0, {kwargs}]`; Keras 3 as `__keras_tensor__` objects
among the arguments of each call, which also say the tensor's shape.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from rnncli.errors import FileError
from rnncli.layers import RECURRENT
from rnncli.layers.ops.row import Slot, Written, is_numeric
from rnncli.model import Call, Constant, Ref, arrays_in, refs_in
from rnncli.shapes import Shape

# The arguments of `call` after its tensors, for layers that can be handed others there.
_CALL = ("initial_state", "mask", "training")
_RECURRENT = (*RECURRENT, "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D")
_ATTENTION = ("MultiHeadAttention", "GroupedQueryAttention")
_OPERANDS = ("query", "value", "key")
_BEHIND = {
    **dict.fromkeys(_RECURRENT, _CALL),
    **dict.fromkeys(("Softmax", "GlobalAveragePooling1D"), ("mask",)),
    **dict.fromkeys(("BatchNormalization", "TimeDistributed"), ("training", "mask")),
    **dict.fromkeys(
        ("Attention", "AdditiveAttention"),
        ("mask", "training", "return_attention_scores", "use_causal_mask"),
    ),
    **dict.fromkeys(
        _ATTENTION,
        (
            "query_mask", "value_mask", "key_mask", "attention_mask", "return_attention_scores",
            "training", "use_causal_mask",
        ),
    ),
}  # fmt: skip

Shapes = dict[Ref, Shape]


def shape_of(value: Any) -> Shape | None:
    """Return a list of sizes as a shape, None if it is something else."""
    if not isinstance(value, list | tuple):
        return None
    if not all(dim is None or (type(dim) is int and dim >= 0) for dim in value):
        return None
    return tuple(value)


def calls(kind: str | None, nodes: Any, name: str, shapes: Shapes) -> tuple[Call, ...]:
    """Return the calls of a layer; the shapes that Keras 3 gives on the way go into `shapes`.

    Raises: FileError if the connections are not as any Keras writes them.
    """
    if not isinstance(nodes, list):
        raise FileError(f"inbound_nodes of layer {name!r} is not a list")
    return tuple(_call(kind, node, name, shapes) for node in nodes)


def _call(kind: str | None, node: Any, name: str, shapes: Shapes) -> Call:
    if isinstance(node, dict) and isinstance(node.get("args"), list | tuple):
        return _keras3_call(kind, node, shapes)
    if not isinstance(node, list | dict):
        raise FileError(f"inbound_nodes of layer {name!r} holds {str(node)[:40]!r}, not a call")
    kwargs: dict[str, Any] = {}
    given: list[Ref | Constant] = []
    for record in _records(node):
        constant = record[0] == "_CONSTANT_VALUE"
        given.append(Constant(record[2]) if constant else _ref(record, name))
        if len(record) > 3 and isinstance(record[3], dict):
            kwargs |= record[3]
    return _with_operands(kind, given, _arguments(kwargs, shapes, lists=True))


def _keras3_call(kind: str | None, node: Mapping[str, Any], shapes: Shapes) -> Call:
    args = [_tensors(arg, shapes) for arg in node["args"]]
    given = node.get("kwargs")
    kwargs = _arguments(given if isinstance(given, dict) else {}, shapes)
    listed = tuple(refs_in([args, kwargs]))
    if kind in _BEHIND:
        tensors = len(_OPERANDS) if kind in _ATTENTION else 1
        kwargs = {**dict(zip(_BEHIND[kind], args[tensors:], strict=False)), **kwargs}
        args = args[:tensors]
    inputs = list(arrays_in(args))
    if not inputs and kind not in _ATTENTION:  # everything by keyword, as `layer(inputs=x)`
        names = (key for key, value in kwargs.items() if any(refs_in(value)))
        key = next((key for key in names if key not in _CALL), None)
        inputs = list(arrays_in(kwargs.pop(key))) if key is not None else []
    kwargs = {key: value for key, value in kwargs.items() if value is not None}
    call = _with_operands(kind, inputs, kwargs)._replace(listed=())
    return call if listed == call.tensors() else call._replace(listed=listed)


def _with_operands(kind: str | None, given: list[Ref | Constant], kwargs: dict[str, Any]) -> Call:
    """Return a call; what attention gets by name stands among its inputs, in its own order."""
    if kind not in _ATTENTION or len(given) >= len(_OPERANDS):
        return _placed(given, kwargs)
    listed = (*refs_in(given), *refs_in(kwargs))
    found = [*given, *arrays_in([kwargs.get(key) for key in _OPERANDS])]
    rest = {key: value for key, value in kwargs.items() if key not in _OPERANDS}
    return _placed(found, rest)._replace(listed=listed)


def _placed(given: list[Ref | Constant], kwargs: dict[str, Any]) -> Call:
    constants = ((at, each) for at, each in enumerate(given) if isinstance(each, Constant))
    return Call(tuple(refs_in(given)), kwargs, constants=tuple(constants))


def operation_call(node: Any) -> tuple[Call, Written]:
    """Return a call of one of Keras 3's operations, and its arguments as they are written."""
    if not isinstance(node, dict) or not isinstance(node.get("args"), list):
        return Call(), Written()
    found: list[Ref] = []

    def placed(value: Any) -> Any:
        if isinstance(value, Ref):
            found.append(value)
            return Slot(len(found) - 1)
        if isinstance(value, dict):
            return {key: placed(value[key]) for key in sorted(value)}
        return [placed(each) for each in value] if isinstance(value, list) else value

    shapes: Shapes = {}
    args = tuple(placed(_tensors(each, shapes)) for each in node["args"])
    given = node.get("kwargs")
    kwargs = placed(_tensors(given if isinstance(given, dict) else {}, shapes))
    return Call(tuple(found)), Written(args, kwargs)


def _arguments(kwargs: Mapping[str, Any], shapes: Shapes, lists: bool = False) -> dict[str, Any]:
    found = {str(key): _tensors(value, shapes, lists) for key, value in kwargs.items()}
    for key, value in found.items():
        if key.endswith("mask") and isinstance(value, list) and is_numeric(value):
            found[key] = Constant(value)  # as Keras 2 writes arrays
    return {key: value for key, value in found.items() if value is not None}


def _tensors(value: Any, shapes: Shapes, lists: bool = False) -> Any:
    """Return a value of a config with its tensors as `Ref`s; `lists`: Keras 2's are lists."""
    if isinstance(value, dict):
        if value.get("class_name") == "__keras_tensor__":
            config = value.get("config")
            config = config if isinstance(config, dict) else {}
            ref = _ref(config.get("keras_history"), "__keras_tensor__")
            shape = shape_of(config.get("shape"))
            if shape is not None:
                shapes[ref] = shape
            return ref
        constant = _constant(value)
        if constant is not None:
            return constant
        return {str(key): _tensors(item, shapes, lists) for key, item in value.items()}
    if lists and is_record(value) and len(value) == 3:
        return Constant(value[2]) if value[0] == "_CONSTANT_VALUE" else _ref(value, "kwargs")
    if isinstance(value, list):
        return [_tensors(item, shapes, lists) for item in value]
    return value


def _constant(value: Mapping[str, Any]) -> Constant | None:
    """Return an array as Keras 3 writes it, None if a value is none."""
    config = value.get("config")
    if value.get("class_name") not in ("__numpy__", "__tensor__") or not isinstance(config, dict):
        return None
    return Constant(config.get("value"), str(config.get("dtype") or ""))


def is_record(value: Any) -> bool:
    """Whether a value is `[layer, call, tensor]`, perhaps with arguments behind it."""
    return (
        isinstance(value, list | tuple)
        and len(value) in (3, 4)
        and isinstance(value[0], str)
        and type(value[1]) is int
        and (type(value[2]) is int or value[0] == "_CONSTANT_VALUE")
    )


def _records(value: Any) -> Iterator[Any]:
    if is_record(value):
        yield value
    elif isinstance(value, dict):
        for key in sorted(value):
            yield from _records(value[key])
    elif isinstance(value, list):
        for item in value:
            yield from _records(item)


def _ref(value: Any, where: str) -> Ref:
    if not is_record(value) or value[1] < 0 or value[2] < 0:
        raise FileError(f"{where} refers to {str(value)[:60]}, not to [layer, call, tensor]")
    return Ref(value[0], value[1], value[2])


def ends(value: Any) -> tuple[Ref, ...]:
    """Return the tensors that `input_layers` or `output_layers` name, in whatever nest."""
    return tuple(_ref(record, "the model's inputs or outputs") for record in _records(value))


def renumbered(value: Any, first: Mapping[str, int]) -> Any:
    """Return a nest of tensors with the calls of the layers in `first` counted from there.

    Keras counts the calls of a nested model from 1: its inside is call 0.
    """
    if isinstance(value, Constant):
        return value
    if isinstance(value, Ref):
        return value._replace(call=value.call - first.get(value.layer, 0))
    if isinstance(value, tuple | list):
        return type(value)(renumbered(item, first) for item in value)
    if isinstance(value, dict):
        return {key: renumbered(item, first) for key, item in value.items()}
    return value


def renumbered_calls(calls: tuple[Call, ...], first: Mapping[str, int]) -> tuple[Call, ...]:
    """Return calls whose tensors are renumbered."""
    if not first:
        return calls
    return tuple(
        call._replace(
            inputs=renumbered(call.inputs, first),
            kwargs=renumbered(dict(call.kwargs), first),
            listed=renumbered(call.listed, first),
        )
        for call in calls
    )
