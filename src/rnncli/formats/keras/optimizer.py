"""The state that Keras 3 makes for an optimizer that was saved before its first step.

Source: `build` of `keras/src/optimizers/*.py`: so many variables per trainable weight.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from rnncli.model import Config, Model, Weight

_PER_WEIGHT: Mapping[str, Callable[[Config], int]] = {
    "SGD": lambda config: bool(config.get("momentum")),
    "Adam": lambda config: 2 + bool(config.get("amsgrad")),
    "AdamW": lambda config: 2 + bool(config.get("amsgrad")),
    "Adamax": lambda config: 2,
    "Nadam": lambda config: 2,
    "Lamb": lambda config: 2,
    "Adadelta": lambda config: 2,
    "Ftrl": lambda config: 2,
    "ScheduleFreeAdamW": lambda config: 2,
    "Adagrad": lambda config: 1,
    "Lion": lambda config: 1,
    "RMSprop": lambda config: 1 + bool(config.get("momentum")) + bool(config.get("centered")),
}
_MOST = 3  # variables per weight, of those that are not listed


def with_state(model: Model, found: tuple[Weight, ...] | None, compiled: Any) -> Model:
    """Return the model with its optimizer's variables: those of the file, or as Keras makes them.

    `found` are those of the file, `compiled` is the optimizer's config.
    """
    model = model._replace(optimizer=found)
    if not found or not str(model.source.written_by).startswith("Keras 3"):
        return model
    used = any(weight.shape for weight in found)
    trained = [each for layer in model.layers for each in layer.all_weights() if each.trainable]
    name, made = _made(trained, compiled)
    if used and (len(made) == len(found) if made is not None else _fits(found, trained)):
        return model
    problem = None
    if used:
        problem = "keeps the state of other weights than those that train: Keras makes it anew"
    elif made is None:
        problem = "was never used: the file does not say what it will keep"
    if problem is not None:
        model = model._replace(warnings=(*model.warnings, f"its optimizer, {name}, {problem}"))
    return model._replace(optimizer=made or found)


def _fits(found: Sequence[Weight], trained: Sequence[Weight]) -> bool:
    """Whether there is state for each trained weight, and not for more weights than these."""
    held = [weight.shape for weight in found if weight.shape]
    needed = Counter(weight.shape for weight in trained if weight.shape)
    return needed <= Counter(held) and len(held) <= _MOST * len(trained)


def _made(trained: list[Weight], compiled: Any) -> tuple[str, tuple[Weight, ...] | None]:
    """Return the optimizer's class and the variables that Keras makes for it, None if unknown."""
    name, config = _named(compiled)
    single = list(_counters(config))
    if name == "LossScaleOptimizer":
        name, config = _named(config.get("inner_optimizer"))
        single += [Weight("step_counter", (), dtype="int64"), Weight("dynamic_scale", ())]
        single += _counters(config)
    if name not in _PER_WEIGHT:
        return name, None
    many = _PER_WEIGHT[name](config) + bool(config.get("use_ema"))
    # What a float8 layer knows of its range is set, not moved.
    moved = [each for each in trained if not each.name.endswith(("_scale", "_amax_history"))]
    summed = trained * bool(config.get("gradient_accumulation_steps"))
    if name == "Nadam":
        single.append(Weight("u_product", (), dtype=trained[0].dtype if trained else "float32"))
    return name, (*single, *moved * many, *summed)


def _counters(config: Config) -> Iterator[Weight]:
    """Yield what every optimizer keeps; a rate that follows a schedule is no variable."""
    yield Weight("iteration", (), dtype="int64")
    if not isinstance(config.get("learning_rate"), dict):
        yield Weight("learning_rate", ())


def _named(node: Any) -> tuple[str, Config]:
    """Return the class and the config of an optimizer's node, whatever it is."""
    node = node if isinstance(node, dict) else {}
    config = node.get("config")
    return str(node.get("class_name"))[:60], config if isinstance(config, dict) else {}
