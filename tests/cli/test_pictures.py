"""`forward --stats`, `--plot`, `--gate` and `--svg`; `summary --svg`."""

import json
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from cli.conftest import Run

from rnncli.cli.pictures import replace
from rnncli.errors import FileError

SMALL = ("--units", "4", "--steps", "6")
LSTM = ("--cell", "lstm", *SMALL)


def test_stats_are_rows_in_every_format(rnncli: Run) -> None:
    run = rnncli(
        "forward", "--cell", "gru", "--bidirectional", *SMALL, "--stats", "--format", "json"
    )
    rows = json.loads(run.stdout)["layers"]
    assert [row["name"] for row in rows] == [
        "bidirectional/forward_gru", "bidirectional/backward_gru",
    ]  # fmt: skip
    assert list(rows[0]) == ["name", "reverse", "saturated", "mean_abs_state", "spectral_radius",
                             "first_bad_step", "gradient", "gradient_flow", "gradient_series",
                             "gradient_lacks"]  # fmt: skip
    assert [row["reverse"] for row in rows] == [False, True]
    assert list(rows[0]["saturated"]) == list(rows[0]["spectral_radius"]) == ["z", "r", "h"]
    for format in ("table", "csv", "markdown"):
        assert (
            "backward"
            in rnncli(
                "forward", "--cell", "gru", "--bidirectional", *SMALL, "--stats", "--format", format
            ).stdout
        )
    assert "layers" not in json.loads(rnncli("forward", *SMALL, "--format", "json").stdout)


def test_nan_is_said_with_layer_and_step(rnncli: Run) -> None:
    run = rnncli("forward", "--depth", "2", "--steps", "200", "--activation", "linear",
                 "--init", "uniform01", "--stats")  # fmt: skip
    assert "NaN or Inf first appears in simple_rnn at step" in run.stdout
    assert run.stderr == ""
    assert run.returncode == 0


def test_a_plot_follows_the_table(rnncli: Run) -> None:
    run = rnncli("forward", *LSTM, "--plot")
    assert run.returncode == 0
    table, picture = run.stdout.split("lstm: state h")
    assert "Output mean" in table
    assert "unit 1 " in picture
    assert "lstm: state h" not in rnncli("forward", *LSTM).stdout


def test_a_gate_alone_is_plotted(rnncli: Run) -> None:
    assert "lstm: gate f" in rnncli("forward", *LSTM, "--gate", "f").stdout
    assert (
        "first of 3 sequences"
        in rnncli("forward", *LSTM, "--gate", "f", "--batch-size", "3").stdout
    )


@pytest.mark.parametrize("width", [40, 80, 200])
def test_a_plot_is_as_wide_as_the_page(rnncli: Run, width: int) -> None:
    run = rnncli(
        "forward", "--units", "100", "--steps", "1000", "--plot", env={"COLUMNS": str(width)}
    )
    (norm,) = [line for line in run.stdout.splitlines() if line.startswith("  norm ")]
    assert len(norm) == width
    said = " ".join(run.stdout.split())
    assert f"1,000 steps in {width - 7} columns, 100 units in 32 rows: a cell shows" in said
    assert max(map(len, run.stdout.split("state h")[1].splitlines())) <= width


def test_an_ascii_terminal_gets_ascii_and_no_colour(rnncli: Run) -> None:
    run = rnncli("forward", *LSTM, "--plot", env={"PYTHONIOENCODING": "ascii", "FORCE_COLOR": "1"})
    assert run.stdout.isascii()
    assert "\\u" not in run.stdout
    assert "Shades show the size of a value, not its sign." in run.stdout


def test_colour_gets_half_blocks_and_none_gets_shades(rnncli: Run) -> None:
    colour = rnncli("forward", *LSTM, "--plot", env={"FORCE_COLOR": "1"}).stdout
    assert "▀" in colour and "\x1b[38;5;" in colour
    for env in ({"FORCE_COLOR": "3"}, {"FORCE_COLOR": "1", "COLORTERM": "truecolor"}):
        assert "\x1b[38;2;" in rnncli("forward", *LSTM, "--plot", env=env).stdout
    plain = rnncli("forward", *LSTM, "--plot", env={"COLORTERM": "truecolor"}).stdout
    assert "▀" not in plain and "\x1b" not in plain
    assert "░" in plain.split("lstm: state h")[1]


def test_what_is_saturated_looks_saturated(rnncli: Run) -> None:
    run = rnncli("forward", "--init", "uniform01", "--plot", env={"FORCE_COLOR": "3"})
    lines = run.stdout.split("simple_rnn: state h")[1].splitlines()
    (share,) = re.findall(r"saturated, ([\d.]+)%", run.stdout)
    shown = "".join(lines[2:35])
    marked = shown.count("38;2;255;215;0;48;2;255;215;0m▀")
    assert float(share) / 100 == pytest.approx(marked / shown.count("▀"), abs=0.05)
    assert float(share) > 95


def test_a_scale_is_fixed_or_that_of_the_values(rnncli: Run) -> None:
    fixed, auto = (rnncli("forward", *LSTM, "--plot", "--scale", scale).stdout
                   for scale in ("fixed", "auto"))  # fmt: skip
    assert re.search(r"^ +0  ░▒▓ 1$", fixed, re.MULTILINE)
    assert re.search(r"^ +0  ░▒▓ 0\.\d+$", auto, re.MULTILINE)
    gate = rnncli("forward", *LSTM, "--gate", "f", "--scale", "auto").stdout
    assert re.search(r"^ +0\.\d+  ░▒▓ 0\.\d+$", gate, re.MULTILINE)


def svg_text(path: Path) -> str:
    root = ElementTree.fromstring(path.read_text(encoding="utf-8"))
    return "\n".join(root.itertext()).replace("\xa0", " ")


@pytest.mark.parametrize("format", ["table", "json", "csv", "markdown"])
def test_an_svg_goes_with_every_format(rnncli: Run, tmp_path: Path, format: str) -> None:
    bare = rnncli("forward", *LSTM, "--format", format)
    run = rnncli("forward", *LSTM, "--format", format, "--svg", "x.svg", "--gate", "i")
    assert (run.stdout, run.stderr, run.returncode) == (bare.stdout, "", 0)
    assert "lstm: gate i" in svg_text(tmp_path / "x.svg")
    assert [path.name for path in tmp_path.iterdir()] == ["x.svg"]


def test_plot_and_svg_show_the_same(rnncli: Run, tmp_path: Path) -> None:
    run = rnncli("forward", *LSTM, "--plot", "--svg", "x.svg", env={"FORCE_COLOR": "3"})
    found = {(tuple(map(int, part.split(";")))) for part in
             re.findall(r"[34]8;2;([\d;]+?)(?=;48|m▀)", run.stdout)}  # fmt: skip
    fills = set(re.findall(r'fill="#(\w{6})"', (tmp_path / "x.svg").read_text()))
    assert len(found) > 12
    assert found <= {tuple(bytes.fromhex(fill)) for fill in fills}


def test_dark_is_for_a_file(rnncli: Run, tmp_path: Path) -> None:
    for command in ("summary", "forward"):
        run = rnncli(command, *SMALL, "--dark")
        assert (run.returncode, run.stdout) == (2, "")
        assert run.stderr.startswith("error: --dark is for the file of --svg\nhint: add --svg")
        rnncli(command, *SMALL, "--svg", "x.svg", "--dark")
        assert 'fill="#0d1117"' in (tmp_path / "x.svg").read_text()


@pytest.mark.parametrize("format", ["table", "json", "classic"])
def test_a_summary_is_written_as_svg(rnncli: Run, tmp_path: Path, format: str) -> None:
    bare = rnncli("summary", *LSTM, "--format", format)
    run = rnncli("summary", *LSTM, "--format", format, "--svg", "x.svg")
    assert (run.stdout, run.stderr, run.returncode) == (bare.stdout, "", 0)
    text = svg_text(tmp_path / "x.svg")
    assert "Layer (type)" in text
    assert not (set("┏│━=") & set(text) or "__" in text)  # rules are drawn


def test_an_svg_on_stdout_stands_alone(rnncli: Run) -> None:
    for command in ("summary", "forward"):
        run = rnncli(command, *LSTM, "--svg", "-")
        assert ElementTree.fromstring(run.stdout).tag.endswith("svg")


def test_a_file_is_replaced_and_keeps_its_mode(rnncli: Run, tmp_path: Path) -> None:
    target = tmp_path / "x.svg"
    target.write_text("before")
    target.chmod(0o640)
    rnncli("summary", "--svg", "x.svg")
    assert target.read_text().startswith("<svg")
    assert target.stat().st_mode & 0o777 == 0o640


def test_a_disk_that_fails_leaves_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*names: str) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    target = tmp_path / "x.svg"
    target.write_text("before")
    with pytest.raises(FileError, match="No space left"):
        replace(str(target), b"after")
    assert target.read_text() == "before"
    assert [path.name for path in tmp_path.iterdir()] == ["x.svg"]


def test_a_device_is_written_to(rnncli: Run) -> None:
    run = rnncli("summary", "--format", "json", "--svg", "/dev/stderr")
    assert run.stderr.startswith("<svg")
    assert run.stdout.startswith("{")


def test_a_failed_run_leaves_the_file(rnncli: Run, tmp_path: Path) -> None:
    target = tmp_path / "x.svg"
    target.write_text("before")
    assert rnncli("forward", *LSTM, "--gate", "q", "--svg", "x.svg").returncode == 2
    assert target.read_text() == "before"
    assert [path.name for path in tmp_path.iterdir()] == ["x.svg"]


@pytest.mark.parametrize("command", ["summary", "forward"])
@pytest.mark.parametrize(
    ("target", "why"),
    [("no/x.svg", "there is no folder"), (".", "it is a folder"), ("/proc/x.svg", "")],
)
def test_a_target_that_cannot_be_written_is_one_error(
    rnncli: Run, command: str, target: str, why: str
) -> None:
    run = rnncli(command, *SMALL, "--svg", target)
    assert run.returncode == 2
    assert run.stdout == ""
    (line,) = run.stderr.splitlines()
    assert line.startswith(f"error: cannot write {target}: {why}")


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--plot", "--format", "json"), "--plot draws in the terminal, --format json cannot"),
        (("--gate", "i", "--format", "csv"), "--gate draws in the terminal, --format csv cannot"),
        (("--plot", "-o", "-"), "-o - leaves no room on stdout for a picture"),
        (("--svg", "-", "-o", "-"), "-o - leaves no room on stdout for a picture"),
        (("--layer-name", "lstm"), "--layer-name says what to look into, but not what to look at"),
        (("--gate", "z"), "layer 'lstm' (LSTM) has no gate called 'z'"),
        (("--plot", "--layer-name", "ltsm"), "no recurrent layer called 'ltsm'"),
    ],
)
def test_what_cannot_be_drawn_is_refused(rnncli: Run, flags: tuple[str, ...], message: str) -> None:
    run = rnncli("forward", *LSTM, *flags)
    assert run.returncode == 2
    assert "┃" not in run.stdout
    assert message in run.stderr.splitlines()[0]


def test_a_layer_is_drawn_by_its_name(rnncli: Run) -> None:
    run = rnncli("forward", *LSTM, "--depth", "2", "--plot", "--layer-name", "lstm")
    assert "\nlstm: state h" in run.stdout
    assert "\nlstm_1: state h" in rnncli("forward", *LSTM, "--depth", "2", "--plot").stdout


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_the_gradient_is_drawn_below_the_state(rnncli: Run, width: int) -> None:
    run = rnncli("forward", *LSTM, "--depth", "2", "--steps", "300", "--stats", "--plot",
                 env={"COLUMNS": str(width)})  # fmt: skip
    _, first, second = run.stdout.split("norm of ∂h_T/∂h_t at step t\n")
    assert max(map(len, run.stdout.splitlines())) <= width
    assert first.rstrip().endswith("lstm_1:")
    for chart in (first, second):
        rows = [line for line in chart.splitlines() if re.match(r" *[01]", line)]
        assert [row[:6].strip() for row in rows][:4] == ["1", "0.1", "0.01", "0.001"]
        assert rows[-1].rstrip().endswith("█")
        assert max(map(len, rows)) == width
    assert run.stdout.count("Log scale: ") == 1
    assert "norm of ∂h" not in rnncli("forward", *LSTM, "--stats").stdout
    assert "norm of ∂h" not in rnncli("forward", *LSTM, "--plot").stdout
    assert "norm of ∂h" in rnncli("forward", *LSTM, "--stats", "--gate", "f").stdout


def test_a_gradient_is_coloured_where_it_vanishes_or_explodes(rnncli: Run) -> None:
    line = ("forward", "--units", "4", "--stats", "--plot")
    gone = rnncli(*line, env={"FORCE_COLOR": "3"}).stdout.split("norm of ∂h")[1]
    assert "\x1b[38;2;150;165;207m" in gone
    assert "38;2;180;37;42" not in gone
    grown = rnncli(*line, "--activation", "linear", "--init", "uniform01", "--steps", "20",
                   env={"FORCE_COLOR": "3"}).stdout.split("norm of ∂h")[1]  # fmt: skip
    assert "\x1b[38;2;180;37;42m" in grown
    plain = rnncli(*line, env={"LC_ALL": "C", "PYTHONIOENCODING": ""}).stdout
    assert plain.isascii() and "norm of dh_T/dh_t at step t" in plain


def test_a_layer_that_reads_from_the_end_is_drawn_in_the_order_of_the_sequence(rnncli: Run) -> None:
    run = rnncli("forward", "--cell", "gru", "--bidirectional", *SMALL, "--steps", "60",
                 "--stats", "--plot", env={"COLUMNS": "67"})  # fmt: skip
    _, ahead, back = run.stdout.split("norm of ∂h_T/∂h_t at step t")
    assert back.startswith(", read from the end\n")
    row = next(line for line in ahead.splitlines() if line.startswith("   0.1"))
    assert row.endswith("█") and row[7:].startswith("   ")
    assert next(line for line in back.splitlines() if line.startswith("   0.1")).startswith(
        "   0.1 █"
    )


def test_the_gradient_is_in_the_svg_too(rnncli: Run, tmp_path: Path) -> None:
    run = rnncli("forward", *LSTM, "--stats", "--svg", "x.svg", "--format", "json")
    (row,) = json.loads(run.stdout)["layers"]
    assert [each["step"] for each in row["gradient_series"]] == [1, 2, 3, 4, 5]
    text = svg_text(tmp_path / "x.svg")
    assert "lstm: norm of ∂h_T/∂h_t at step t" in text
    assert text.index("state h") < text.index("norm of") < text.index("Log scale")
    rnncli("forward", *LSTM, "--svg", "x.svg", "--plot")
    assert "norm of" not in svg_text(tmp_path / "x.svg")


GOLDENS = Path(__file__).parents[1] / "goldens"


def test_a_layer_of_a_file_without_a_graph_is_looked_into(rnncli: Run) -> None:
    file = str(GOLDENS / "torch" / "modules.pt")
    run = rnncli("forward", file, "--layer-name", "gru", "--stats", "--plot")
    assert run.returncode == 0
    assert all(f"gru/{part} " in run.stdout for part in ("l0", "l0_reverse", "l1", "l1_reverse"))
    assert "gru/l1: state h" in run.stdout
    run = rnncli("forward", file, "--layer-name", "gru/l0_reverse", "--gate", "z")
    assert "gru/l0_reverse: gate z, read from the end" in run.stdout
    run = rnncli("forward", file, "--layer-name", "lstm_projected", "--stats")
    assert run.returncode == 0
    assert "lstm_projected/l0 " in run.stdout


def test_a_model_with_a_scalar_among_its_inputs_is_drawn(rnncli: Run) -> None:
    pytest.importorskip("onnx")
    run = rnncli("forward", str(GOLDENS / "onnx" / "if_lstm.onnx"), "--plot")
    assert (run.returncode, "state h" in run.stdout) == (0, True), run.stderr


def test_a_node_of_a_graph_is_looked_into_while_the_graph_runs(rnncli: Run) -> None:
    pytest.importorskip("onnx")
    file = str(GOLDENS / "onnx" / "torch_tagger.onnx")
    run = rnncli("forward", file, "--layer-name", "/lstm/LSTM_1", "--stats", "--format", "json")
    found = json.loads(run.stdout)
    assert found["outputs"][0]["name"] == "/Softmax"
    assert [row["name"] for row in found["layers"]] == [
        "/lstm/LSTM_1/forward", "/lstm/LSTM_1/backward",
    ]  # fmt: skip
