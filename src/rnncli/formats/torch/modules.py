"""From the parameters of PyTorch's modules to a model: a row per module."""

import re
from collections.abc import Iterator, Mapping

from rnncli.errors import few
from rnncli.formats.torch.guesses import Guess, guess
from rnncli.formats.torch.names import STATISTICS, Group, Parameter, groups_of, repeated
from rnncli.formats.torch.recurrent import recurrent
from rnncli.formats.torch.tree import Found, Module
from rnncli.graph.infer import infer
from rnncli.layers import key
from rnncli.model import Call, Layer, Model, Source, Weight
from rnncli.storage import Stored

_CONVOLUTION = re.compile(r"Conv(Transpose)?(\d)d")


def model_of(found: Found, source: Source) -> Model:
    """Return the model of these tensors: its rows in the file's order, without connections."""
    groups = groups_of(found, repeated(found.tensors))
    layers: list[Layer] = []
    guesses: dict[str, Guess] = {}
    planes = 0
    for path, group in groups.items():
        module = found.modules.get(path)
        if not group.parameters and not (module.leaf if module else _is_norm(group)):
            continue
        layer, guessed = _layer(path, group, module, planes)
        if guessed is not None:
            guesses[layer.name] = guessed
        match = _CONVOLUTION.fullmatch(layer.type)
        planes = int(match[2]) if match else planes
        layers.append(layer)
    stem = source.path or "model"
    name = re.sub(r"\.\w+$", "", re.split(r"[/\\]", stem)[-1])
    buffers = tuple(_weight(path, last, each) for path, group in groups.items()
                    for last, each in group.buffers.items())  # fmt: skip
    model = infer(Model(name, "Modules", tuple(layers), source=source, buffers=buffers))
    warnings = (*found.warnings, *_repeats(groups), *_unread(found), *_guessed(guesses))
    model = model._replace(warnings=(*warnings, *model.warnings))
    return model.with_gaps(*_gaps(found))


def _is_norm(group: Group) -> bool:
    """Whether a module without parameters is a row: it keeps running statistics."""
    return STATISTICS[0] in group.buffers


def _layer(
    path: str, group: Group, module: Module | None, planes: int
) -> tuple[Layer, Guess | None]:
    told = recurrent(group.parameters, module)
    weights = tuple(_weight(path, last, each) for last, each in group.parameters.items())
    # A norm runs on its statistics, which are no parameters.
    weights += tuple(_weight(path, last, group.buffers[last])._replace(shared=True, trainable=False)
                     for last in STATISTICS[:2] if last in group.buffers)  # fmt: skip
    if told is not None:
        shape = (None, None, told.config["input_size"])
        layer = Layer(
            key("torch", told.kind), path or told.kind.lower(), told.config, calls=(Call(),),
            build_shapes=(shape,), weights=weights, dialect="torch",
            type=module.class_name if module is not None else told.kind,
        )  # fmt: skip
        return layer, None
    guessed = None
    if module is None:
        parts = {part for each in group.parameters.values() for part in each.extra}
        shapes = {k: each.shape for k, each in group.parameters.items() if k not in parts}
        statistics = group.buffers.get(STATISTICS[0])
        guessed = guess(path, shapes, statistics and statistics.shape, planes)
    stated = {key: value for key, value in (module.attributes if module else {}).items()
              if key == "num_heads" and isinstance(value, int)}  # fmt: skip
    type_ = guessed.name if guessed is not None else module.class_name if module else "?"
    layer = Layer(
        None, path or "root", stated, build_shapes=((None, None),), weights=weights,
        inferred=module is None, type=type_, dialect="torch",
    )  # fmt: skip
    return layer, guessed


def _weight(path: str, name: str, part: Parameter) -> Weight:
    return Weight(
        name, part.shape, path=name, trainable=part.tensor.trainable, dtype=part.tensor.dtype,
        stored=Stored(part.tensors, part.layout), shared=bool(part.again),
    )  # fmt: skip


def _repeats(groups: Mapping[str, Group]) -> Iterator[str]:
    """Say which modules and parameters are others again."""
    for path, group in groups.items():
        again = [each for each in group.parameters.values() if each.again]
        owners = {each.again.rpartition(".")[0] for each in again}
        if len(again) > 1 and len(again) == len(group.parameters) and len(owners) == 1:
            yield f"{path} is {owners.pop() or 'the root'} again: counted once"
        else:
            for each in again:
                yield f"{each.tensors[0]} is {each.again} again: counted once"


def _unread(found: Found) -> Iterator[str]:
    """Say which tensors have no values that can be read, by the reason."""
    reasons: dict[str, list[str]] = {}
    for name, tensor in found.tensors.items():
        if tensor.why:
            reasons.setdefault(tensor.why, []).append(name)
    for why, names in reasons.items():
        yield f"the values of {few(names)} are not read: {why}"


def _gaps(found: Found) -> Iterator[str]:
    """Say what the counts leave out."""
    for each in found.unread:
        yield f"not counted: {each}"
    unknown = [name for name, tensor in found.tensors.items() if tensor.dtype.startswith("?")]
    if unknown:
        yield f"the bytes of {few(unknown)} are not known, for their type is not"


def _guessed(guesses: Mapping[str, Guess]) -> Iterator[str]:
    """Say that layers are guesses, and which of them may be something else."""
    if not guesses:
        return
    yield "the file names no classes: layers are inferred from names and shapes"
    several = [(name, each) for name, each in guesses.items() if each.others]
    open_ = [f"{name} ({' or '.join((each.name, *each.others))})" for name, each in several]
    if open_:
        yield f"ambiguous: {few(open_)}"
    unknown = [name for name, each in guesses.items() if each.name == "?"]
    if unknown:
        yield f"of no known kind: {few(unknown)}"


_SHARD = re.compile(r"-0*(\d+)-of-0*(\d+)\.\w+$")


def shard_gaps(path: str) -> Iterator[str]:
    """Say that a file is one of several that hold a model, where its name says so."""
    mark = _SHARD.search(path)
    if mark and mark[2] != "1":
        yield (f"this is shard {mark[1]} of {mark[2]}: the others hold the rest of the model; "
               "give their index.json or folder")  # fmt: skip
