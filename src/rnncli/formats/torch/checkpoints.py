"""Which parts of a checkpoint are models, which are optimizers, and what else is in it."""

import re
from collections.abc import Mapping
from itertools import islice
from typing import Any

from rnncli.errors import UsageError, few, nearest
from rnncli.formats import limits
from rnncli.formats.containers.pickle_machine import Record
from rnncli.formats.torch.packed import parts_of
from rnncli.formats.torch.tensors import TorchTensor, not_rebuilt, tensor_of
from rnncli.formats.torch.tree import (
    NOTHING,
    Collector,
    Found,
    Script,
    Steps,
    is_module,
    mapping,
    sample,
    state,
)

# Where checkpoints keep a state dict.
_HOME = re.compile(r"state_?dict|^(model|net|network|module|weights|params|state)$|_model$|_net$",
                   re.IGNORECASE)  # fmt: skip
# What they keep beside it.
_BESIDE = re.compile(r"optim|sched|^amp|scaler|rng|hyper_?param|hparams|callback|^loops?$|history|"
                     r"metric|^stat(s|istics)$|loss|grad|^args$|^config$|^opts?$",
                     re.IGNORECASE)  # fmt: skip
# The last part of what a module's tensors are called.
_PARAMETER = re.compile(
    r"(^|[._])(weight|bias|kernel|gamma|beta|running|num_batches|embedding|param)"
)
# What optimizers keep for each parameter.
_SLOTS = {"exp_avg", "exp_avg_sq", "max_exp_avg_sq", "momentum_buffer", "square_avg", "sum",
          "acc_delta", "step", "grad_avg", "prev", "step_size", "exp_inf",
          "mu_product"}  # fmt: skip
_PARTS = 100  # of a dict of slots that are looked at, whether one is a model


def tensors_in(root: Any, key: str | None = None, scripts: Mapping[str, Script] = NOTHING) -> Found:
    """Return the tensors of the models that an object is, or holds; `key` picks one of them.

    Raises: UsageError if there is no such key, FileError.
    """
    steps = Steps()
    search = _Search(steps)
    models = search.models(root if key is None else _picked(root, key))
    collector = Collector(steps, scripts)
    for name, value in models.items():
        collector.add(value, name)
    limits.check("tensors", len(collector.tensors), limits.TENSORS)
    names = tuple(models) if len(models) > 1 else ()
    single = next(iter(models.values()))
    return collector.found()._replace(
        details=_details(root, single), models=names, warnings=tuple(_said(names, search.left)),
        optimizer=tuple(_optimizer(search.optimizers, steps)),
    )  # fmt: skip


def _said(models: tuple[str, ...], left: list[str]) -> list[str]:
    said = []
    if models:
        said.append(f"the file holds {len(models)} models: {few(models)}; --key picks one")
    if left:
        said.append(f"tensors beside the model are not counted: {few(left)}")
    return said


def _details(root: Any, model: Any) -> dict[str, str]:
    """Return the plain facts that a checkpoint keeps beside its model."""
    if root is model or not isinstance(root, Mapping):
        return {}
    return {
        str(key)[:40]: str(value)[:60]
        for key, value in root.items()
        if isinstance(value, str | int | float) and not isinstance(key, Record)
    }


def _pairs(value: Any) -> dict[Any, Any] | None:
    """Return what a value holds by names or numbers, None if it is no checkpoint."""
    if isinstance(value, list | tuple):
        return dict(enumerate(value))
    pairs = mapping(value)
    if pairs is not None and not pairs:  # an object that has a model: its attributes
        return state(value) or {}
    return pairs


def _picked(root: Any, key: str) -> Any:
    """Return what stands under a key, which may be a path such as `nets.generator`."""
    value, rest = root, key
    while rest:
        known = {str(each): inner for each, inner in (_pairs(value) or {}).items()}
        name = rest if rest in known else rest.partition(".")[0]
        if name not in known:
            raise UsageError(f"--key {key[:80]}: the file has no such key",
                             nearest(rest, known) or f"it has: {few(list(known))}")  # fmt: skip
        value, rest = known[name], rest[len(name) + 1 :]
    return value


class _Search:
    """The way from a checkpoint to its models, and what is passed on it."""

    def __init__(self, steps: Steps) -> None:
        self.steps = steps
        self.optimizers: list[Any] = []
        self.left: list[str] = []

    def models(self, root: Any, nesting: int = limits.MODEL_NESTING) -> dict[str, Any]:
        """Return the models by their keys; a single one has the key `""`."""
        value, path = root, ""
        for depth in range(nesting):
            pairs = _pairs(value)
            if pairs is None:
                break
            known = {str(key): each for key, each in pairs.items()}
            loose = {key: each for key, each in known.items() if _is_loose(each)}
            samples = self._holders(known, loose)
            holders = {key: known[key] for key in samples}
            found = {k: known[k] for k, held in samples.items() if _is_model(k, known[k], held)}
            if not found or _is_state_dict(loose, found):
                return {
                    "": {**loose, **holders} if len(loose) + len(holders) < len(known) else value
                }
            self.left += [key for key in loose if loose_size(loose[key]) > 1]
            self.left += [key for key in holders if key not in found]
            if len(found) > 1:
                inside = self._each(found, nesting - depth - 1)
                return {f"{path}{name}": each for name, each in inside.items()}
            ((key, value),) = found.items()
            path += f"{key}."
        return {"": value}

    def _each(self, found: Mapping[str, Any], nesting: int) -> dict[str, Any]:
        """Return several models, each without the optimizers that it is kept with."""
        result: dict[str, Any] = {}
        for key, value in found.items():
            optimizers, left = len(self.optimizers), len(self.left)
            inside = self.models(value, nesting)
            if len(inside) > 1 and len(self.optimizers) == optimizers:  # parts of one model
                inside = {"": value}
                del self.left[left:]
            result |= {f"{key}.{name}" if name else key: each for name, each in inside.items()}
        return result

    def _holders(
        self, known: Mapping[str, Any], loose: Mapping[str, Any]
    ) -> dict[str, dict[str, TorchTensor]]:
        """Return what holds tensors and is no optimizer: a few of them, by their names."""
        found = {}
        for key, value in known.items():
            if key in loose or not isinstance(value, Record | dict | list | tuple):
                continue
            held = sample(value, self.steps)
            if held and self._is_optimizer(key, value, held):
                self.optimizers.append(value)
            elif held:
                found[key] = held
        return found

    def _is_optimizer(self, key: str, value: Any, held: Mapping[str, TorchTensor]) -> bool:
        """Whether what stands under a key is an optimizer: `state` and `param_groups`, or slots,
        and no model beside them."""
        each = value[0] if isinstance(value, list | tuple) and value else value
        if "param_groups" in (mapping(each) or state(each) or {}):
            return True
        if "optim" in key.lower() and not any(
            _PARAMETER.search(name.rpartition(".")[2]) for name in held
        ):
            return True
        return self._has_slots_alone(value, held)

    def _has_slots_alone(
        self, value: Any, held: Mapping[str, TorchTensor], nesting: int = limits.MODEL_NESTING
    ) -> bool:
        """Whether most tensors below a value, and below each of its parts, are slots."""
        names = [name.rpartition(".")[2] for name in held]
        if sum(name in _SLOTS for name in names) <= len(names) / 2:
            return False
        named = (part for key, part in (mapping(value) or {}).items() if isinstance(key, str))
        parts = [part for part in islice(named, _PARTS) if not _is_loose(part)] if nesting else []
        samples = [(part, sample(part, self.steps)) for part in parts]
        return all(self._has_slots_alone(*each, nesting - 1) for each in samples if each[1])


def _has_paths(value: Any) -> bool:
    """Whether a dict's keys are paths to parameters, as those of a state dict are."""
    pairs = mapping(value) or {}
    return any(isinstance(key, str) and "." in key and tensor_of(each) is not None
               for key, each in pairs.items())  # fmt: skip


def _is_model(key: str, value: Any, held: Mapping[str, TorchTensor]) -> bool:
    """Whether what stands under a key is a model, and not something kept beside one."""
    if is_module(value):
        return True
    if _has_paths(value):
        return True
    if _BESIDE.search(key) and not _HOME.search(key):
        return False
    return any(map(_PARAMETER.search, held)) or any(
        len(tensor.shape) > 1 for tensor in held.values()
    )


def _is_loose(value: Any) -> bool:
    """Whether a value is a tensor, known or not, or the packed weights of one module."""
    known = tensor_of(value) is not None or parts_of(value) is not None
    return known or not_rebuilt(value) is not None


def loose_size(value: Any) -> int:
    """Return how many values a tensor has, at most 2."""
    tensor = tensor_of(value)
    return 0 if tensor is None else min(2, max(tensor.shape, default=1))


def _is_state_dict(loose: Mapping[str, Any], models: Mapping[str, Any]) -> bool:
    """Whether tensors that stand beside dicts of tensors belong to one model with them."""
    if not loose:
        return False
    if any(_PARAMETER.search(name) or "." in name for name in loose):
        return True
    return not any(_HOME.search(name) or is_module(value) or _has_paths(value)
                   for name, value in models.items())  # fmt: skip


def _optimizer(optimizers: list[Any], steps: Steps) -> list[TorchTensor]:
    """Return the tensors that optimizers keep."""
    collector = Collector(steps)
    for number, value in enumerate(optimizers):
        attributes = state(value)
        collector.add(attributes if attributes is not None else value, str(number))
    return list(collector.tensors.values())
