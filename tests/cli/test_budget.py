"""`rnncli check --budget`: limits in a file, a section per pattern of paths."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import readme

K3 = Path(__file__).parents[1] / "goldens/keras/k3"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Return a folder with two models of 144 and 123 parameters, and a file that is none."""
    (tmp_path / "models" / "small").mkdir(parents=True)
    shutil.copy(K3 / "lstm_stack.keras", tmp_path / "models")
    shutil.copy(K3 / "gru_stack.keras", tmp_path / "models/small")
    (tmp_path / "models" / "README.md").write_text("no model")
    return tmp_path


def checks(done: Any) -> dict[tuple[str, str], Any]:
    found = json.loads(done.stdout)["checks"]
    return {(each["model"], each["name"]): each["ok"] for each in found}


def test_each_section_holds_its_own_models(rnncli: Any, repository: Path) -> None:
    (repository / "budgets.toml").write_text(
        '["models/*.keras"]\nmax-params = 143\nno_nan = true\n'
        '["models/**"]\nmax-bytes = "1KiB"\n["models/small/*"]\nparams = "123"\n'
    )
    done = rnncli("check", "--budget", "budgets.toml", "--format", "json")
    assert done.returncode == 1
    assert checks(done) == {
        ("models/lstm_stack.keras", "max_params"): False,
        ("models/lstm_stack.keras", "no_nan"): True,
        ("models/lstm_stack.keras", "max_bytes"): True,
        ("models/small/gru_stack.keras", "max_bytes"): True,
        ("models/small/gru_stack.keras", "params"): True,
    }
    assert len(json.loads(done.stdout)["checks"]) == 5
    one = rnncli("check", "--budget", "budgets.toml", "models/small/gru_stack.keras")
    assert one.returncode == 0
    assert "lstm_stack" not in one.stdout


def test_patterns_start_at_the_folder_of_the_file(rnncli: Any, repository: Path) -> None:
    (repository / "models" / "budgets.toml").write_text('["*.keras"]\nmax-params = "1k"\n')
    done = rnncli("check", "--budget", "models/budgets.toml", "--format", "junit")
    assert done.returncode == 0
    assert 'classname="models/lstm_stack.keras"' in done.stdout


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('["none/*.keras"]\nmax-params = 1\n', "matches no model file"),
        ('["models/*.md"]\nmax-params = 1\n', "matches no model file"),
        ('["models/*"]\nmax-parms = 1\n', "max-parms is no limit"),
        ('["models/*"]\nmax-params = "1,5M"\n', "max-params: amount"),
        ('["models/*"]\nmax-params = 1.5\n', "an amount is expected"),
        ('["models/*"]\nmax-params = true\n', "an amount is expected"),
        ('["models/*"]\nmax-params = -1\n', "an amount is expected"),
        ('["models/*"]\nno-nan = "yes"\n', "true or false is expected"),
        ('["models/*"]\noutput-shape = 3\n', "output-shape is no text"),
        ('["models/*"]\noutput-shape = "a,b"\n', "is not understood"),
        ('["models/*"]\n', "has no limits"),
        ("max-params = 1\n", "stands outside a section"),
        ("", "has no section"),
        ("[models\n", "is not TOML"),
        ("\xff", "has no section|is not TOML"),
        ("#" * ((1 << 20) + 1), "no budget file: it has more than 1,048,576 bytes"),
    ],
)
def test_what_cannot_be_understood_passes_nothing(
    rnncli: Any, repository: Path, text: str, words: str
) -> None:
    (repository / "budgets.toml").write_text(text, encoding="latin-1")
    done = rnncli("check", "--budget", "budgets.toml")
    assert (done.returncode, done.stdout) == (2, "")
    assert any(each in done.stderr for each in words.split("|"))
    assert done.stderr.count("error:") == 1


def test_what_does_not_go_together(rnncli: Any, repository: Path) -> None:
    (repository / "budgets.toml").write_text('["models/*.keras"]\nmax-params = "1k"\n')
    for more, words in (
        (["--max-params", "5"], "--budget holds the limits"),
        (["--layer", "LSTM(3)"], "--budget is about files"),
        (["--cell", "gru"], "does not go with"),
        (["models/small/gru_stack.keras"], "no section of budgets.toml is about"),
    ):
        done = rnncli("check", "--budget", "budgets.toml", *more)
        assert done.returncode == 2
        assert words in done.stderr
    assert "No such file" in rnncli("check", "--budget", "none.toml").stderr


def test_the_example_is_understood(rnncli: Any, repository: Path) -> None:
    (block,) = readme.blocks("toml")
    (repository / "budgets.toml").write_text(block.replace('"None,10"', '"None,2"'))
    done = rnncli("check", "--budget", "budgets.toml", "--format", "json")
    assert {name for _, name in checks(done)} == {
        "max_params", "max_bytes", "no_nan", "max_macs", "output_shape"}  # fmt: skip
