"""An answer is whole, or says that it is not: in the table, in JSON, in the exit code."""

import json
from pathlib import Path
from typing import Any

import pytest

LAYERS = [
    {"class_name": "InputLayer", "config": {"name": "i", "batch_shape": [None, 5, 3]}},
    {"class_name": "LSTM", "config": {"name": "l", "units": 4, "return_sequences": True}},
    {"class_name": "Mine", "config": {"name": "x"}},  # 4 * 4 * (3 + 4 + 1) = 128 are before it
    {"class_name": "Dense", "config": {"name": "d", "units": 2}},
]
LIMITS = (
    "--max-params",
    "1k",
    "--max-bytes",
    "1MB",
    "--max-macs",
    "1M",
    "--output-shape",
    "None,2",
)


@pytest.fixture
def partial(tmp_path: Path) -> str:
    """Return a file of a layer that rnncli does not know, and of one after it."""
    model = {"class_name": "Sequential", "config": {"name": "m", "layers": LAYERS}}
    (tmp_path / "model.json").write_text(json.dumps(model))
    return "model.json"


@pytest.mark.parametrize(
    ("command", "totals"),
    [
        (("summary",), ["Total params: at least 128 (2 layers unknown) (512.00 B)",
                        "Trainable params: at least 128 (2 layers unknown) (512.00 B)"]),
        (("summary", "--format", "classic"), ["Total params: at least 128 (2 layers unknown)"]),
        (("summary", "--format", "markdown"), ["- Total params: at least 128 (2 layers unknown)"]),
        (("summary", "--expand-nested"), ["Total params: at least 128 (2 layers unknown)"]),
        (("params",), ["Total params: at least 128 (2 layers unknown)", "│ x (Mine)"]),
        (("cost",), ["MACs: at least 560 (2 layers unknown)",
                     "Weights in float32: at least 512.00 B (2 layers unknown)",
                     "Outputs: at least 80.00 B (2 layers unknown)"]),
        (("summary", "model.json"), ["at least 128 (2 layers unknown)"]),
    ],
)  # fmt: skip
def test_tables_say_what_totals_leave_out(
    rnncli: Any, partial: str, command: tuple[str, ...], totals: list[str]
) -> None:
    done = rnncli(*command, partial)
    assert done.returncode == 0
    for total in totals:
        assert total in done.stdout


@pytest.mark.parametrize("command", ["summary", "params", "cost"])
def test_json_says_that_totals_leave_something_out(rnncli: Any, partial: str, command: str) -> None:
    assert json.loads(rnncli(command, partial, "--format", "json").stdout)["totals"][
        "complete"
    ] is False  # fmt: skip
    whole = json.loads(rnncli(command, "--cell", "lstm", "--format", "json").stdout)
    assert whole["totals"]["complete"] is True


def test_check_fails_on_what_is_left_out(rnncli: Any, partial: str) -> None:
    done = rnncli("check", partial, *LIMITS)
    assert done.returncode == 1
    assert done.stdout.count("unknown │") == 4
    assert "at least 128 (2 layers unknown)" in done.stdout
    found = json.loads(rnncli("check", partial, *LIMITS, "--format", "json").stdout)
    assert [each["ok"] for each in found["checks"]] == [None] * 4
    assert [each["actual"] for each in found["checks"]] == [None] * 4
    assert [each.get("at_least") for each in found["checks"]] == [128, 512, None, None]
    csv = rnncli("check", partial, "--max-params", "1k", "--format", "csv").stdout
    assert csv.splitlines()[1] == "model.json,max_params,1000,,unknown"


@pytest.mark.parametrize(
    "command",
    [("summary",), ("params",), ("shapes",), ("cost",), ("explain",), ("check", *LIMITS),
     ("forward", "--until", "l", "--init", "keras"), ("summary", "model.json")],
)  # fmt: skip
def test_json_repeats_the_warnings_of_stderr(
    rnncli: Any, partial: str, command: tuple[str, ...]
) -> None:
    done = rnncli(*command, partial, "--format", "json")
    told = [
        line.removeprefix("warning: ")
        for line in done.stderr.splitlines()
        if line.startswith("warning: ")
    ]
    objects = done.stdout.splitlines() if command[1:] == ("model.json",) else [done.stdout]
    assert told == [each for text in objects for each in json.loads(text)["warnings"]]
    assert told


@pytest.mark.parametrize("format", [("--format", "json"), ("--format=json",)])
@pytest.mark.parametrize(
    "line",
    [
        "summary missing.h5", "params missing.h5", "shapes missing.h5", "explain missing.h5",
        "cost missing.h5", "forward missing.h5", "check missing.h5 --max-params 1",
        "check --max-params 1", "check --cell lstm", "fit --max-params 0.5", "summary --nonsense",
        "nonsense", "summary --units x", "forward --input missing.npy", "check --max-params 1,5M",
        "summary --layer LSTM(", "forward --steps none", "cost --layer-name x",
    ],
)  # fmt: skip
def test_a_failed_command_answers_in_json(rnncli: Any, line: str, format: tuple[str, ...]) -> None:
    done = rnncli(*line.split(), *format)
    found = json.loads(done.stdout)
    assert done.returncode == 2
    assert f"error: {found['error']}\n" in done.stderr
    assert (f"hint: {found['hint']}\n" in done.stderr) == (found["hint"] is not None)
    assert found["schema"] == 1
