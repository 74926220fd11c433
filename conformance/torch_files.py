"""Checkpoints as people save them, asked of rnncli: same modules, kinds and counts as PyTorch's?

Seeded random models of every recurrent kind among lookalikes, hand-written cells and wrapped
weights, under random names, are saved in every way that PyTorch and Python have.

    python conformance/torch_files.py make DIR [SEED]  # where torch, safetensors and joblib are
    python conformance/torch_files.py compare DIR      # where rnncli is; prints the table
"""

import json
import pickle
import random
import sys
import warnings
from collections import defaultdict
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

CASES, FILES = "cases.json", 300
RECURRENT = ("RNN", "LSTM", "GRU", "RNNCell", "LSTMCell", "GRUCell")


def make(folder: Path) -> None:
    """Write the files, and what PyTorch says of each."""
    import torch

    warnings.filterwarnings("ignore")
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else 0
    torch.manual_seed(seed)
    rng = random.Random(seed)
    styles, records = _styles(), []
    for number in range(FILES):
        style = list(styles)[number % len(styles)]
        quantised = style.startswith("quantised")
        model = _model(rng, script=style in ("scripted", "traced", "frozen", "exported"),
                       plain=quantised, own=style not in ("whole", "older whole"))  # fmt: skip
        record: dict[str, Any] = {"style": style, "prefix": "", "exact": True}
        try:
            record["file"] = styles[style](folder / f"{number:03}", model, record, rng)
        except Exception as error:  # what PyTorch cannot save is no case
            record |= {"file": None, "why": f"{type(error).__name__}: {error}"[:200]}
        record["modules"] = [{**each, "name": record["prefix"] + each["name"]}
                             for each in _modules(model)]  # fmt: skip
        record["total"] = sum(p.numel() for p in model.parameters())
        records.append(record)
    versions = {"torch": torch.__version__}
    (folder / CASES).write_text(json.dumps({"versions": versions, "cases": records}, indent=1))


def _modules(model: Any) -> list[dict[str, Any]]:
    """Return name, kind and parameters of each module that has parameters of its own.

    What a parametrization keeps counts to its module, whose kind is what it was before.
    """
    found = []
    for name, each in model.named_modules():
        parametrized = hasattr(each, "parametrizations")
        own = list(each.parameters(recurse=parametrized))
        if not own or "parametrizations" in name:
            continue
        kind = type(each).__name__.removeprefix("Parametrized")
        found.append({"name": name, "type": kind, "params": sum(p.numel() for p in own)})
    return found


def _recurrent(rng: random.Random, plain: bool = False) -> Any:
    """Return a recurrent module; a plain one has what quantisation takes: biases, no projection."""
    from torch import nn

    size, units = rng.randint(2, 9), rng.randint(2, 9)
    kind = rng.choice(RECURRENT)
    if kind.endswith("Cell"):
        return getattr(nn, kind)(size, units, bias=plain or rng.random() < 0.8)
    arguments: dict[str, Any] = {
        "num_layers": rng.randint(1, 3), "bidirectional": rng.random() < 0.4,
        "bias": plain or rng.random() < 0.8, "batch_first": rng.random() < 0.5,
    }  # fmt: skip
    if kind == "LSTM" and units > 2 and not plain and rng.random() < 0.2:
        arguments["proj_size"] = units - 1
    if kind == "RNN":
        arguments["nonlinearity"] = rng.choice(("tanh", "relu"))
    return getattr(nn, kind)(size, units, **arguments)


def _lookalike(rng: random.Random) -> tuple[str, Any]:
    """Return a module that resembles another one, and a name that it has in such models."""
    from torch import nn

    a, b = rng.randint(2, 9), rng.randint(2, 9)
    return rng.choice((
        ("encoder", nn.Embedding(a * 3, b)), ("embedding", nn.Embedding(a * 9, b)),
        ("decoder", nn.Linear(a, b * 3)), ("fc", nn.Linear(a, b, bias=False)),
        ("norm", nn.GroupNorm(1, a)), ("norm2", nn.RMSNorm(a)), ("act", nn.PReLU(a)),
        ("prelu", nn.PReLU()), ("up", nn.ConvTranspose1d(a, b, 3)), ("conv", nn.Conv1d(a, b, 3)),
        ("ln", nn.LayerNorm((4, 12))), ("layer_norm", nn.LayerNorm(a)),
        ("bn", nn.BatchNorm1d(a)), ("image", nn.Conv2d(a, b, 3)),
        ("attention", nn.MultiheadAttention(4, 2)), ("gate", nn.Bilinear(a, b, 3)),
        ("out", nn.Linear(a, 1)), ("conv3", nn.Conv3d(1, b, 2)), ("drop", nn.Dropout(0.1)),
    ))  # fmt: skip


def _handwritten(rng: random.Random) -> Any:
    """Return a module of a user's own, whose parameters are called as people call them."""
    import torch
    from torch import nn

    class Handwritten(nn.Module):
        def __init__(self, shapes: dict[str, tuple[int, ...]]) -> None:
            super().__init__()
            for name, shape in shapes.items():
                setattr(self, name, nn.Parameter(torch.randn(shape)))

    n, h = rng.randint(2, 6), rng.randint(2, 6)
    return Handwritten(rng.choice((
        {"Wxh": (n, h), "Whh": (h, h), "Why": (h, n), "bh": (h,), "by": (n,)},
        {f"{what}_{gate}": shape for gate in "ifgo"
         for what, shape in (("W_i", (n, h)), ("W_h", (h, h)), ("b", (h,)))},
        {"log_dt": (h,), "A_real": (h, n), "C": (1, h, n), "D": (h,)},
        {"U": (n, 4 * h), "V": (h, 4 * h), "b": (4 * h,)},
        {"weight_ih": (h, h + 1), "weight_v": (h,), "bias_ih": (h,)},
        {"weight_ih": (h, n), "weight_hh": (h, n + h), "v": (h,)},
    )))  # fmt: skip


class _Extra:
    """Makes modules that keep more than their kind's weights, or keep those in another form."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng

    def __call__(self, module: Any) -> None:
        import torch
        from torch import nn
        from torch.nn.utils import parametrizations, weight_norm

        if isinstance(module, nn.RNNCellBase) or self.rng.random() > 0.35:
            return
        how = self.rng.choice(("h0", "old", "new", "orthogonal"))
        if how == "h0":
            module.h0 = nn.Parameter(torch.zeros(module.num_layers, 1, module.hidden_size))
        elif how == "old":
            weight_norm(module, "weight_hh_l0")
        elif how == "new":
            parametrizations.weight_norm(module, "weight_hh_l0")
        else:
            parametrizations.orthogonal(module, "weight_hh_l0", use_trivialization=False)


def _model(rng: random.Random, script: bool, plain: bool, own: bool) -> Any:
    """Return a model of some recurrent modules among others."""
    from torch import nn

    names = ["rnn", "lstm", "cell", "enc", "lstm1", "lstm2", "gru_layer", "recurrent", "body"]
    rng.shuffle(names)
    parts: list[tuple[str, Any]] = [
        (names.pop(), _recurrent(rng, plain)) for _ in range(rng.randint(1, 3))
    ]
    if not plain:
        parts += [_lookalike(rng) for _ in range(rng.randint(1, 5))]
    if own and not script and not plain:
        for _, each in parts:
            if type(each).__name__ in RECURRENT:
                _Extra(rng)(each)
        if rng.random() < 0.4:
            parts.append((rng.choice(("cell_of_mine", "ssm", "attn")), _handwritten(rng)))
    rng.shuffle(parts)
    model = nn.ModuleDict(dict(parts))
    if not plain and not script and rng.random() < 0.3:
        model = nn.ModuleDict({"model": model, "head": nn.Linear(3, 2)})
    return _runnable(model) if script else model


def _runnable(parts: Any) -> Any:
    """Return a module that runs its recurrent modules, so that it can be traced and exported."""
    import torch
    from torch import nn

    class Runs(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.kinds: list[str] = []
            for name, each in parts.items():
                if type(each).__name__ in RECURRENT[:3]:
                    self.add_module(name, each)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            total = x.sum()
            for each in self.children():
                size = each.input_size
                total = total + each(x[..., :1].expand(2, 3, size))[0].sum()
            return total

    found = Runs()
    if not any(True for _ in found.children()):
        found.add_module("lstm", nn.LSTM(3, 4))
    return found


Style = Callable[[Path, Any, dict[str, Any], random.Random], str]


def _styles() -> dict[str, Style]:
    """Return the ways to save a model; each writes a file and returns its name."""
    import joblib
    import safetensors.torch
    import torch

    def saved(wrap: Callable[..., Any], suffix: str, legacy: bool, path: Path, model: Any,
              record: dict[str, Any], rng: random.Random) -> str:  # fmt: skip
        target = path.with_suffix(suffix)
        torch.save(wrap(model, record, rng), target, _use_new_zipfile_serialization=not legacy)
        return target.name

    def state(model: Any, *_: Any) -> Any:
        return model.state_dict()

    def prefixed(prefix: str, model: Any, record: dict[str, Any], rng: random.Random) -> Any:
        record["prefix"] = prefix
        return {f"{prefix}{name}": each for name, each in model.state_dict().items()}

    def checkpoint(model: Any, record: dict[str, Any], rng: random.Random) -> Any:
        optimizer = _trained(model, rng)
        key = rng.choice(("optimizer", "en_opt", "optG", "opt", "adam", "solver", "o"))
        home = rng.choice(
            ("model", "state_dict", "model_state_dict", "net", "weights", "rnn_state")
        )
        return {"epoch": 3, home: model.state_dict(), key: optimizer.state_dict(),
                "losses": [0.5], "vocab": {"a": 1}, "best": torch.tensor(0.1)}  # fmt: skip

    def lightning(model: Any, record: dict[str, Any], rng: random.Random) -> Any:
        record["prefix"] = "net."
        state_dict = {f"net.{name}": each for name, each in model.state_dict().items()}
        return {"epoch": 1, "global_step": 9, "pytorch-lightning_version": "2.4.0",
                "state_dict": state_dict, "loops": {},
                "callbacks": {"x": {"best": torch.tensor(1.0)}},
                "optimizer_states": [_trained(model, rng).state_dict()], "lr_schedulers": [],
                "hyper_parameters": {"class_weights": torch.ones(3), "lr": 0.1}}  # fmt: skip

    def several(model: Any, record: dict[str, Any], rng: random.Random) -> Any:
        record |= {"prefix": "generator.", "exact": False}
        other = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.GRU(4, 5))
        return {"generator": model.state_dict(), "discriminator": other.state_dict(),
                "g_opt": _trained(model, rng).state_dict()}  # fmt: skip

    def as_numpy(model: Any, *_: Any) -> Any:
        return {name: each.numpy() for name, each in model.state_dict().items()}

    def dumped(how: str, path: Path, model: Any, record: dict[str, Any], rng: random.Random) -> str:
        target = path.with_suffix(".joblib" if how == "joblib" else ".pkl")
        if how == "joblib":
            joblib.dump(model.state_dict(), target)
        else:
            with open(target, "wb") as file:
                pickle.dump(as_numpy(model) if how == "numpy" else model.state_dict(), file)
        return target.name

    def tensors(path: Path, model: Any, record: dict[str, Any], rng: random.Random) -> str:
        target = path.with_suffix(".safetensors")
        safetensors.torch.save_file(model.state_dict(), target, {"format": "pt"})
        return target.name

    def script(how: str, path: Path, model: Any, record: dict[str, Any], rng: random.Random) -> str:
        target, x = path.with_suffix(".pt"), torch.zeros(2, 3, 5)
        model.eval()
        if how == "exported":
            torch.export.save(torch.export.export(model, (x,)), path.with_suffix(".pt2"))
            return path.with_suffix(".pt2").name
        made = torch.jit.trace(model, x)
        record["frozen"] = how == "frozen"
        (torch.jit.freeze(made) if how == "frozen" else made).save(str(target))
        return target.name

    def quantised(dtype: Any, whole: bool, path: Path, model: Any, record: dict[str, Any],
                  rng: random.Random) -> str:  # fmt: skip
        from torch import nn
        from torch.ao.quantization import quantize_dynamic

        kinds = {nn.LSTM, nn.GRU, nn.Linear, nn.LSTMCell, nn.GRUCell, nn.RNNCell}
        made = quantize_dynamic(model, kinds, dtype=dtype)
        target = path.with_suffix(".pt")
        torch.save(made if whole else made.state_dict(), target)
        return target.name

    def meta(model: Any, *_: Any) -> Any:
        return {name: each.to("meta") for name, each in model.state_dict().items()}

    def half(model: Any, *_: Any) -> Any:
        return {name: each.bfloat16() if each.is_floating_point() else each
                for name, each in model.state_dict().items()}  # fmt: skip

    def whole(model: Any, *_: Any) -> Any:
        return model

    return {
        "state dict": partial(saved, state, ".pt", False),
        "older state dict": partial(saved, state, ".pth", True),
        "checkpoint": partial(saved, checkpoint, ".pth", False),
        "older checkpoint": partial(saved, checkpoint, ".pt", True),
        "lightning": partial(saved, lightning, ".ckpt", False),
        "DataParallel": partial(saved, partial(prefixed, "module."), ".pt", False),
        "compiled": partial(saved, partial(prefixed, "_orig_mod."), ".pt", False),
        "several models": partial(saved, several, ".pt", False),
        "whole": partial(saved, whole, ".pt", False),
        "older whole": partial(saved, whole, ".pt", True),
        "pickle": partial(dumped, "pickle"),
        "pickle of arrays": partial(dumped, "numpy"),
        "joblib": partial(dumped, "joblib"),
        "safetensors": tensors,
        "traced": partial(script, "traced"),
        "frozen": partial(script, "frozen"),
        "exported": partial(script, "exported"),
        "quantised": partial(quantised, torch.qint8, False),
        "quantised to float16": partial(quantised, torch.float16, False),
        "quantised whole": partial(quantised, torch.qint8, True),
        "meta": partial(saved, meta, ".pt", False),
        "bfloat16": partial(saved, half, ".bin", False),
    }


def _trained(model: Any, rng: random.Random) -> Any:
    """Return an optimizer of the model that has taken a step."""
    import torch

    kind = rng.choice((torch.optim.Adam, torch.optim.RMSprop, torch.optim.SGD))
    arguments = {"momentum": 0.9} if kind is torch.optim.SGD else {}
    optimizer = kind(model.parameters(), lr=0.0, **arguments)
    for each in model.parameters():
        each.grad = torch.ones_like(each)
    optimizer.step()
    return optimizer


def compare(folder: Path) -> None:
    """Print, per way of saving, how many modules and totals are as PyTorch has them."""
    record = json.loads((folder / CASES).read_text())
    counts: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(lambda: [0, 0]))
    for case in record["cases"]:
        if case["file"] is None:
            print(f"no case: {case['style']}: {case['why']}", file=sys.stderr)
            continue
        for what, (right, of) in _compared(folder / case["file"], case).items():
            for row in (case["style"], "all"):
                counts[row][what][0] += right
                counts[row][what][1] += of
    print(f"PyTorch {record['versions']['torch']}\n")
    heads = ("files", "recurrent", "others", "totals")
    print("| saved as | files read | recurrent modules | other modules | totals |")
    print("|---|---:|---:|---:|---:|")
    for row in [*(each for each in counts if each != "all"), "all"]:
        cells = (f"{counts[row][head][0]} of {counts[row][head][1]}" for head in heads)
        print(f"| {row} | {' | '.join(cells)} |")


Score = dict[str, tuple[int, int]]


def _compared(path: Path, case: dict[str, Any]) -> Score:
    """Return what is right of what there is: files, recurrent modules, others, totals."""
    from rnncli.errors import RnncliError
    from rnncli.formats import read

    modules = case["modules"]
    recurrent = [each for each in modules if each["type"] in RECURRENT]
    others = [each for each in modules if each["type"] not in RECURRENT]
    try:
        model = read(str(path))
    except RnncliError as error:
        print(f"{path.name} ({case['style']}): {error.message}", file=sys.stderr)
        return {"files": (0, 1), "recurrent": (0, len(recurrent)), "others": (0, len(others)),
                "totals": (0, 1)}  # fmt: skip
    rows = [{"name": each.name, "type": each.type, "params": each.params, "sure": not each.inferred}
            for each in model.layers if each.params]  # fmt: skip
    said = " ".join(model.warnings)
    right = [each for each in recurrent if _is_told(each, rows, case)]
    wrong = [each for each in recurrent if each not in right]
    kept = [each for each in others if _is_announced(each, rows, said, case)]
    wrong += [each for each in others if each not in kept]
    exact = model.params == case["total"] if case["exact"] else model.params >= case["total"]
    if wrong or not exact:
        print(f"{path.name} ({case['style']}): {wrong} {model.params} for {case['total']}; "
              f"{rows}", file=sys.stderr)  # fmt: skip
    return {"files": (1, 1), "recurrent": (len(right), len(recurrent)),
            "others": (len(kept), len(others)), "totals": (int(exact), 1)}  # fmt: skip


def _is_told(module: dict[str, Any], rows: list[dict[str, Any]], case: dict[str, Any]) -> bool:
    """Whether a recurrent module has its row: name, kind and count; a frozen one has no name."""
    return any(
        row["type"] == module["type"]
        and row["params"] == module["params"]
        and (case.get("frozen") or row["name"] == (module["name"] or row["name"]))
        for row in rows
    )


def _is_announced(
    module: dict[str, Any], rows: list[dict[str, Any]], said: str, case: dict[str, Any]
) -> bool:
    """Whether another module has its count, and its kind or a warning that the kind is a guess."""
    for row in rows:
        if row["name"] == module["name"] and row["params"] == module["params"]:
            guess = f"{row['name']} (" in said or "of no known kind: " in said
            linear = row["type"] == "Linear" and module["type"].endswith("Linear")
            told = row["type"] == module["type"] or linear
            return told or (guess and row["type"] not in RECURRENT)
    return False


if __name__ == "__main__":
    target = Path(sys.argv[2])
    target.mkdir(parents=True, exist_ok=True)
    {"make": make, "compare": compare}[sys.argv[1]](target)
