"""TorchScript: what its code, read as text and never run, says beside its pickle."""

import ast
import re
from collections.abc import Iterator
from typing import Any

from rnncli.formats import limits
from rnncli.formats.containers.pickle_machine import Record
from rnncli.formats.containers.unpickler import unpickled
from rnncli.formats.containers.zip import Archive
from rnncli.formats.torch import packed
from rnncli.formats.torch.tensors import tensor_of
from rnncli.formats.torch.tree import Script

_CLASS = re.compile(r"^class (\w+)\((?:\w+)\):\n((?:  .*\n|\n)*)", re.MULTILINE)
_BUFFERS = re.compile(r"^  __buffers__ = \[(.*?)\]", re.MULTILINE)
_CONSTANT = re.compile(r"^  (\w+) : Final\[.*?\] = (.{1,200})$", re.MULTILINE)

_USED = re.compile(r"CONSTANTS\.c(\d+)")
_CALL = re.compile(r"(?:torch|ops\.\w+)\.(\w+)\(")
_LISTED = re.compile(r"^\s*(\w+) = \[(CONSTANTS[^\]]*)\]$", re.MULTILINE)
_OWNER = re.compile(r"(?:\w*?self_)?(\w+?)__flat_weights")
# The modules that the operators of a frozen module come from, and their parameters in order.
_OPERATORS = {
    "embedding": ("Embedding", ("weight",)),
    "linear": ("Linear", ("weight", "bias")),
    "addmm": ("Linear", ("bias", "weight")),
    "linear_dynamic": ("Linear", ("weight", "bias")),
    "layer_norm": ("LayerNorm", ("weight", "bias")),
    "group_norm": ("GroupNorm", ("weight", "bias")),
    "batch_norm": ("BatchNorm", ("weight", "bias", "running_mean", "running_var")),
    "conv1d": ("Conv1d", ("weight", "bias")),
    "conv2d": ("Conv2d", ("weight", "bias")),
    "conv3d": ("Conv3d", ("weight", "bias")),
    "prelu": ("PReLU", ("weight",)),
    "lstm_cell": ("LSTMCell", ("weight_ih", "weight_hh", "bias_ih", "bias_hh")),
    "gru_cell": ("GRUCell", ("weight_ih", "weight_hh", "bias_ih", "bias_hh")),
    "rnn_tanh_cell": ("RNNCell", ("weight_ih", "weight_hh", "bias_ih", "bias_hh")),
    "rnn_relu_cell": ("RNNCell", ("weight_ih", "weight_hh", "bias_ih", "bias_hh")),
    "quantized_lstm_cell_dynamic": ("LSTMCell", ("weight_ih", "weight_hh", "bias_ih", "bias_hh")),
    "quantized_gru_cell_dynamic": ("GRUCell", ("weight_ih", "weight_hh", "bias_ih", "bias_hh")),
}
_STACKS = {"lstm": "LSTM", "gru": "GRU", "rnn_tanh": "RNN", "rnn_relu": "RNN",
           "quantized_lstm": "LSTM", "quantized_gru": "GRU"}  # fmt: skip


def classes(archive: Archive, folder: str) -> dict[str, Script]:
    """Return what the code says of each class, by its full name."""
    found = {}
    for prefix, text in _code(archive, folder):
        for match in _CLASS.finditer(text):
            body = match[2]
            listed = _BUFFERS.search(body)
            buffers = re.findall(r'"(\w+)"', listed[1]) if listed else []
            constants = {name: value for name, value in map(_constant, _CONSTANT.finditer(body))
                         if value is not NotImplemented}  # fmt: skip
            found[f"{prefix}.{match[1]}"] = Script(frozenset(buffers), constants)
    return found


def _code(archive: Archive, folder: str) -> Iterator[tuple[str, str]]:
    """Yield the code's modules: their dotted names and their text."""
    start, total = f"{folder}code/", 0
    for name in archive.names:
        if name.startswith(start) and name.endswith(".py"):
            data = archive.read(name, limits.TORCHSCRIPT_CODE)
            total += len(data)
            limits.check("bytes of TorchScript code", total, limits.TORCHSCRIPT_CODE)
            yield name[len(start) : -len(".py")].replace("/", "."), data.decode(errors="replace")


def _constant(match: re.Match[str]) -> tuple[str, Any]:
    """Return the name and value of a class's constant."""
    try:
        return match[1], ast.literal_eval(match[2])
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return match[1], NotImplemented


def frozen(archive: Archive, folder: str) -> dict[str, Any] | None:
    """Return the tensors of a frozen module as a state dict, None if it has no constants.

    Freezing leaves no modules: the weights are constants, and what they are for is told by the
    operators that take them.
    """
    if f"{folder}constants.pkl" not in archive.names:
        return None
    with archive.opened(f"{folder}constants.pkl") as stream:
        values = unpickled(stream)
    if not isinstance(values, list | tuple) or not values:
        return None
    names = _names("".join(text for _, text in _code(archive, folder)), len(values))
    state: dict[str, Any] = {}
    for index, value in enumerate(values):
        name = names.get(index, f"constant_{index}")
        if tensor_of(value) is not None:
            state[name] = value
        elif isinstance(value, Record) and packed.parts_of(value) is not None:
            state |= _opened(name, value)
    return state


def _opened(name: str, value: Record) -> dict[str, Any]:
    """Return a packed constant's tensors, under the names that its use gives them."""
    parts = packed.parts_of(value) or {}
    module, _, last = name.rpartition(".")
    end = last.partition("weight_ih")[2] if "weight_ih" in last else ""
    if "weight_ih" in parts:
        return {f"{module}.{part}{end}": each for part, each in parts.items()}
    if last in ("weight_ih", "weight_hh"):
        which = last.rpartition("_")[2]
        return {f"{module}.{part}_{which}": each for part, each in parts.items()}
    return {f"{module or name}.{part}": each for part, each in parts.items()}


def _names(text: str, count: int) -> dict[int, str]:
    """Return what each constant is, such as `lstm.weight_ih_l0`."""
    lists = {match[1]: match[2] for match in _LISTED.finditer(text)}
    found: dict[int, str] = {}
    given: dict[str, int] = {}
    for line in text.splitlines():
        call = _CALL.search(line)
        if call is None or (call[1] not in _OPERATORS and call[1] not in _STACKS):
            continue
        used = [word for word in re.findall(r"\w+", line[call.end() :]) if word in lists]
        source = lists[used[0]] if used else line
        indices = [int(each) for each in _USED.findall(source) if int(each) < count]
        if not indices or indices[0] in found:
            continue
        kind = _STACKS.get(call[1]) or _OPERATORS[call[1]][0]
        owner = _OWNER.fullmatch(used[0]) if used else None
        module = owner[1] if owner else kind.lower()
        number = given.get(module, 0)
        given[module] = number + 1
        module = f"{module}_{number}" if number else module
        lasts = _stacked(line, len(indices)) if call[1] in _STACKS else _OPERATORS[call[1]][1]
        for index, last in zip(indices, lasts, strict=False):
            found.setdefault(index, f"{module}.{last}")
    return found


def _stacked(line: str, count: int) -> list[str]:
    """Return the names of a stack's weights, by the arguments of its operator.

    Those are `(…, biases, layers, dropout, train, bidirectional, batch_first)`.
    """
    match = re.search(r"(?:\]|\w), (True|False), (\d+), [\d.e-]+, \w+, (True|False), \w+", line)
    biases, ways = (match[1] == "True", 1 + (match[3] == "True")) if match else (True, 1)
    layers = int(match[2]) if match else 1
    lasts = ["weight_ih", "weight_hh", *(["bias_ih", "bias_hh"] * biases)]
    cells = layers * ways
    if count == cells:  # packed: one object for each cell
        lasts = ["weight_ih"]
    elif count == cells * (len(lasts) + 1):
        lasts.append("weight_hr")
    return [
        f"{last}_l{cell // ways}{'_reverse' if cell % ways else ''}"
        for cell in range(cells)
        for last in lasts
    ]
