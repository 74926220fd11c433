"""Every layer that `keras.layers` exports is known, with the arguments of Keras in its order."""

import json
from pathlib import Path

import pytest

from rnncli.layers import ALIASES, TABLE, layer_type
from rnncli.layers.layer_type import signature

GOLDEN = Path(__file__).parents[1] / "goldens" / "signatures.json"
SIGNATURES = json.loads(GOLDEN.read_text())["signatures"]

# Classes that compute nothing without code or objects of the user's.
CODE = {"FlaxLayer", "InputSpec", "JaxLayer", "Lambda", "Layer", "TFSMLayer", "TorchModuleWrapper"}
# Keras takes these among its `**kwargs`.
KEYWORDS = {
    **dict.fromkeys(("Conv1D", "Conv2D", "Conv3D"), ("lora_rank", "lora_alpha")),
    **dict.fromkeys(("SimpleRNN", "LSTM", "GRU"), ("zero_output_for_mask",)),
    "LayerNormalization": ("rms_scaling",),
}
EVERYWHERE = ("name", "dtype")  # every layer takes them, whether its constructor lists them or not


@pytest.mark.parametrize("name", [name for name in SIGNATURES if name not in CODE])
def test_a_layer_takes_what_it_takes_in_keras(name: str) -> None:
    shown, text = SIGNATURES[name]
    kind = ALIASES.get(name, name)
    assert kind in TABLE
    if kind != "InputLayer":
        assert kind == shown
    expected, found = signature(text), dict(layer_type(kind).signature)
    for key in KEYWORDS.get(kind, ()):
        found.pop(key)
    for key in EVERYWHERE:
        expected.pop(key, None)
        found.pop(key, None)
    if name == "InputLayer":  # the constructor of the class, whose tensor `Input` calls so
        expected = {"tensor" if k == "input_tensor" else k: v for k, v in expected.items()}
    assert sorted(found.items(), key=str) == sorted(expected.items(), key=str)
    assert kind == "InputLayer" or list(found) == list(expected)


def test_what_is_left_out_is_code() -> None:
    assert not CODE & {*TABLE, *ALIASES}
