"""PyTorch's constructors and files on the command line."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

KINDS = Path(__file__).parents[1] / "goldens" / "torch" / "kinds"
LSTM = "nn.LSTM(32, 64, num_layers=2, bidirectional=True, batch_first=True)"


def answer(rnncli: Any, *arguments: str) -> Any:
    done = rnncli(*arguments, "--format", "json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_summary_shows_how_a_module_is_stacked(rnncli: Any) -> None:
    (row,) = answer(rnncli, "summary", "--layer", LSTM)["layers"]
    stacked = {key: row[key] for key in ("type", "num_layers", "bidirectional", "proj_size")}
    assert stacked == {"type": "LSTM", "num_layers": 2, "bidirectional": True, "proj_size": 0}
    assert row["params"] == 149_504  # torchinfo's
    text = rnncli("summary", "--layer", "nn.LSTM(3, 4, 2, proj_size=2)", "--steps", "5").stdout
    assert "lstm (LSTM, num_layers=2," in text
    assert "proj_size=2)" in text


def test_sizes_are_given_by_flags(rnncli: Any) -> None:
    def shape(*arguments: str) -> Any:
        return answer(rnncli, "summary", "--layer", *arguments)["layers"][0]["output_shapes"]

    assert shape(LSTM, "--steps", "100") == [[None, 100, 128]]
    assert shape("nn.ReLU()", "--input-size", "8", "--steps", "5") == [[None, 5, 8]]
    done = rnncli("summary", "--layer", LSTM, "--input-size", "16")
    assert (done.returncode, "input_size=32" in done.stderr) == (2, True)
    done = rnncli("summary", "--layer", LSTM, "--units", "16")
    assert (done.returncode, "--units" in done.stderr) == (2, True)


def test_cost_has_no_open_totals_where_sizes_are_known(rnncli: Any) -> None:
    stack = ("--layer", "nn.Embedding(100, 32)", "--layer", LSTM, "--layer", "nn.Linear(128, 5)")
    totals = answer(rnncli, "cost", *stack, "--steps", "10", "--batch-size", "3")["totals"]
    assert None not in totals.values()
    cells = 2 * 4 * 64 * (32 + 64) + 2 * 4 * 64 * (128 + 64)
    assert totals["macs"] == 3 * 10 * (cells + 128 * 5)


def test_forward_says_whose_weights_it_drew_or_took(rnncli: Any, tmp_path: Path) -> None:
    found = answer(rnncli, "forward", "--layer", "nn.GRU(3, 4)", "--steps", "5")
    assert found["weights"] == {"source": "random", "path": None, "init": "torch", "seed": 0}
    assert any("batch_first" in warning for warning in found["warnings"])
    shapes = {"weight_ih_l0": (12, 3), "weight_hh_l0": (12, 4), "bias_ih_l0": 12, "bias_hh_l0": 12}
    np.savez(tmp_path / "w.npz", **{f"rnn.{k}": np.ones(v) for k, v in shapes.items()})
    given = ("--weights", "w.npz", "--steps", "5")
    found = answer(rnncli, "forward", "--layer", "nn.GRU(3, 4)", *given)
    assert found["weights"]["source"] == "weights"


def test_fit_looks_for_a_size_of_a_module(rnncli: Any) -> None:
    (row,) = answer(rnncli, "fit", "--layer", "nn.LSTM(8, ?)", "--max-params", "10k")["rows"]
    assert (row["units"], row["params"]) == (45, 4 * 45 * (8 + 45 + 2))


@pytest.mark.parametrize("command", ["summary", "params", "shapes", "cost", "explain", "forward"])
def test_every_command_takes_a_stack(command: str, rnncli: Any) -> None:
    done = rnncli(command, "--layer", LSTM, "--layer", "torch.nn.Linear(128, 2)", "--steps", "3")
    assert (done.returncode, done.stderr) == (0, "")


def test_key_picks_one_of_several_models(rnncli: Any) -> None:
    file = str(KINDS / "two_models.pt")
    whole = answer(rnncli, "summary", file)
    assert any("--key picks one" in warning for warning in whole["warnings"])
    critic = answer(rnncli, "summary", file, "--key", "critic")
    assert [row["name"] for row in critic["layers"]] == ["0", "1"]
    rows = [row for row in whole["layers"] if row["name"].startswith("critic.")]
    assert sum(row["params"] for row in rows) == critic["totals"]["params"]
    done = rnncli("summary", file, "--key", "critik")
    assert (done.returncode, "did you mean critic?" in done.stderr) == (2, True)


def test_buffers_stand_apart_from_parameters(rnncli: Any) -> None:
    """Of a norm of 3 channels: two statistics and a count."""
    totals = answer(rnncli, "summary", str(KINDS / "dumped.pkl"))["totals"]
    assert (totals["buffers"], totals["non_trainable"]) == (7, 0)


def test_one_shard_does_not_pass_for_the_model(rnncli: Any) -> None:
    shard = str(KINDS / "sharded" / "model-00002-of-00003.safetensors")
    done = rnncli("check", shard, "--max-params", "1M")
    assert done.returncode == 1
    assert "shard 2 of 3" in done.stderr
    done = rnncli("check", str(KINDS / "sharded"), "--max-params", "1M", "--no-nan")
    assert done.returncode == 0
