"""Write PyTorch files of the rarer kinds, and what PyTorch itself says of each.

Run where torch, safetensors and joblib are: `python tests/goldens/make_torch_kinds.py`.
"""

import copy
import json
import os
import pickle
import shutil
import warnings
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import safetensors.torch
import torch
import torch.nn.utils.parametrizations as parametrize
from torch import nn
from torch.ao.quantization import quantize_dynamic
from torch.nn.utils import prune, spectral_norm, weight_norm

HERE = Path(__file__).parent / "torch" / "kinds"
RECORDS: list[dict[str, Any]] = []
ARRAYS: dict[str, np.ndarray] = {}


class Small(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.emb = nn.Embedding(11, 4)
        self.lstm = nn.LSTM(4, 5, num_layers=2, bidirectional=True, batch_first=True)
        self.gru = nn.GRU(10, 3, batch_first=True)
        self.norm = nn.BatchNorm1d(3)
        self.fc = nn.Linear(3, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.gru(self.lstm(self.emb(x))[0])[0]
        return self.fc(self.norm(y.transpose(1, 2)).transpose(1, 2))


class Initial(nn.LSTM):
    """An LSTM that learns the states it begins with."""

    def __init__(self, size: int, units: int) -> None:
        super().__init__(size, units)
        self.h0 = nn.Parameter(torch.zeros(1, 1, units))
        self.c0 = nn.Parameter(torch.zeros(1, 1, units))


class Dropped(nn.Module):
    """AWD-LSTM's way to keep a weight that dropout is applied to."""

    def __init__(self, module: nn.LSTM) -> None:
        super().__init__()
        self.module = module
        weight = module.weight_hh_l0
        del module._parameters["weight_hh_l0"]
        self.weight_hh_l0_raw = nn.Parameter(weight.data)


class Learner:
    """An object of a user's own that has a model, and an optimizer."""


class Karpathy(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        for name, shape in {
            "Wxh": (3, 4),
            "Whh": (4, 4),
            "Why": (4, 2),
            "bh": (4,),
            "by": (2,),
        }.items():
            setattr(self, name, nn.Parameter(torch.randn(shape)))


class Gates(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        for gate in "ifgo":
            setattr(self, f"W_i{gate}", nn.Parameter(torch.randn(3, 4)))
            setattr(self, f"W_h{gate}", nn.Parameter(torch.randn(4, 4)))
            setattr(self, f"b_{gate}", nn.Parameter(torch.randn(4)))


class Space(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        for name, shape in {"log_dt": (4,), "U": (3, 16), "V": (4, 16)}.items():
            setattr(self, name, nn.Parameter(torch.randn(shape)))


class Lookalikes(nn.Module):
    """Modules whose tensors look like those of others."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Embedding(9, 4)
        self.group = nn.GroupNorm(1, 6)
        self.rms = nn.RMSNorm(6)
        self.scale = nn.RMSNorm(5)
        self.act = nn.PReLU(3)
        self.turned = nn.ConvTranspose1d(3, 5, 2)
        self.planes = nn.LayerNorm((4, 12))
        self.image = nn.Conv2d(3, 4, 3)
        self.bn = nn.BatchNorm1d(4)
        self.attention = nn.MultiheadAttention(4, 2)
        self.cell = nn.LSTMCell(3, 2)


def params(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def rows(module: nn.Module, prefix: str = "") -> dict[str, tuple[str, int]]:
    """Return the kind and count of each module with parameters; a wrapped weight's are its own."""
    found = {}
    for name, each in module.named_modules():
        wrapped = hasattr(each, "parametrizations")
        own = sum(p.numel() for p in each.parameters(recurse=wrapped))
        if own and "parametrizations" not in name and not name.endswith("out_proj"):
            kind = type(each).__name__.removeprefix("Parametrized")
            found[prefix + name] = (kind, own)
    return found


def record(file: str, total: int, kinds: dict[str, tuple[str, int]] | None = None,
           buffers: int = 0, says: tuple[str, ...] = (), **more: Any) -> None:  # fmt: skip
    """Keep what PyTorch says of a file: counts, kinds by module, and what must be warned of."""
    RECORDS.append({"file": file, "total": total, "kinds": kinds or {}, "buffers": buffers,
                    "says": says, **more})  # fmt: skip


def ran(file: str, name: str, module: nn.Module, dtype: torch.dtype = torch.float32) -> None:
    """Run a recurrent module on seeded input, batch first, and keep both."""
    x = torch.randn(2, 6, module.input_size, dtype=dtype)
    given = x if module.batch_first else x.transpose(0, 1)
    y = module(given)[0]
    y = y if module.batch_first else y.transpose(0, 1)
    ARRAYS[f"{file}/{name}/x"] = x.float().numpy()
    ARRAYS[f"{file}/{name}/y"] = y.detach().float().numpy()


def buffers_of(module: nn.Module) -> int:
    return sum(b.numel() for b in module.buffers())


def checkpoints(model: Small) -> None:
    """Optimizers under any key, several models, what frameworks put beside."""
    adam = torch.optim.Adam(model.parameters())
    for each in model.parameters():
        each.grad = torch.zeros_like(each)
    adam.step()
    total, kept = params(model), buffers_of(model)
    tiny = nn.ModuleDict({"gru": nn.GRU(2, 2)})
    of_tiny = torch.optim.SGD(tiny.parameters(), momentum=0.9)
    for each in tiny.parameters():
        each.grad = torch.zeros_like(each)
    of_tiny.step()
    for key, of, its in (("en_opt", model, adam), ("optG", tiny, of_tiny), ("o", tiny, of_tiny)):
        state = {"model": of.state_dict(), key: its.state_dict(), "epoch": 1}
        torch.save(state, HERE / f"optimizer_{key}.pt")
        record(f"optimizer_{key}.pt", params(of), rows(of), buffers_of(of))
    lightning = {
        "epoch": 1, "global_step": 4, "pytorch-lightning_version": "2.4.0", "loops": {},
        "state_dict": {f"net.{k}": v for k, v in model.state_dict().items()},
        "callbacks": {"best": {"score": torch.tensor(0.5)}}, "lr_schedulers": [],
        "optimizer_states": [adam.state_dict()],
        "hyper_parameters": {"class_weights": torch.ones(3)},
    }  # fmt: skip
    torch.save(lightning, HERE / "lightning.ckpt")
    record("lightning.ckpt", total, rows(model, "net."), kept)
    learner = Learner()
    learner.model, learner.opt, learner.epochs = tiny, of_tiny, 3
    torch.save(learner, HERE / "learner.pt")
    record("learner.pt", params(tiny), rows(tiny))
    states = [tiny.state_dict(), nn.ModuleDict({"rnn": nn.RNN(2, 3)}).state_dict()]
    torch.save(states, HERE / "list.pt")
    record("list.pt", params(tiny) + 21, {"0.gru": ("GRU", params(tiny)), "1.rnn": ("RNN", 21)},
           says=("2 models",))  # fmt: skip
    beside = {"state_dict": tiny.state_dict(), "mean": torch.zeros(3), "vectors": torch.zeros(9, 2)}
    torch.save(beside, HERE / "beside.pt")
    record("beside.pt", params(tiny), rows(tiny), says=("not counted: mean, vectors",))
    critic = nn.Sequential(nn.Linear(3, 4), nn.GRU(4, 2))
    two = {"generator": model.state_dict(), "critic": critic.state_dict(), "g": adam.state_dict()}
    torch.save(two, HERE / "two_models.pt")
    record(
        "two_models.pt",
        total + params(critic),
        {**rows(model, "generator."), **rows(critic, "critic.")},
        kept,
        ("2 models", "--key"),
    )
    record("two_models.pt", params(critic), rows(critic), 0, key="critic")
    ema = copy.deepcopy(model.state_dict())
    torch.save({"model": model.state_dict(), "ema": ema}, HERE / "ema.pt")
    record("ema.pt", 2 * total, {**rows(model, "model."), **rows(model, "ema.")}, 2 * kept,
           ("model, ema",))  # fmt: skip


def pickles(model: Small) -> None:
    """State dicts in Python's own pickles, and in joblib's."""
    kinds, total, kept = rows(model), params(model), buffers_of(model)
    with open(HERE / "dumped.pkl", "wb") as file:
        pickle.dump(model.state_dict(), file)
    record("dumped.pkl", total, kinds, kept)
    ran("dumped.pkl", "lstm", model.lstm)
    with open(HERE / "arrays.pkl", "wb") as file:
        pickle.dump({k: v.numpy() for k, v in model.state_dict().items()}, file)
    record("arrays.pkl", total, kinds, kept)
    ran("arrays.pkl", "gru", model.gru)
    joblib.dump(model.state_dict(), HERE / "dumped.joblib")
    record("dumped.joblib", total, kinds, kept)
    joblib.dump(model.state_dict(), HERE / "packed.joblib", compress=3)
    record("packed.joblib", total, kinds, kept)
    ran("packed.joblib", "gru", model.gru)


def wrapped() -> None:
    """Weights in other forms than their own."""
    for name, wrap in {
        "weight_norm_old": lambda m: (weight_norm(m.fc), weight_norm(m.gru, "weight_hh_l0")),
        "weight_norm": lambda m: (
            parametrize.weight_norm(m.fc), parametrize.weight_norm(m.gru, "weight_hh_l0")),
        "spectral": lambda m: (spectral_norm(m.fc), spectral_norm(m.gru, "weight_hh_l0")),
        "orthogonal": lambda m: parametrize.orthogonal(m.gru, "weight_hh_l0"),
        "pruned": lambda m: prune.random_unstructured(m.gru, "weight_ih_l0", 0.5),
    }.items():  # fmt: skip
        model = Small()
        wrap(model)
        torch.save(model.state_dict(), HERE / f"{name}.pt")
        record(f"{name}.pt", params(model), rows(model), buffers_of(model))
        if name.startswith("weight_norm") or name == "pruned":
            model(torch.zeros(1, 2, dtype=torch.long))
            ran(f"{name}.pt", "gru", model.gru)
    own = nn.ModuleDict({"learnt": Initial(3, 4), "awd": Dropped(nn.LSTM(3, 4))})
    torch.save(own.state_dict(), HERE / "own.pt")
    record("own.pt", params(own), {"learnt": ("LSTM", params(own["learnt"])),
                                   "awd.module": ("LSTM", params(own["awd"]))})  # fmt: skip


def handwritten() -> None:
    for name, module in {"karpathy": Karpathy(), "gates": Gates(), "space": Space()}.items():
        torch.save(module.state_dict(), HERE / f"{name}.pt")
        record(
            f"{name}.pt", params(module), {"root": ("?", params(module))}, says=("no known kind",)
        )


def shared() -> None:
    """One storage under several names, and values that repeat."""
    model = nn.ModuleDict({"left": nn.LSTM(3, 4), "fc": nn.Linear(4, 3)})
    model["right"] = model["left"]
    torch.save(model.state_dict(), HERE / "twice.pt")
    record("twice.pt", params(model), {"left": ("LSTM", 144), "fc": ("Linear", 15)},
           says=("right is left again",))  # fmt: skip
    weight = torch.randn(5, 4)
    views = {"enc.weight": weight, "dec.weight": weight.t(), "part.weight": weight[1:3]}
    torch.save(views, HERE / "views.pt")
    record(
        "views.pt",
        weight.numel(),
        {"enc": ("Linear", 20)},
        says=("dec.weight is enc.weight again",),
    )
    torch.save({"fc.weight": torch.zeros(1).expand(1_000_000, 1_000)}, HERE / "expanded.pt")
    record("expanded.pt", 1_000_000_000)


def unusual(model: Small) -> None:
    """Tensors that are not plain ones on the CPU."""
    kinds, total, kept = rows(model), params(model), buffers_of(model)
    torch.save({k: v.to("meta") for k, v in model.state_dict().items()}, HERE / "meta.pt")
    record("meta.pt", total, kinds, kept, ("meta device",))
    state = model.state_dict()
    state["emb.weight"] = state["emb.weight"].to_sparse()
    torch.save(state, HERE / "sparse.pt")
    record("sparse.pt", total, kinds, kept, ("emb.weight", "sparse"))
    os.environ |= {
        "MASTER_ADDR": "localhost",
        "MASTER_PORT": "29531",
        "RANK": "0",
        "WORLD_SIZE": "1",
    }
    torch.distributed.init_process_group("gloo")
    mesh = torch.distributed.device_mesh.init_device_mesh("cpu", (1,))
    whole = copy.deepcopy(model)
    torch.distributed.fsdp.fully_shard(whole, mesh=mesh)
    torch.save(whole.state_dict(), HERE / "fsdp2.pt")
    torch.distributed.destroy_process_group()
    record("fsdp2.pt", total, kinds, kept)
    ran("fsdp2.pt", "lstm", model.lstm)
    numbers = nn.LSTM(3, 4, dtype=torch.complex64)
    torch.save(numbers.state_dict(), HERE / "complex.pt")
    record("complex.pt", params(numbers), {"lstm": ("LSTM", params(numbers))})
    looks = Lookalikes()
    torch.save(looks.state_dict(), HERE / "lookalikes.pt")
    record(
        "lookalikes.pt", params(looks), rows(looks), buffers_of(looks), ("ambiguous",), guesses=True
    )
    torch.save(looks, HERE / "lookalikes_whole.pt")
    record("lookalikes_whole.pt", params(looks), rows(looks), buffers_of(looks))


def compiled(model: Small) -> None:
    """TorchScript, frozen and quantised; an exported program."""
    model = copy.deepcopy(model).eval()
    kinds, total = rows(model), params(model)
    x = torch.zeros(2, 3, dtype=torch.long)
    script = torch.jit.script(model)
    script.save(str(HERE / "script.pt"))
    record("script.pt", total, kinds, buffers_of(model))
    torch.jit.freeze(script).save(str(HERE / "frozen.pt"))
    record("frozen.pt", total, {name: kinds[name] for name in ("lstm", "gru")}, 6)
    ran("frozen.pt", "lstm", model.lstm)
    torch.export.save(torch.export.export(model, (x,)), HERE / "exported.pt2")
    record("exported.pt2", total, kinds, buffers_of(model))
    ran("exported.pt2", "gru", model.gru)
    packed = quantize_dynamic(model, {nn.LSTM, nn.GRU, nn.Linear}, dtype=torch.qint8)
    torch.save(packed.state_dict(), HERE / "quantised.pt")
    record("quantised.pt", total, kinds, buffers_of(model) + 2, ("quantised to int8",))
    torch.save(packed, HERE / "quantised_whole.pt")
    record("quantised_whole.pt", total, kinds, buffers_of(model), ("quantised to int8",))
    torch.jit.trace(packed, x).save(str(HERE / "quantised_script.pt"))
    record("quantised_script.pt", total, kinds, buffers_of(model), ("quantised to int8",))
    half = quantize_dynamic(model, {nn.LSTM, nn.GRU, nn.Linear}, dtype=torch.float16)
    torch.save(half.state_dict(), HERE / "quantised_half.pt")
    record("quantised_half.pt", total, kinds, buffers_of(model) + 2)


def folders(model: Small) -> None:
    """Hugging Face's folders, whole and in shards; floats of 16 and 8 bits."""
    kinds, total, kept = rows(model), params(model), buffers_of(model)
    config = {"architectures": ["Small"], "model_type": "small", "transformers_version": "4.46.0"}
    state = {k: v.contiguous() for k, v in model.state_dict().items()}
    for folder in ("folder", "sharded", "sharded_bin"):
        (HERE / folder).mkdir()
        (HERE / folder / "config.json").write_text(json.dumps(config))
    safetensors.torch.save_file(state, HERE / "folder" / "model.safetensors", {"format": "pt"})
    record("folder", total, kinds, kept)
    names = list(state)
    parts = [names[:7], names[7:15], names[15:]]
    for folder, end, save in (("sharded", "safetensors", safetensors.torch.save_file),
                              ("sharded_bin", "bin", torch.save)):  # fmt: skip
        stem = "model" if end == "safetensors" else "pytorch_model"
        listed = {}
        for number, part in enumerate(parts, 1):
            name = f"{stem}-{number:05}-of-00003.{end}"
            save({key: state[key] for key in part}, HERE / folder / name)
            listed |= dict.fromkeys(part, name)
        index = {"metadata": {"total_size": 0}, "weight_map": listed}
        (HERE / folder / f"{stem}.{end}.index.json").write_text(json.dumps(index))
        record(folder, total, kinds, kept)
        ran(folder, "lstm", model.lstm)
        record(f"{folder}/{stem}.{end}.index.json", total, kinds, kept)
        one = f"{folder}/{stem}-00002-of-00003.{end}"
        record(
            one, sum(state[key].numel() for key in parts[1]), says=("shard 2 of 3",), partial=True
        )
    brief = nn.LSTM(3, 4, batch_first=True).bfloat16()
    safetensors.torch.save_file(brief.state_dict(), HERE / "bfloat16.safetensors")
    record("bfloat16.safetensors", params(brief), {"lstm": ("LSTM", params(brief))})
    ran("bfloat16.safetensors", "lstm", brief.float())
    for kind in (torch.float8_e4m3fn, torch.float8_e5m2):
        name = str(kind).partition(".")[2]
        eight = {k: v.to(kind) for k, v in nn.GRU(3, 4, batch_first=True).state_dict().items()}
        safetensors.torch.save_file(eight, HERE / f"{name}.safetensors")
        torch.save(eight, HERE / f"{name}.pt")
        back = nn.GRU(3, 4, batch_first=True)
        back.load_state_dict({k: v.float() for k, v in eight.items()})
        for end in ("safetensors", "pt"):
            record(f"{name}.{end}", params(back), {"gru": ("GRU", params(back))})
            ran(f"{name}.{end}", "gru", back)
    codes = torch.arange(256, dtype=torch.uint8)
    for kind in ("float8_e4m3fn", "float8_e5m2", "float8_e8m0fnu"):
        ARRAYS[f"codes/{kind}"] = codes.view(getattr(torch, kind)).float().numpy()


def nested() -> None:
    """Models each with its own optimizer, which may come first, and modules without sizes yet."""
    one, other = nn.ModuleDict({"gru": nn.GRU(2, 3)}), nn.Sequential(nn.Linear(3, 4))
    kept = []
    for module in (one, other):
        adam = torch.optim.Adam(module.parameters())
        for each in module.parameters():
            each.grad = torch.zeros_like(each)
        adam.step()
        kept.append({"adam": adam.state_dict(), "weights": module.state_dict()})
    torch.save({"run": {"actor": kept[0], "critic": kept[1]}}, HERE / "nested.pt")
    kinds = {**rows(one, "run.actor."), **rows(other, "run.critic.")}
    record("nested.pt", params(one) + params(other), kinds, says=("run.actor, run.critic; --key",))
    record("nested.pt", params(other), rows(other), key="run.critic")
    torch.save({"checkpoint": kept[0]}, HERE / "optimizer_first.pt")
    record("optimizer_first.pt", params(one), rows(one))
    torch.save([kept[0], kept[1]], HERE / "listed.pt")
    record("listed.pt", params(other), rows(other), key="1")
    lazy = nn.Sequential(nn.LazyLinear(4), nn.Linear(4, 2))
    torch.save(lazy.state_dict(), HERE / "lazy.pt")
    record("lazy.pt", 10, says=("0.weight: a lazy module",), partial=True)


def main() -> None:
    warnings.filterwarnings("ignore")
    torch.manual_seed(1)
    shutil.rmtree(HERE, ignore_errors=True)
    HERE.mkdir(parents=True)
    model = Small()
    for each in model.parameters():
        nn.init.normal_(each, std=0.5)
    for make in (checkpoints, pickles, unusual, compiled, folders):
        make(model)
    for make_own in (wrapped, handwritten, shared, nested):
        make_own()
    versions = {"torch": torch.__version__, "safetensors": safetensors.__version__,
                "joblib": joblib.__version__, "numpy": np.__version__}  # fmt: skip
    (HERE / "files.json").write_text(json.dumps({"versions": versions, "files": RECORDS}) + "\n")
    np.savez_compressed(HERE / "values.npz", **ARRAYS)


if __name__ == "__main__":
    main()
