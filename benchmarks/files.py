"""How long a model file takes from the start of a process to the answer, beside its framework.

Usage: python benchmarks/files.py --peers PYTHON [--runs 7]

PYTHON is an interpreter that has keras, tensorflow, torch, torchinfo, safetensors, onnx and
onnxruntime. Run this with the interpreter of a plain install of rnncli (`pip install ".[all]"`): an
editable one starts slower. rnncli and the framework run in turn, so that a slow moment of the
machine falls on both; the ratio is that of the medians. Both run the model on the same input, and
their outputs are compared before anything is timed.
"""

import argparse
import json
import subprocess
import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
from startup import RNNCLI, side_by_side

GOLDENS = Path(__file__).parent.parent / "tests" / "goldens"
TOLERANCE = 1e-5


class Case(NamedTuple):
    """A file, and the script of its framework for what rnncli is asked; {file}, {input}: paths."""

    file: str
    framework: str
    script: str
    target: float | None = None  # how many times as fast rnncli is to be
    layer: str | None = None  # the layer that runs, where not the whole model does
    shape: tuple[int, ...] = ()  # of the input
    tokens: int = 0  # the input holds whole numbers below this one; 0: it is normal

    def path(self) -> Path:
        """Return the file's path."""
        return GOLDENS / self.file


KERAS = "import keras\nkeras.models.load_model({file!r}, compile=False).summary()"
KERAS_JSON = "import keras\nkeras.models.model_from_json(open({file!r}).read()).summary()"
TORCHINFO = "import torch, torchinfo\ntorchinfo.summary(torch.load({file!r}, weights_only=False))"
LISTING = """
for name, value in state.items():
    print(f"{{name:40}} {{str(tuple(value.shape)):20}} {{value.numel():>12,}}")
print(f"Total: {{sum(value.numel() for value in state.values()):,}}")
"""
STATE_DICT = f"import torch\nstate = torch.load({{file!r}}){LISTING}"
SAFETENSORS = f"from safetensors.torch import load_file\nstate = load_file({{file!r}}){LISTING}"
ONNX = "import onnx\nprint(onnx.printer.to_text(onnx.load({file!r})))"
SESSION = """
import onnxruntime
session = onnxruntime.InferenceSession({file!r})
for each in (*session.get_inputs(), *session.get_outputs()):
    print(each.name, each.type, each.shape)
"""

SUMMARIES = (
    Case("keras/k3/lstm_stack.keras", "Keras", KERAS, 15),
    Case("keras/k3/lstm_stack.h5", "Keras", KERAS, 15),
    Case("keras/k3/lstm_stack.json", "Keras", KERAS_JSON, 15),
    Case("torch/modules.pt", "torchinfo", TORCHINFO, 8),
    Case("torch/state_dict.pt", "torch", STATE_DICT, 8),
    Case("torch/state.safetensors", "torch", SAFETENSORS, 8),
    Case("onnx/torch_tagger.onnx", "onnx", ONNX),
    Case("onnx/torch_tagger.onnx", "onnxruntime", SESSION),
)

SHOW = "\nprint(y.shape, float(y.min()), float(y.max()), float(y.mean()))"
RUN_KERAS = f"""
import keras, numpy as np
model = keras.models.load_model({{file!r}}, compile=False)
model.summary()
y = np.asarray(model(np.load({{input!r}}))){SHOW}
"""
RUN_TORCH = f"""
import numpy as np, torch
module = torch.load({{file!r}}, weights_only=False).get_submodule({{layer!r}})
with torch.inference_mode():
    y = module(torch.from_numpy(np.load({{input!r}})))[0]
{SHOW}
"""
RUN_STATE = f"""
import numpy as np, torch
state = torch.load({{file!r}}) if {{file!r}}.endswith(".pt") else __import__(
    "safetensors.torch").torch.load_file({{file!r}})
prefix = {{layer!r}} + "."
module = torch.nn.LSTM(3, 4, batch_first=True)
module.load_state_dict({{{{k[len(prefix):]: v for k, v in state.items() if k.startswith(prefix)}}}})
with torch.inference_mode():
    y = module(torch.from_numpy(np.load({{input!r}})))[0]
{SHOW}
"""
RUN_ONNX = f"""
import numpy as np, onnxruntime
session = onnxruntime.InferenceSession({{file!r}})
y = session.run(None, {{{{session.get_inputs()[0].name: np.load({{input!r}})}}}})[0]{SHOW}
"""

FORWARDS = (
    Case("keras/k3/lstm_stack.keras", "Keras", RUN_KERAS, 10, shape=(1, 5, 4)),
    Case("keras/k3/lstm_stack.h5", "Keras", RUN_KERAS, 10, shape=(1, 5, 4)),
    Case("torch/modules.pt", "torch", RUN_TORCH, 5, "lstm", (1, 100, 3)),
    Case("torch/state_dict.pt", "torch", RUN_STATE, 5, "lstm", (1, 100, 3)),
    Case("torch/state.safetensors", "torch", RUN_STATE, 5, "lstm", (1, 100, 3)),
    Case("onnx/torch_tagger.onnx", "onnxruntime", RUN_ONNX, shape=(1, 100), tokens=11),
)


def commands(case: Case, peers: str, folder: Path) -> tuple[list[str], list[str]]:
    """Return the framework's command and rnncli's."""
    own = [RNNCLI, "forward" if case.shape else "summary", str(case.path())]
    data = folder / "input.npy"
    if case.shape:
        rng = np.random.default_rng(0)
        tokens = rng.integers(case.tokens or 1, size=case.shape)
        np.save(data, tokens if case.tokens else rng.standard_normal(case.shape, "float32"))
        own += ["--input", str(data)]
    if case.layer:
        own += ["--layer-name", case.layer]
    script = case.script.format(file=str(case.path()), input=str(data), layer=case.layer)
    return [peers, "-c", script], own


def compare(peer: list[str], own: list[str]) -> None:
    """Check that both computed the same, by the output's least, greatest and mean value."""
    said = subprocess.run(peer, check=True, capture_output=True, text=True).stdout
    theirs = [float(each) for each in said.splitlines()[-1].rpartition(")")[2].split()[-3:]]
    done = subprocess.run([*own, "--format", "json"], check=True, capture_output=True, text=True)
    stats = json.loads(done.stdout)["stats"]
    ours = [stats[name] for name in ("min", "max", "mean")]
    if not np.allclose(ours, theirs, atol=TOLERANCE):
        raise SystemExit(f"the outputs differ: {ours} and {theirs}")


def main() -> None:
    """Print a line per file and question."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--peers", help="an interpreter with the frameworks", metavar="PYTHON",
                        required=True)  # fmt: skip
    options = parser.parse_args()
    print(f"{'':9}{'file':27}{'rnncli':>9}   {'framework':>19}   as fast   target")
    with tempfile.TemporaryDirectory() as folder:
        for case in (*SUMMARIES, *FORWARDS):
            peer, own = commands(case, options.peers, Path(folder))
            if case.shape:
                compare(peer, own)
            theirs, ours = side_by_side(peer, own, options.runs)
            target = f">= {case.target}" if case.target else "none"
            own_time, their_time = (f"{each * 1e3:6.0f} ms" for each in (ours, theirs))
            print(f"{own[1]:9}{case.path().name:27}{own_time}   {case.framework:>11}{their_time}   "
                  f"{theirs / ours:5.1f} x   {target}", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
