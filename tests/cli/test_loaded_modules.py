"""What a command loads decides how fast it answers."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import sys
sys.argv = ["rnncli", *sys.argv[1:]]
from rnncli.cli import main
try:
    main()
except SystemExit as done:
    assert not done.code, done.code
print(" ".join(sorted({name.split(".")[0] for name in sys.modules})), file=sys.stderr)
"""


def loaded(*arguments: str, **environment: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *arguments],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, **environment},
    )
    return set(done.stderr.split())


GOLDENS = Path(__file__).parents[1] / "goldens"
STATIC = {
    "summary": [],
    "params": [],
    "shapes": [],
    "explain": [],
    "cost": [],
    "fit": ["--max-params", "50k"],
    "check": ["--units", "64", "--max-params", "50k"],
}
FILES = [
    "keras/k3/lstm_stack.keras",
    "keras/k3/lstm_stack.json",
    "torch/state_dict.pt",
    "torch/older.pt",
    "torch/state.safetensors",
]
HEAVY = {"numpy", "h5py", "onnx", "safetensors", "tflite", "pydantic"}


# Modules of Python's own that take a tenth of a start and that few commands need.
SELDOM = {"dataclasses", "fractions", "decimal", "shlex"}


@pytest.mark.parametrize("command", STATIC)
def test_static_commands_load_nothing_heavy(command: str) -> None:
    assert not loaded(command, *STATIC[command]) & HEAVY


@pytest.mark.parametrize("command", ["summary", "params", "shapes", "cost"])
def test_static_commands_load_little(command: str) -> None:
    assert not loaded(command) & SELDOM


@pytest.mark.parametrize("command", [*STATIC, "forward", "weights"])
@pytest.mark.parametrize("format", ["json", "csv", "markdown"])
def test_no_format_loads_rich(command: str, format: str) -> None:
    modules = loaded(command, *STATIC.get(command, []), "--format", format)
    assert not modules & {"rich", "pydantic"}


@pytest.mark.parametrize("command", ["summary", "params", "cost"])
@pytest.mark.parametrize("file", FILES)
def test_files_are_looked_into_without_their_libraries(command: str, file: str) -> None:
    assert not loaded(command, str(GOLDENS / file), "--format", "json") & {*HEAVY, "rich"}
    assert not loaded(command, str(GOLDENS / file)) & HEAVY


@pytest.mark.parametrize("file", [file for file in FILES if not file.endswith(".keras")])
def test_a_file_is_checked_without_its_library(file: str) -> None:
    """Of a `.keras` file check compares the config with the weights, which needs h5py."""
    assert not loaded("check", str(GOLDENS / file), "--max-params", "50k") & HEAVY


@pytest.mark.parametrize("command", [*STATIC, "forward", "weights"])
@pytest.mark.parametrize("environment", [{}, {"FORCE_COLOR": "1", "COLUMNS": "100"}])
def test_a_table_loads_no_rich(command: str, environment: dict[str, str]) -> None:
    assert "rich" not in loaded(command, *STATIC.get(command, []), **environment)


@pytest.mark.parametrize("command", ["forward", "weights"])
def test_numpy_is_loaded_and_no_reader(command: str) -> None:
    modules = loaded(command)
    assert "numpy" in modules
    assert not modules & {"h5py", "onnx", "safetensors", "pydantic"}


def test_the_guard_sees_what_is_loaded() -> None:
    assert {"typer", "rich", "rnncli"} <= loaded("summary", COLUMNS="40")  # Keras's folds
    assert {"h5py", "numpy"} <= loaded("summary", str(GOLDENS / "keras/k3/lstm_stack.h5"))


@pytest.mark.parametrize(
    ("options", "given", "expected"),
    [((), {}, None), (("--stats",), {}, "1"), (("--stats",), {"OPENBLAS_NUM_THREADS": "3"}, "3"),
     (("--stats",), {"OMP_NUM_THREADS": "2"}, None)],
)  # fmt: skip
def test_gradients_keep_to_one_thread(
    options: tuple[str, ...], given: dict[str, str], expected: str | None
) -> None:
    """The number that the BLAS reads where it is loaded; it is too late to say it afterwards."""
    script = """
import os, sys
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == "numpy":
            print(os.environ.get("OPENBLAS_NUM_THREADS"), file=sys.stderr)
sys.meta_path.insert(0, Finder())
from rnncli.cli import main
main()
"""
    kept = {key: value for key, value in os.environ.items() if not key.endswith("NUM_THREADS")}
    done = subprocess.run(
        [sys.executable, "-c", script, "forward", "--units", "4", "--steps", "5", *options],
        capture_output=True, text=True, check=True, env={**kept, **given},
    )  # fmt: skip
    assert done.stderr.split()[0] == str(expected)
