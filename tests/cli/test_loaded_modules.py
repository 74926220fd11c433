"""What a command loads decides how fast it answers."""

import subprocess
import sys

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


def loaded(*arguments: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *arguments], capture_output=True, text=True, check=True
    )
    return set(done.stderr.split())


STATIC = ["summary", "params", "shapes", "explain"]
HEAVY = {"numpy", "h5py", "onnx", "safetensors", "pydantic"}


@pytest.mark.parametrize("command", STATIC)
def test_static_commands_load_nothing_heavy(command: str) -> None:
    assert not loaded(command) & HEAVY


@pytest.mark.parametrize("command", [*STATIC, "forward"])
@pytest.mark.parametrize("format", ["json", "csv", "markdown"])
def test_only_the_table_loads_rich(command: str, format: str) -> None:
    assert not loaded(command, "--format", format) & {"rich", "pydantic"}


def test_forward_loads_numpy_and_no_reader() -> None:
    modules = loaded("forward")
    assert "numpy" in modules
    assert not modules & {"h5py", "onnx", "safetensors", "pydantic"}


def test_the_guard_sees_what_is_loaded() -> None:
    assert {"typer", "rich", "rnncli"} <= loaded("summary")
