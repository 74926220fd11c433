"""What is done to a drawn model before it is saved: it is frozen, quantized, compiled, trained."""

from typing import Any

OPTIMIZERS = (
    "SGD()", "SGD(momentum=0.9)", "SGD(0.1, nesterov=True, momentum=0.5)", "Adam()",
    "Adam(amsgrad=True)", "AdamW()", "RMSprop()", "RMSprop(centered=True, momentum=0.5)",
    "Adadelta()", "Adagrad()", "Adamax()", "Nadam()", "Ftrl()",
    "Adam(schedules.ExponentialDecay(0.1, 10, 0.9))",
)  # fmt: skip
NEWER = (
    "Lion()", "Adafactor()", "Lamb()", "Muon()", "ScheduleFreeAdamW()", "Adam(use_ema=True)",
    "Adam(gradient_accumulation_steps=2)", "SGD(use_ema=True)", "LossScaleOptimizer(Adam())",
    "LossScaleOptimizer(SGD())", "AdamW(use_ema=True, gradient_accumulation_steps=3)",
)  # fmt: skip


def layers(model: Any) -> list[Any]:
    """Return the layers of a model, those inside models and wrappers too."""
    return [each for each in model._flatten_layers() if each is not model]


def frozen(draw: Any, model: Any) -> None:
    """Freeze some layers, inner models, wrappers or what they hold."""
    if draw.chance(0.3):
        for layer in layers(model):
            if draw.chance(draw.one_of(0.1, 0.4)):
                layer.trainable = draw.chance(0.2)
    if draw.chance(0.05):
        model.trainable = False


def adapted(draw: Any, model: Any) -> None:
    """Give some layers low-rank adapters."""
    if draw.old or not draw.chance(0.12):
        return
    for layer in layers(model):
        if hasattr(layer, "enable_lora") and draw.chance(0.6):
            try:
                layer.enable_lora(draw.one_of(1, 2), **draw.some(lora_alpha=(3,)))
            except Exception:  # some cannot have any
                continue


def quantized(draw: Any, model: Any) -> None:
    """Quantize the model, or some of its layers."""
    if draw.old or not draw.chance(0.12):
        return
    mode = draw.one_of("int8", "int8", "int4", "float8")
    if draw.chance(0.5):
        model.quantize(mode)
        return
    for layer in layers(model):
        if draw.chance(0.6):
            try:
                layer.quantize(mode)
            except Exception:
                continue


def compiled(draw: Any, model: Any) -> None:
    """Compile the model; then leave it, build its optimizer, or move it by one step."""
    if not draw.chance(0.25):
        return
    texts = OPTIMIZERS if draw.old else OPTIMIZERS + NEWER
    scope = {name: getattr(draw.keras.optimizers, name) for name in dir(draw.keras.optimizers)}
    optimizer = eval(draw.one_of(*texts), scope)
    model.compile(optimizer, "mse", **draw.some(metrics=(["mae"],), jit_compile=(False,)))
    state = draw.one_of("never", "built", "moved")
    if state == "built":
        optimizer.build(model.trainable_variables)
    elif state == "moved":
        variables = model.trainable_variables
        optimizer.apply_gradients([(each * 0.0, each) for each in variables])
