"""Write models quantized after calibration (GPTQ, AWQ), and what the real Keras says of them.

Keras 3.15 leaves the zero points out of such files, and cannot load them: `whole` ones are written
with them, as its own list of variables has them, and loaded; `saved` ones are as Keras writes them.

Usage: python tests/goldens/make_quantized.py   (needs keras and tensorflow; tests do not run it)
"""

import json
import os
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

os.environ["COLUMNS"] = "200"  # else Keras crops its table at 80 columns

import keras
import numpy as np
from keras import layers as L
from keras.quantizers import AWQConfig, GPTQConfig

HERE = Path(__file__).parent
SAVED = {each: each._get_kernel_with_merged_lora for each in (L.Dense, L.EinsumDense)}
rng = np.random.default_rng(0)


def whole(self: Any) -> Any:
    kernel, scale, zero = SAVED[type(self)](self)
    return kernel, scale, self.kernel_zero if self.quantization_mode in ("gptq", "awq") else zero


def blocks(kind: str) -> list[Any]:
    if kind == "dense":
        return [
            keras.Sequential([keras.Input((6, 8)), L.Dense(7, activation="relu"),
                              L.Dense(8, use_bias=False)], name="one"),
            keras.Sequential([keras.Input((6, 8)), L.Dense(5)], name="two"),
        ]  # fmt: skip
    return [
        keras.Sequential([
            keras.Input((6, 8)), L.EinsumDense("abc,cd->abd", (None, 9), bias_axes="d"),
            L.EinsumDense("abc,cde->abde", (None, 2, 3), bias_axes="de"),
        ], name="one"),
    ]  # fmt: skip


def calibrated(mode: str, kind: str, bits: int, group: int, options: dict[str, Any]) -> Any:
    """Return a model with an Embedding in front of quantized blocks."""
    keras.utils.clear_session()
    tokens, embedding, rest = keras.Input((6,), dtype="int32"), L.Embedding(20, 8), blocks(kind)
    x = embedding(tokens)
    for block in rest:
        x = block(x)
    model = keras.Model(tokens, x)
    for weight in model.weights:
        weight.assign(rng.normal(size=weight.shape, scale=0.5))
    made = GPTQConfig if mode == "gptq" else AWQConfig
    config = made(
        dataset=[rng.integers(0, 20, (1, 6)) for _ in range(8)], tokenizer=np.asarray,
        weight_bits=bits, num_samples=8, sequence_length=6, group_size=group,
        quantization_layer_structure={"pre_block_layers": [embedding], "sequential_blocks": rest},
        **options,
    )  # fmt: skip
    model.quantize(mode, config=config)
    for layer in model._flatten_layers():
        if getattr(layer, "quantization_config", None) is not None:
            layer.quantization_config.quantization_layer_structure = None  # it holds the layers
        if mode == "awq" and hasattr(layer, "awq_scales"):  # all ones after so few samples
            layer.awq_scales.assign(rng.uniform(0.5, 2.0, size=layer.awq_scales.shape))
    return model


def attention(kind: str, mode: str) -> Any:
    """Return a model whose config says nothing of how its attention is quantized."""
    keras.utils.clear_session()
    x = keras.Input((6, 8))
    made = L.GroupQueryAttention(8, 2, 1) if kind == "grouped" else L.MultiHeadAttention(2, 4)
    if kind == "biasless":
        made = L.MultiHeadAttention(2, 4, use_bias=False)
    y = made(x, x)
    model = keras.Model(x, L.Dense(5)(y) if kind == "dense" else y)
    if mode:
        model.quantize(mode)
    return model


CASES = (
    ("whole", "gptq", "dense", 4, -1, {}),
    ("whole", "gptq", "dense", 4, 3, {"activation_order": True}),
    ("whole", "gptq", "einsum", 4, 4, {"symmetric": True}),
    ("whole", "gptq", "dense", 8, 128, {"symmetric": True}),
    ("whole", "gptq", "einsum", 8, 3, {"activation_order": True}),
    ("whole", "gptq", "dense", 2, 4, {}),
    ("whole", "gptq", "einsum", 3, -1, {"per_channel": False}),
    ("whole", "awq", "dense", 4, -1, {}),
    ("whole", "awq", "einsum", 4, 3, {}),
    ("whole", "awq", "dense", 4, 4, {}),
    ("saved", "gptq", "dense", 4, 3, {}),
    ("saved", "awq", "einsum", 4, 4, {}),
    *(
        ("attention", mode, kind, 0, 0, {})
        for kind, mode in (("dense", "int8"), ("biasless", "int8"), ("grouped", "int4"),
                           ("alone", "float8"), ("alone", ""))
    ),
)  # fmt: skip


def params(part: Any) -> int:
    return int(sum(np.prod(weight.shape) for weight in part.weights))


def main() -> None:
    recorded: list[dict[str, Any]] = []
    with (
        TemporaryDirectory() as folder,
        zipfile.ZipFile(HERE / "quantized.zip", "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        for how, mode, kind, bits, group, options in CASES:
            for each, plain in SAVED.items():
                each._get_kernel_with_merged_lora = whole if how == "whole" else plain
            is_attention = how == "attention"
            made = (attention(kind, mode) if is_attention
                    else calibrated(mode, kind, bits, group, options))  # fmt: skip
            path = Path(folder) / f"{len(recorded)}.keras"
            made.save(path)
            model = keras.saving.load_model(path) if how == "whole" else made
            x = np.ones((1, 6, 8), "float32") if is_attention else rng.integers(0, 20, (3, 6))
            lines: list[str] = []
            model.summary(print_fn=lines.append)
            np.savez_compressed(path.with_suffix(".npz"), x=x, y=np.asarray(model(x)))
            for each in (path, path.with_suffix(".npz")):
                archive.write(each, each.name)
            name = f"{how} {mode} {kind} {bits} {group} {options or ''}".strip()
            text = "\n".join(lines).rstrip()
            recorded.append({"name": name, "params": params(model), "summary": text})
            if is_attention:
                recorded[-1]["inside"] = params(model.layers[1])
        told = {"versions": {"keras": keras.__version__}, "cases": recorded}
        archive.writestr("cases.json", json.dumps(told, indent=1))


if __name__ == "__main__":
    main()
