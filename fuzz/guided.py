"""Fuzz the readers and what follows them, guided by coverage: all commands.

    pip install -e ".[all,fuzz]"
    python fuzz/guided.py --inputs 200000 [--reader NAME] [--corpus FOLDER] [--failures FOLDER]

Atheris keeps the inputs that reach new lines and changes them further, half of them along the
lines of their format. Nothing ends the run: an input of a kind that failed before is only counted.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from random import Random

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "src")]
os.environ["OPENBLAS_NUM_THREADS"] = "1"  # threads' stacks count as memory

import corpus  # noqa: E402
from run import SHARES, Board, keep, watched  # noqa: E402

BATCH = 20_000  # inputs of a process, so that what libraries keep does not add up
LONGEST = 150_000  # bytes of an input


def child(reader: str, inputs: int, seed: int, folder: Path, failures: Path, scratch: Path) -> None:
    """Run that many inputs in this process; it ends with libFuzzer's exit code."""
    import pkgutil

    import atheris

    with atheris.instrument_imports(include=["rnncli"]):
        import rnncli

        for module in pkgutil.walk_packages(rnncli.__path__, "rnncli."):
            if not module.name.endswith("__main__"):
                __import__(module.name)
    import target

    board = Board(failures / f"{reader}.board")
    seeds = corpus.seeds_of(reader)
    suffix = next(iter(sorted({each.suffix for each in seeds}, key=len, reverse=True)), "")
    path, log = scratch / f"input{suffix}", failures / f"{reader}.log"
    log.touch()
    target.prepare(failures / f"{reader}.stuck")

    def change(data: bytes, largest: int, number: int) -> bytes:
        rng = Random(number)
        found = atheris.Mutate(data, largest)
        if rng.random() < 0.5:
            with suppress(Exception):  # of data that is not of the format any more
                found = corpus.CHANGES[reader](data, rng)
        return found[:largest]

    def one(data: bytes) -> None:
        at, taken = board.get()
        good, failure = target.check(reader, path, data, at)
        if failure is not None:
            keep(failure, reader, at, data, suffix, failures, log)
        board.put(at + 1, taken + good)

    atheris.Setup(
        [sys.argv[0], f"-runs={inputs}", f"-seed={seed}", f"-max_len={LONGEST}",
         "-timeout=3600", "-rss_limit_mb=0", "-malloc_limit_mb=0", "-len_control=0",
         "-reload=0", "-verbosity=0", f"-artifact_prefix={failures}/{reader}-", str(folder)],
        one, custom_mutator=change,
    )  # fmt: skip
    atheris.Fuzz()


def fuzz(reader: str, inputs: int, seed: int, kept: Path, failures: Path) -> tuple[int, int]:
    """Return how many inputs were run, and how many of them were models."""
    folder = kept / reader
    folder.mkdir(parents=True, exist_ok=True)
    if not any(folder.iterdir()):
        for index, each in enumerate(corpus.seeds_of(reader)):
            (folder / f"seed{index:03}").write_bytes(each.data)
    board = Board(failures / f"{reader}.board")
    board.put(0, 0)
    scratch = Path(tempfile.mkdtemp(prefix="rnncli-fuzz-", dir=_memory()))
    while board.get()[0] < inputs:
        before = board.get()[0]
        words = ["--child", "--reader", reader, "--inputs", str(min(BATCH, inputs - before)),
                 "--seed", str(seed + before), "--corpus", str(kept), "--failures", str(failures),
                 "--scratch", str(scratch)]  # fmt: skip
        told = failures / f"{reader}-died-{before}.story"
        with told.open("w") as out:
            process = subprocess.Popen([sys.executable, __file__, *words], stdout=out, stderr=out)
        died = watched(process.pid, board)
        if died is None:
            told.unlink()
            continue
        at, taken = board.get()
        told.write_text(f"{died} at {at}\n{told.read_text(errors='replace')[-5000:]}"
                        f"{(failures / f'{reader}.stuck').read_text()}")  # fmt: skip
        for each in scratch.glob("input*"):
            shutil.copy(each, failures / f"{told.stem}{each.suffix}")
        board.put(at + 1, taken)
    shutil.rmtree(scratch)
    return board.get()


def _memory() -> Path | None:
    """Return where files are kept in memory, None where there is no such place."""
    place = Path("/dev/shm")
    return place if place.is_dir() else None


def main() -> int:
    """Run the command line and return its exit code: 1 where there are failures."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--inputs", type=int, default=200_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--reader", choices=[name for name in SHARES if name != "layer"])
    parser.add_argument("--corpus", type=Path, default=Path("fuzz-corpus"))
    parser.add_argument("--failures", type=Path, default=Path("fuzz-failures"))
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--scratch", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    asked.failures.mkdir(parents=True, exist_ok=True)
    if asked.child:
        child(asked.reader, asked.inputs, asked.seed, asked.corpus / asked.reader, asked.failures,
              asked.scratch)  # fmt: skip
        return 0
    readers = [asked.reader] if asked.reader else [name for name in SHARES if name != "layer"]
    total = sum(SHARES[name] for name in readers)
    for reader in readers:
        start = time.monotonic()
        inputs = asked.inputs * SHARES[reader] // total
        ran, taken = fuzz(reader, inputs, asked.seed, asked.corpus, asked.failures)
        print(f"{reader:20} {ran:9,} inputs  {taken:9,} read  {time.monotonic() - start:6.0f} s",
              flush=True)  # fmt: skip
    stories = sorted(asked.failures.glob("*.story"))
    print(*(path.name for path in stories), f"{len(stories)} kinds of failure", sep="\n")
    return 1 if stories else 0


if __name__ == "__main__":
    sys.exit(main())
