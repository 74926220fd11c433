"""Where the numbers of a run come from: its weights and its inputs."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from rnncli.errors import FileError
from rnncli.forward.weights import Slot
from rnncli.layers import TABLE
from rnncli.model import Config, Layer, Model
from rnncli.shapes import show

_BATCH = "BatchNormalization"
_RATES = ("rate", "stddev", "dropout", "recurrent_dropout")
_HALF = ("mixed_float16", "mixed_bfloat16", "float16", "bfloat16")


class Origin(NamedTuple):
    """Where values come from: `source` is `file` (the model's own), `weights` or `input` (a file
    that was given), `random`, or `none` where there is nothing to take."""

    source: str
    path: str | tuple[str, ...] | None = None
    init: str | None = None
    seed: int | None = None


NOTHING = Origin("none")


def weights_origin(
    model: Model, slots: Sequence[Slot], given: str | None, init: str | None, seed: int
) -> Origin:
    """Return where the weights come from; `given` is the file of `--weights`.

    A file's weights are never invented: random ones stand in for them only where `init` asks for
    them. Raises: FileError that names the first weight that the file does not hold.
    """
    if given is not None:
        return Origin("weights", given)
    if not slots:
        return Origin("none")
    if init is not None or model.source.kind != "file":
        return Origin("random", init=_drawn(model, init), seed=seed)
    missing = [slot for slot in slots if slot.weight.stored is None and slot.weight.saved]
    if model.store is None or missing:
        raise _lacking(model, missing)
    return Origin("file", model.source.path)


def _drawn(model: Model, init: str | None) -> str:
    """Return whose initializers draw the weights: those of the model's framework, or the asked."""
    torch = any(layer.dialect == "torch" for layer in model.layers)
    return "torch" if torch and init in (None, "keras") else init or "keras"


def input_origin(paths: Sequence[str], seed: int) -> Origin:
    """Return where the inputs come from; no paths mean random ones."""
    if not paths:
        return Origin("random", seed=seed)
    return Origin("input", paths[0] if len(paths) == 1 else tuple(paths))


def precision_warnings(model: Model, dtype: str) -> tuple[str, ...]:
    """Return what is to be said where a model computes in half precision, and this run does not."""
    own = (str(each) for layer in model.layers for each in _dtypes(layer))
    policies = dict.fromkeys(each for each in own if each.rpartition("_from_")[2] in _HALF)
    if not policies:
        return ()
    return (
        f"computed in {dtype}, where the model's own precision is {', '.join(policies)}: "
        "values differ from the framework's in the third digit",
    )


def training_warnings(model: Model) -> Iterator[str]:
    """Yield what is to be said where a graph of Keras 2 tells a layer to train, and it draws at
    random then, or normalises by the batch. Keras 3 tells the layers what the run is told."""
    for layer in model.layers:
        told = any(call.kwargs.get("training") for call in layer.calls)
        if told and _trains(layer):
            yield (f"layer {layer.name!r} trains in every run of Keras 2, for it is called with "
                   "training=True: its values here are those of inference")  # fmt: skip
        elif layer.model is not None:
            yield from training_warnings(layer.model)


def _trains(layer: Layer) -> bool:
    """Whether a layer, or one in it, computes otherwise as it trains; a BatchNormalization that is
    itself called so does here, too."""
    if layer.model is not None:
        return any(_trains(each) or each.kind == _BATCH for each in layer.model.layers)
    return _draws(layer.kind, layer.config) or any(_trained(layer.config))


def _trained(config: Config) -> Iterator[bool]:
    for kind, inner in _inner(config):
        yield kind == _BATCH or _draws(kind, inner)
        yield from _trained(inner)


def _draws(kind: Any, config: Config) -> bool:
    return TABLE.get(kind) == "augmentation" or any(config.get(rate) for rate in _RATES)


def _dtypes(layer: Layer) -> Iterator[Any]:
    """Yield the dtype of a layer and of the layers, cells and models in it."""
    if layer.model is not None:
        for each in layer.model.layers:
            yield from _dtypes(each)
    yield from _stated(layer.config)


def _stated(config: Config) -> Iterator[Any]:
    yield config.get("dtype")
    for _, inner in _inner(config):
        yield from _stated(inner)


def _inner(config: Config) -> Iterator[tuple[Any, Config]]:
    """Yield the kinds and configs of the layers and cells in a layer."""
    inside = [config.get(key) for key in ("layer", "backward_layer", "cell")]
    cells = config.get("cells")
    for node in (*inside, *(cells if isinstance(cells, list | tuple) else ())):
        inner = node.get("config") if isinstance(node, Mapping) else None
        if isinstance(node, Mapping) and isinstance(inner, Mapping):
            yield node.get("class_name"), inner


def _lacking(model: Model, missing: Sequence[Slot]) -> FileError:
    path = model.source.path
    hint = "give them with --weights FILE, or ask for random ones with --init keras"
    if model.store is None:
        return FileError(f"{path}: it holds the architecture, but no weights", hint)
    slot = missing[0]
    layer, _, name = slot.path.partition("/")
    reasons = [gap for gap in model.gaps if gap.startswith(f"layer {layer!r}: ")]
    reason = reasons[0].partition(": ")[2] if reasons else "it is not in the file"
    return FileError(
        f"{path}: weight {name!r} of layer {layer!r}, of shape {show(slot.weight.shape)}: {reason}",
        hint,
    )
