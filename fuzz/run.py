"""Fuzz the readers and `--layer`: only RnncliError may be raised, each input within its bounds.

    python fuzz/run.py --inputs 200000 [--seed N] [--reader NAME] [--failures FOLDER]

Files of tests/goldens are changed along the lines of their format. Every input is made from the
seed, its reader and its number alone, so that a failure can be made again.
"""

import argparse
import mmap
import os
import shutil
import signal
import struct
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import NamedTuple

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "src")]
os.environ["OPENBLAS_NUM_THREADS"] = "1"  # threads' stacks count as memory

import corpus  # noqa: E402
import target  # noqa: E402

ASLEEP = 240  # seconds in which no input is done, whoever had the processor
STUCK = 15  # seconds of the processor, where not even the alarm is answered
BATCH = 2_000  # inputs of a process, so that what libraries keep does not add up
# Of the inputs: those of the readers with most code get most.
SHARES = {"keras.json": 6, "keras.zipped": 3, "keras.h5": 4, "torch.file": 6, "safetensors": 4,
          "onnx.file": 3, "pickled": 3, "tensorflow.archive": 4, "tensorflow.js": 2,
          "tflite.file": 2, "layer": 4, "arrays": 3, "budget": 1}  # fmt: skip


class Found(NamedTuple):
    """What came of a reader's inputs; `failures` has a number of inputs per signature."""

    inputs: int
    taken: int
    failures: dict[str, int]


class Board:
    """Numbers that a child process keeps where its parent sees them: in a file, or in memory."""

    def __init__(self, path: Path | None = None) -> None:
        if path is None:
            self.memory = mmap.mmap(-1, 16)
            return
        with path.open("ab") as file:
            file.truncate(16)
        with path.open("r+b") as file:
            self.memory = mmap.mmap(file.fileno(), 16)

    def put(self, at: int, taken: int) -> None:
        self.memory[:] = struct.pack("<qq", at, taken)

    def get(self) -> tuple[int, int]:
        at, taken = struct.unpack("<qq", self.memory)
        return at, taken


def fuzz(reader: str, inputs: int, seed: int, failures: Path) -> Found:
    """Return what came of the inputs; a file per kind of failure is put into `failures`."""
    board, log = Board(), failures / f"{reader}.log"
    log.write_text("")
    board.put(0, 0)
    while board.get()[0] < inputs:
        child = os.fork()
        if not child:
            _child(reader, inputs, seed, board, failures, log)
        died = watched(child, board)
        at, taken = board.get()
        if died:
            data, suffix = made(reader, corpus.seeds_of(reader), seed, at)
            story = "\n".join(path.read_text() for path in failures.glob("*.stuck"))
            keep(target.Failure(died, story), reader, at, data, suffix, failures, log)
            board.put(at + 1, taken)
    lines = [line for line in log.read_text().splitlines() if line]
    log.unlink()
    (failures / f"{reader}.stuck").unlink()
    return Found(inputs, board.get()[1], {line: lines.count(line) for line in lines})


def made(reader: str, seeds: list[corpus.Seed], seed: int, number: int) -> tuple[bytes, str]:
    """Return the input of this number and the suffix of its file."""
    return corpus.mutated(reader, seeds, Random(f"{seed}/{reader}/{number}"))


def _child(reader: str, inputs: int, seed: int, board: Board, failures: Path, log: Path) -> None:
    """Take inputs from where the board says, and leave the process."""
    folder, code = target.folder(), 1
    try:
        seeds = corpus.seeds_of(reader)
        target.prepare(failures / f"{reader}.stuck")
        start, taken = board.get()
        for at in range(start, min(inputs, start + BATCH)):
            data, suffix = made(reader, seeds, seed, at)
            good, failure = target.check(reader, folder / f"input{suffix}", data, at)
            taken += good
            if failure is not None:
                keep(failure, reader, at, data, suffix, failures, log)
            board.put(at + 1, taken)
        code = 0
    finally:
        shutil.rmtree(folder)
        os._exit(code)


def keep(
    failure: target.Failure, reader: str, at: int, data: bytes, suffix: str,
    failures: Path, log: Path,
) -> None:  # fmt: skip
    """Log a failure; the first of its kind is kept with its story."""
    signature, before = " ".join(failure.signature.split()), log.read_text().splitlines()
    with log.open("a") as file:
        file.write(f"{signature}\n")
    if signature not in before:
        name = "".join(c if c.isalnum() else "-" for c in signature)[:80]
        path = failures / f"{reader}-{name}-{at}{suffix or '.txt'}"
        path.write_bytes(data)
        path.with_name(f"{path.name}.story").write_text(failure.story, errors="backslashreplace")


def watched(child: int, board: Board) -> str | None:
    """Wait for the child; return how it died if it did not end well."""
    last, since, moment = board.get(), _busy(child), time.monotonic()
    while True:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            code = os.waitstatus_to_exitcode(status)
            return f"died with {code}" if code else None
        if board.get() != last:
            last, since, moment = board.get(), _busy(child), time.monotonic()
        elif _busy(child) - since > STUCK or time.monotonic() - moment > ASLEEP:
            os.kill(child, signal.SIGUSR1)  # it says where it is
            time.sleep(1)
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return "stuck"
        time.sleep(0.02)


def _busy(child: int) -> float:
    """Return the seconds that a process has had of the processor; others may be busy too."""
    fields = Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _shared_out(inputs: int) -> Iterator[tuple[str, int]]:
    total = sum(SHARES.values())
    for reader, share in SHARES.items():
        yield reader, -(-inputs * share // total)


def main() -> int:
    """Run the command line and return its exit code: 1 where there are failures."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--inputs", type=int, default=200_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--reader", choices=SHARES)
    parser.add_argument("--failures", type=Path, default=Path("fuzz-failures"))
    asked = parser.parse_args()
    asked.failures.mkdir(parents=True, exist_ok=True)
    wanted = [(asked.reader, asked.inputs)] if asked.reader else list(_shared_out(asked.inputs))
    failed = 0
    for reader, inputs in wanted:
        start = time.monotonic()
        found = fuzz(reader, inputs, asked.seed, asked.failures)
        failed += sum(found.failures.values())
        print(f"{reader:12} {inputs:9,} inputs  {found.taken:9,} read  "
              f"{sum(found.failures.values()):7,} failures  {time.monotonic() - start:6.0f} s",
              flush=True)  # fmt: skip
        for signature, count in found.failures.items():
            print(f"    {count:6,} × {signature}")
    print(f"{sum(count for _, count in wanted):,} inputs, {failed:,} failures")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
