"""Full disks, targets that cannot be written, files that change, and signals at any moment."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from random import Random

import numpy as np
import pytest
from cli.conftest import Run

from rnncli.atomic import replacing
from rnncli.errors import FileError

KERAS = Path(__file__).parents[1] / "goldens" / "keras" / "k3"
BEFORE = b"what was there before"
SMALL = ("--units", "4", "--steps", "6")
FULL = "No space left on device"
# Some seconds of work whose output, 40 MB, is written while it goes on.
LONG = ("forward", "--units", "10", "--steps", "1000000", "--return-sequences", "-o", "y.npy")


@pytest.mark.parametrize("suffix", ["npy", "csv", "npz"])
def test_an_output_onto_a_full_device(rnncli: Run, tmp_path: Path, suffix: str) -> None:
    target = tmp_path / f"y.{suffix}"
    target.symlink_to("/dev/full")
    run = rnncli("forward", *SMALL, "-o", target.name)
    assert (run.returncode, run.stdout) == (2, "")
    assert run.stderr == f"error: cannot write {target.name}: {FULL}\n"
    assert [each.name for each in tmp_path.iterdir()] == [target.name]


@pytest.mark.parametrize("command", ["summary", "forward"])
def test_a_picture_onto_a_full_device(rnncli: Run, command: str) -> None:
    run = rnncli(command, *SMALL, "--svg", "/dev/full")
    assert (run.returncode, run.stdout) == (2, "")
    assert run.stderr == f"error: cannot write /dev/full: {FULL}\n"


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize(
    "arguments",
    [
        ("forward", "--units", "500", "--steps", "100", "--return-sequences", "-o", "y.npy"),
        ("forward", "--units", "500", "--steps", "100", "--return-sequences", "-o", "y.npz"),
        ("forward", "--units", "500", "--steps", "100", "--return-sequences", "-o", "y.csv"),
        ("summary", "--depth", "3000", "--svg", "y.svg"),
    ],
)
def test_a_disk_that_fills_up(tmp_path: Path, arguments: tuple[str, ...], before: bool) -> None:
    """The process may write files of 100,000 bytes: a disk that has no room for more."""
    target = tmp_path / arguments[-1]
    if before:
        target.write_bytes(BEFORE)
    script = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
from rnncli.cli import main
main()
"""
    run = subprocess.run([sys.executable, "-c", script, *arguments], cwd=tmp_path,
                         capture_output=True, text=True, timeout=60)  # fmt: skip
    assert (run.returncode, run.stdout) == (2, "")
    assert run.stderr == f"error: cannot write {target.name}: File too large\n"
    assert [each.name for each in tmp_path.iterdir()] == ([target.name] if before else [])
    assert not before or target.read_bytes() == BEFORE


@pytest.mark.parametrize("flag", ["-o", "--svg"])
def test_targets_that_cannot_be_written(rnncli: Run, tmp_path: Path, flag: str) -> None:
    suffix = {"-o": ".npy", "--svg": ".svg"}[flag]
    (tmp_path / f"folder{suffix}").mkdir()
    for target, why in [
        (f"folder{suffix}", "it is a folder"),
        (f"none/y{suffix}", f"there is no folder {tmp_path / 'none'}"),
        (f"/proc/y{suffix}", "No such file or directory"),
    ]:
        run = rnncli("forward", *SMALL, flag, target)
        assert (run.returncode, run.stdout) == (2, "")
        assert run.stderr == f"error: cannot write {target}: {why}\n"


def test_a_file_that_is_not_to_be_written_is_not_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "y.npy"
    target.write_bytes(BEFORE)
    monkeypatch.setattr("os.access", lambda path, mode: False)  # the superuser may write anything
    with pytest.raises(FileError, match=r"y.npy: Permission denied$"), replacing(str(target)):
        raise AssertionError("nothing is to be written")
    assert target.read_bytes() == BEFORE
    assert [each.name for each in tmp_path.iterdir()] == ["y.npy"]


def test_a_link_stays_a_link(rnncli: Run, tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "y.npy").symlink_to("kept/real.npy")
    assert rnncli("forward", *SMALL, "-o", "y.npy").returncode == 0
    assert (tmp_path / "y.npy").is_symlink()
    assert np.load(tmp_path / "kept" / "real.npy").shape == (1, 4)


@pytest.mark.parametrize(
    ("suffix", "start"), [("npy", b"\x93NUMPY"), ("npz", b"PK"), ("csv", b"1,1,"), ("svg", b"<svg")]
)
def test_an_output_into_a_pipe(rnncli: Run, tmp_path: Path, suffix: str, start: bytes) -> None:
    pipe = tmp_path / f"y.{suffix}"
    os.mkfifo(pipe)
    with subprocess.Popen(["cat", pipe], stdout=subprocess.PIPE) as reader:
        flag = "--svg" if suffix == "svg" else "-o"
        run = rnncli("forward", *SMALL, "--init", "uniform01", flag, pipe.name)
        read = reader.communicate(timeout=30)[0]
    assert (run.returncode, run.stderr) == (0, "")
    assert read.startswith(start)


def test_an_output_into_a_pipe_that_nobody_reads(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "y.npy")
    line = f'"{sys.executable}" -m rnncli forward --steps 100000 --return-sequences -o y.npy'
    done = subprocess.run(["bash", "-c", f"{line} & head -c 10 <y.npy >/dev/null; wait $!"],
                          cwd=tmp_path, capture_output=True, text=True, timeout=60)  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


# An input that becomes shorter.


def shortened(path: Path, when: Callable[[int], bool]) -> Callable[..., None]:
    """Return a progress function that cuts the file in half."""

    def progress(done: int, total: int) -> None:
        if when(done):
            os.truncate(path, path.stat().st_size // 2)

    return progress


@pytest.mark.parametrize("order", ["C", "F"])
def test_an_input_that_shrinks_while_it_is_read(tmp_path: Path, order: str) -> None:
    from rnncli.cli.models import cell_layers
    from rnncli.cli.options import CellFlags
    from rnncli.forward import Request, forward
    from rnncli.graph.infer import infer
    from rnncli.model import sequential

    path, target = tmp_path / "x.npy", tmp_path / "y.npy"
    np.save(path, np.asarray(np.zeros((2, 600_000, 2), np.float32), order=order))
    target.write_bytes(BEFORE)
    flags = CellFlags(input_size=2, units=4, steps="none", return_sequences=True)
    model = infer(sequential(cell_layers(flags)))
    request = Request(inputs=((None, str(path)),), save=str(target))
    with pytest.raises(FileError, match="has become shorter while it was read"):
        forward(model, request, shortened(path, lambda done: done < 600_000))
    assert target.read_bytes() == BEFORE
    assert {each.name for each in tmp_path.iterdir()} == {"x.npy", "y.npy"}


@pytest.mark.parametrize("flag", ["--input", "--weights"])
def test_arrays_are_not_awaited_from_pipes(rnncli: Run, tmp_path: Path, flag: str) -> None:
    os.mkfifo(tmp_path / "x.npz")
    for path in ("x.npz", "/dev/zero"):
        run = rnncli("forward", *SMALL, flag, path)
        assert (run.returncode, run.stdout) == (2, "")
        assert f"{path}: it is a device or a pipe, not a file" in run.stderr.splitlines()[0]


# Signals.

ENDING = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT]


def line_of(number: signal.Signals) -> str:
    by = "" if number == signal.SIGINT else f" by {number.name}"
    return f"error: interrupted{by}\n"


def stopped(folder: Path, number: signal.Signals, delay: float) -> tuple[int, str]:
    """Return the exit code and stderr of a long run that gets a signal after `delay` seconds."""
    with subprocess.Popen(
        [sys.executable, "-m", "rnncli", *LONG], cwd=folder, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True,
    ) as run:  # fmt: skip
        deadline = time.monotonic() + 30
        while not any(each.name.endswith(".part") for each in folder.iterdir()):
            assert run.poll() is None and time.monotonic() < deadline
            time.sleep(0.005)
        time.sleep(delay)
        run.send_signal(number)
        _, talk = run.communicate(timeout=60)
        return run.returncode, talk


def check_stopped(folder: Path, number: signal.Signals, delay: float) -> int:
    """Stop a run; its output is as before or complete, and nothing else is left."""
    target = folder / "y.npy"
    target.write_bytes(BEFORE)
    code, talk = stopped(folder, number, delay)
    assert [each.name for each in folder.iterdir()] == ["y.npy"]
    if code == 0:
        assert np.load(target).shape == (1, 1_000_000, 10)
        assert talk == ""
        return code
    assert (code, talk) == (128 + number, line_of(number))
    if target.stat().st_size == len(BEFORE):
        assert target.read_bytes() == BEFORE
    else:  # the signal came after the file was there
        assert np.load(target).shape == (1, 1_000_000, 10)
    return code


@pytest.mark.parametrize("number", ENDING)
@pytest.mark.parametrize("seed", range(3))
def test_a_signal_leaves_the_output_whole(
    tmp_path: Path, number: signal.Signals, seed: int
) -> None:
    delay = Random(f"{number} {seed}").uniform(0, 0.8)
    assert check_stopped(tmp_path, number, delay) in (0, 128 + number)


# Says on stderr when the work begins, then does it.
SAID = """
import sys
from rnncli import interrupts
from rnncli.__main__ import main
interrupts.catch()
print("ready", file=sys.stderr, flush=True)
main()
"""
BUSY = {
    "convert": ("--cell", "lstm", "--units", "3000", "--to", "torch", "-o", "y.npz"),
    "weights": ("--cell", "gru", "--units", "1000"),
    "summary": (str(KERAS / "lstm_stack.keras"),) * 2000,
    "check": ("--no-nan", *(str(KERAS / "lstm_stack.keras"),) * 2000),
}


@pytest.mark.parametrize("number", ENDING)
@pytest.mark.parametrize("command", BUSY)
@pytest.mark.parametrize("twice", [False, True])
def test_a_signal_ends_every_command_in_one_line(
    tmp_path: Path, number: signal.Signals, command: str, twice: bool
) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", SAID, command, *BUSY[command]], cwd=tmp_path,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    ) as run:  # fmt: skip
        assert run.stderr is not None and run.stderr.readline() == "ready\n"
        time.sleep(Random(f"{number} {command}").uniform(0.05, 0.3))
        for _ in range(1 + twice):
            run.send_signal(number)
        talk = run.stderr.read()
    assert (run.returncode, list(tmp_path.iterdir())) == (128 + number, [])
    assert talk in ([line_of(number), ""] if twice else [line_of(number)])


# Interrupts itself where modules are loaded, as C code may see it that drops exceptions or raises
# others in their place.
DROPPED = """
import os, sys
from contextlib import suppress
from rnncli.__main__ import main
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == "numpy":
            with suppress(KeyboardInterrupt):
                os.kill(os.getpid(), {number})
                for _ in range(1000): pass
            {then}
sys.meta_path.insert(0, Finder())
main()
"""


@pytest.mark.parametrize("number", ENDING)
@pytest.mark.parametrize("then", ["pass", "raise RuntimeError", "raise ImportError", "exit(0)"])
def test_an_interrupt_that_is_dropped_ends_the_run(
    tmp_path: Path, number: signal.Signals, then: str
) -> None:
    run = subprocess.run(
        [sys.executable, "-c", DROPPED.format(number=int(number), then=then), *LONG],
        cwd=tmp_path, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    left = list(tmp_path.iterdir())
    assert (run.returncode, run.stderr, left) == (128 + number, line_of(number), [])


def test_little_is_loaded_before_signals_are_caught() -> None:
    """Until then an interrupt is Python's own traceback."""
    script = """
import sys
before = set(sys.modules)
import rnncli.__main__
print(*sorted(set(sys.modules) - before))
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60
    )
    assert "rnncli.interrupts" in done.stdout.split()
    assert not {"typing", "re", "numpy", "typer"} & set(done.stdout.split())


@pytest.mark.parametrize("name", ["TERM", "HUP", "QUIT"])
def test_a_signal_that_a_parent_ignores_stays_ignored(tmp_path: Path, name: str) -> None:
    line = f'trap "" {name}; "{sys.executable}" -m rnncli forward -o y.npy --format json'
    done = subprocess.run(["bash", "-c", line], cwd=tmp_path, capture_output=True, timeout=60)
    assert done.returncode == 0


def test_a_full_device_for_stderr_keeps_the_exit_code(tmp_path: Path) -> None:
    line = f'"{sys.executable}" -m rnncli summary nothing.h5 2> /dev/full'
    assert subprocess.run(["bash", "-c", line], cwd=tmp_path, timeout=60).returncode == 2


@pytest.mark.skipif(sys.platform != "linux", reason="ulimit -v holds on Linux")
@pytest.mark.parametrize("kilobytes", [60_000, 120_000, 160_000])
@pytest.mark.parametrize(
    "command",
    ["forward -o y.npy", f"summary {KERAS}/lstm_stack.h5", f"check {KERAS}/lstm_stack.h5 --no-nan",
     f"weights {KERAS}/lstm_stack.keras", f"summary {KERAS}/../../onnx/lstm_forward.onnx"],
)  # fmt: skip
def test_little_memory_is_told_in_a_line(tmp_path: Path, command: str, kilobytes: int) -> None:
    line = f'ulimit -v {kilobytes}; "{sys.executable}" -m rnncli {command}'
    done = subprocess.run(["bash", "-c", line], cwd=tmp_path, capture_output=True, text=True,
                          timeout=60)  # fmt: skip
    assert done.returncode == 2
    assert done.stdout == ""
    assert [each.partition(":")[0] for each in done.stderr.splitlines()][:2] in (
        ["error", "hint"], ["error"]
    )  # fmt: skip
    assert "memory" in done.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("data", "told"),
    [(b"", "stdin is empty"), (b"y\n" * 9, "stdin is not an .npy file"),
     (b"\x93NUMPY\x02\0\xff\xff\xff\xff", "its header has 4,294,967,295 bytes"),
     (b"\x93NUMPY\x01\0\x76\0", "not a readable .npy file")],
)  # fmt: skip
def test_stdin_is_looked_at_before_it_is_read(tmp_path: Path, data: bytes, told: str) -> None:
    command = [sys.executable, "-m", "rnncli", "forward", "--input", "-"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as run:
        assert run.stdin is not None and run.stderr is not None
        run.stdin.write(data)
        if len(data) >= 12:  # enough to know; the pipe stays open
            run.stdin.flush()
        else:
            run.stdin.close()
        assert run.wait(60) == 2
        assert told in run.stderr.read().decode()
