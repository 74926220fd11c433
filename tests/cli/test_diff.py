"""`rnncli diff`: what differs between two models, of one framework or of two."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from files import safetensors

GOLDENS = Path(__file__).parents[1] / "goldens"
PAIRS, K3 = GOLDENS / "pairs", GOLDENS / "keras/k3"


def diff(rnncli: Any, *arguments: Any, code: int) -> dict[str, Any]:
    done = rnncli("diff", *map(str, arguments), "--format", "json")
    assert done.returncode == code, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def edited(path: Path, out: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    """Write a `.keras` file whose config is changed."""
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            if name == "config.json":
                config = json.loads(data)
                change(config)
                data = json.dumps(config).encode()
            new.writestr(name, data)
    return out


def layer(config: dict[str, Any], index: int) -> dict[str, Any]:
    found: dict[str, Any] = config["config"]["layers"][index]["config"]
    return found


@pytest.mark.parametrize("name", ["rnn", "lstm", "gru"])
def test_a_module_and_the_model_made_of_it_are_the_same(rnncli: Any, name: str) -> None:
    one, other = PAIRS / f"{name}.keras", PAIRS / f"{name}.pt"
    for pair in ((one, other), (other, one)):
        found = diff(rnncli, *pair, "--values", "--tolerance", "1e-6", code=0)
        assert found["same"] is True
        assert found["layers"] == []
        assert all(row["max"] <= 1e-6 for row in found["weights"])
        assert len(found["weights"]) == (11 if name == "rnn" else 17)


def test_biases_that_are_summed_are_said_to_be(rnncli: Any) -> None:
    done = rnncli("diff", str(PAIRS / "lstm.keras"), str(PAIRS / "lstm.pt"), "--verbose")
    assert (done.returncode, done.stdout) == (0, "")
    assert "stores two biases, which are added" in done.stderr
    done = rnncli("diff", str(PAIRS / "gru.keras"), str(PAIRS / "gru.pt"), "--verbose")
    assert "two biases" not in done.stderr


@pytest.mark.parametrize("gate", range(4))
def test_gates_in_another_order_differ(rnncli: Any, tmp_path: Path, gate: int) -> None:
    import h5py

    source = K3 / "lstm_stack.h5"
    path = tmp_path / "moved.h5"
    shutil.copy(source, path)
    with h5py.File(path, "r+") as file:
        names: list[str] = []
        file.visit(names.append)
        kernel = next(each for each in names if each.endswith("recurrent_kernel"))
        units = file[kernel].shape[0]
        columns = slice(gate * units, (gate + 1) * units)
        values = file[kernel][...]
        before = values[:, columns].copy()
        values[:, columns] += 0.5
        file[kernel][...] = values
    found = diff(rnncli, source, path, "--gates", code=1)
    (row,) = [row for row in found["weights"] if not row["same"]]
    assert row["name"].endswith(f"recurrent_kernel[{'ifco'[gate]}]")
    after = values[:, columns]
    apart = np.abs(after.astype("float64") - before)
    assert row["max"] == apart.max()
    assert row["mean"] == pytest.approx(apart.mean(), rel=1e-9)
    norm = np.linalg.norm(apart) / np.linalg.norm(before.astype("float64"))
    assert row["relative"] == pytest.approx(norm, rel=1e-9)
    assert diff(rnncli, source, path, code=0)["weights"] == []
    assert diff(rnncli, source, path, "--tolerance", "0.6", code=0)["same"] is True
    assert diff(rnncli, source, path, "--tolerance", "0.4", code=1)["same"] is False


@pytest.mark.parametrize(
    "other", ["k30/functional.h5", "tf215/functional.keras", "k3/functional.h5"]
)
def test_other_versions_and_formats_of_one_model(rnncli: Any, other: str) -> None:
    done = rnncli("diff", str(K3 / "functional.keras"), str(GOLDENS / "keras" / other))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_hard_sigmoid_is_another_function_in_keras_2(rnncli: Any) -> None:
    other = GOLDENS / "keras/tf215/lstm_stack.h5"
    (change,) = diff(rnncli, K3 / "lstm_stack.keras", other, code=1)["layers"]
    assert change["a"] == {"recurrent_activation": "hard_sigmoid"}


CHANGES: dict[str, tuple[Callable[[dict[str, Any]], None], dict[str, Any]]] = {
    "argument": (lambda c: layer(c, 1).update(activation="relu"), {"activation": ("tanh", "relu")}),
    "shape": (lambda c: layer(c, 2).update(return_sequences=True),
              {"return_sequences": (False, True)}),
    "trainable": (lambda c: layer(c, 1).update(trainable=False), {"trainable params": (96, 0)}),
    "initializer": (lambda c: layer(c, 1).update(bias_initializer="ones"),
                    {"bias_initializer": ("zeros", "ones")}),
}  # fmt: skip


@pytest.mark.parametrize("what", CHANGES)
def test_what_has_changed(rnncli: Any, tmp_path: Path, what: str) -> None:
    change, expected = CHANGES[what]
    path = edited(K3 / "lstm_stack.keras", tmp_path / "b.keras", change)
    found = diff(rnncli, K3 / "lstm_stack.keras", path, code=1)
    changed = [each for each in found["layers"] if each["change"] == "changed"]
    for key, (before, after) in expected.items():
        assert any(each["a"].get(key) == before and each["b"].get(key) == after
                   for each in changed)  # fmt: skip


def test_units_inputs_and_wiring(rnncli: Any, tmp_path: Path) -> None:
    def narrow(config: dict[str, Any]) -> None:
        layer(config, 2)["units"] = 5

    path = edited(K3 / "lstm_stack.keras", tmp_path / "b.keras", narrow)
    found = diff(rnncli, K3 / "lstm_stack.keras", path, code=1)
    (change,) = found["layers"]
    assert change["a"]["units"] == 2
    assert change["b"]["units"] == 5
    assert change["b"]["recurrent_kernel shape"] == [5, 20]
    assert (change["a"]["params"], change["b"]["params"]) == (48, 180)

    def crossed(config: dict[str, Any]) -> None:
        nodes = json.dumps(config["config"]["layers"])
        swapped = nodes.replace('"left", 0, 0', '"?", 0, 0').replace(
            '"right", 0, 0', '"left", 0, 0').replace('"?", 0, 0', '"right", 0, 0')  # fmt: skip
        assert swapped != nodes
        config["config"]["layers"] = json.loads(swapped)

    path = edited(K3 / "functional.keras", tmp_path / "c.keras", crossed)
    found = diff(rnncli, K3 / "functional.keras", path, code=1)
    assert any("inputs" in each["a"] for each in found["layers"])


def test_layers_added_and_removed(rnncli: Any, tmp_path: Path) -> None:
    path = edited(K3 / "lstm_stack.keras", tmp_path / "b.keras",
                  lambda c: c["config"]["layers"].pop())  # fmt: skip
    for pair, change in (((K3 / "lstm_stack.keras", path), "removed"),
                         ((path, K3 / "lstm_stack.keras"), "added")):  # fmt: skip
        (found,) = diff(rnncli, *pair, code=1)["layers"]
        assert (found["name"], found["change"]) == ("lstm_1", change)
        told = found["a"] or found["b"]
        assert (told["type"], told["params"]) == ("LSTM", 48)


def test_layers_numbered_anew_are_paired_by_order(rnncli: Any, tmp_path: Path) -> None:
    def renamed(config: dict[str, Any]) -> None:
        text = json.dumps(config).replace('"lstm_1"', '"lstm_2"').replace('"lstm"', '"lstm_1"')
        config.clear()
        config.update(json.loads(text))

    path = edited(K3 / "lstm_stack.keras", tmp_path / "b.keras", renamed)
    found = diff(rnncli, K3 / "lstm_stack.keras", path, "--values", code=0)
    assert len(found["weights"]) == 6


def test_nan_in_one_place_is_a_difference(rnncli: Any, tmp_path: Path) -> None:
    one = np.arange(6, dtype="float32").reshape(2, 3)
    bad = one.copy()
    bad[0, 0] = np.nan
    paths = [safetensors(tmp_path / f"{n}.safetensors", {"fc.weight": each})
             for n, each in enumerate((one, bad))]  # fmt: skip
    (row,) = diff(rnncli, *paths, "--values", code=1)["weights"]
    assert (row["max"], row["same"]) == (None, False)
    (row,) = diff(rnncli, paths[1], paths[1], "--values", code=0)["weights"]
    assert (row["max"], row["same"]) == (0, True)


def test_trouble_is_another_exit_code_than_a_difference(rnncli: Any, tmp_path: Path) -> None:
    path = str(K3 / "lstm_stack.keras")
    for line, words in (
        ((path, "none.keras"), "No such file"),
        ((path,), "missing argument"),
        ((path, path, "--tolerance", "-1"), "--tolerance"),
        ((path, str(K3 / "lstm_stack.json"), "--values"), "no weights"),
    ):
        done = rnncli("diff", *line)
        assert (done.returncode, done.stdout) == (2, "")
        assert words in done.stderr


def call(config: dict[str, Any], name: str) -> dict[str, Any]:
    nodes = config["config"]["layers"]
    found: dict[str, Any] = next(each for each in nodes if each["name"] == name)["inbound_nodes"][0]
    return found


@pytest.mark.parametrize(
    ("name", "change", "what"),
    [
        (
            "multiply",
            lambda node: node["args"][0][1]["config"]["value"][0][0].__setitem__(0, 10**400),
            {"call argument 1"},
        ),
        ("add", lambda node: node["args"][0][1]["config"]["value"][0][0].__setitem__(0, 0.5),
         {"call argument 1"}),
        ("lstm_2", lambda node: node["kwargs"].update(mask=None), {"call mask"}),
        ("multi_head_attention",
         lambda node: node["kwargs"].update(use_causal_mask=True), {"call use_causal_mask"}),
        ("dense", lambda node: node["kwargs"].update(training=True), {"call training"}),
        ("concatenate_1",
         lambda node: node["args"][0][1]["config"]["value"][0][0].__setitem__(0, 0.5), {"call"}),
    ],
)  # fmt: skip
def test_what_a_call_is_given_counts(
    rnncli: Any, tmp_path: Path, name: str,
    change: Callable[[dict[str, Any]], None], what: set[str],
) -> None:  # fmt: skip
    with zipfile.ZipFile(GOLDENS / "constants.zip") as archive:
        path = Path(archive.extract("arrays.keras", tmp_path))
    other = edited(path, tmp_path / "b.keras", lambda config: change(call(config, name)))
    assert diff(rnncli, path, path, code=0)["same"] is True
    (found,) = diff(rnncli, path, other, code=1)["layers"]
    assert (found["name"], set(found["a"])) == (name, what)


def test_a_model_that_is_not_wholly_known_is_not_called_the_same(
    rnncli: Any, tmp_path: Path
) -> None:
    text = (K3 / "lstm_stack.json").read_text().replace('"LSTM"', '"Mine"')
    path = tmp_path / "b.json"
    path.write_text(text)
    done = rnncli("diff", str(path), str(path))
    assert (done.returncode, done.stdout) == (2, "")
    assert "nothing differs, but not all of both models is known" in done.stderr


def test_markdown_and_table(rnncli: Any) -> None:
    line = ("diff", str(K3 / "lstm_stack.keras"), str(K3 / "gru_stack.keras"))
    assert "| lstm | removed | LSTM, 96 params |  |" in rnncli(
        *line, "--format", "markdown").stdout  # fmt: skip
    assert "│ gru" in rnncli(*line).stdout


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_git_shows_what_changed_in_a_model(tmp_path: Path) -> None:
    import readme

    block = next(each for each in readme.blocks("sh") if "textconv" in each)
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
                   "GIT_CONFIG_GLOBAL": "/dev/null", "PYTHONIOENCODING": "utf-8"}  # fmt: skip

    def run(line: str) -> str:
        return subprocess.run(line, shell=True, cwd=tmp_path, env=environment, check=True,
                              capture_output=True, encoding="utf-8").stdout  # fmt: skip

    run("git init -q . && git config user.email a@b.c && git config user.name n")
    run(block)
    shutil.copy(K3 / "lstm_stack.keras", tmp_path / "model.keras")
    run("git add -A && git commit -qm one")
    shutil.copy(K3 / "gru_stack.keras", tmp_path / "model.keras")
    text = run("git diff")
    assert "-│ lstm (LSTM)" in text
    assert "+│ gru (GRU)" in text
    assert "Binary files" not in text


def test_infinite_values_in_both_are_no_difference() -> None:
    from rnncli.weights.compared import distances

    one = np.array([np.inf, -np.inf, 1], np.float32)
    (same,) = distances(one, one.copy())
    assert (same.max, same.mean) == (0, 0)


def test_a_policy_without_a_name_says_nothing(rnncli: Any, tmp_path: Path) -> None:
    def unnamed(config: dict[str, Any]) -> None:
        layer(config, 1)["dtype"] = {"class_name": "DTypePolicy"}

    path = edited(K3 / "lstm_stack.keras", tmp_path / "b.keras", unnamed)
    assert diff(rnncli, str(K3 / "lstm_stack.keras"), str(path), code=0)["same"]


def test_complex_values_differ_in_both_parts() -> None:
    from rnncli.weights.compared import distances

    one = np.array([1 + 2j, 3 - 4j], np.complex64)
    (same,), (apart,) = distances(one, one.copy()), distances(one, one + np.complex64(3j))
    assert (same.max, apart.max, apart.mean) == (0, 3, 3)
