"""Run ONNX's own tests of its operators through `rnncli forward`, and print how many agree.

    python conformance/onnx_nodes.py [-v]

Needs onnx beside rnncli. The cases are those of `onnx.backend.test.case.node.collect_testcases`
whose inputs and outputs are plain arrays. A case that is refused ends in one line and exit code 2;
one that is wrong gives other values, shapes or dtypes than ONNX states; one that crashes exits 70.
"""

import contextlib
import io
import sys
import tempfile
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper
from onnx.backend.test.case.node import collect_testcases

from rnncli.cli import main

RECURRENT = {"RNN", "LSTM", "GRU"}


def plain(value: Any) -> np.ndarray | None:
    """Return a tensor as an array that `numpy.save` can hold, None for sequences and the like."""
    if isinstance(value, onnx.TensorProto):
        value = numpy_helper.to_array(value)
    if not isinstance(value, np.ndarray) and not np.isscalar(value):
        return None
    array = np.asarray(value)
    if array.dtype.kind == "O":
        return array.astype(str)
    if array.dtype.isbuiltin != 1:  # bfloat16, float8, int4: of ml_dtypes, whose names .npy lacks
        return array.astype(np.int8 if "int" in array.dtype.name else np.float32)
    return array


def arrays_of(case: Any) -> tuple[list[Any], list[Any]] | None:
    inputs, outputs = case.data_sets[0]
    found = [[plain(each) for each in part] for part in (inputs, outputs)]
    if any(each is None for part in found for each in part):
        return None
    graph = case.model.graph
    types = [each.type.WhichOneof("value") for each in (*graph.input, *graph.output)]
    return (found[0], found[1]) if set(types) <= {"tensor_type"} else None


def run(arguments: list[str]) -> tuple[int, str]:
    """Return the exit code and what was said on stderr."""
    said = io.StringIO()
    argv, sys.argv = sys.argv, ["rnncli", *arguments]
    try:
        with (
            contextlib.redirect_stderr(said),
            contextlib.redirect_stdout(io.TextIOWrapper(io.BytesIO(), encoding="utf-8")),
        ):
            main()
        code: Any = 0
    except SystemExit as done:
        code = done.code or 0
    finally:
        sys.argv = argv
    return int(code), said.getvalue()


def compared(case: Any, folder: Path, inputs: list[Any], outputs: list[Any]) -> tuple[str, str]:
    model, target = folder / "m.onnx", folder / "y.npz"
    target.unlink(missing_ok=True)
    onnx.save(case.model, model)
    names = [each.name for each in case.model.graph.input]
    given = []
    for number, (name, array) in enumerate(zip(names, inputs, strict=False)):
        path = folder / f"{number}.npy"
        np.save(path, array)
        given += ["--input", f"{name}={path}"]
    code, said = run(["forward", str(model), *given, "-o", str(target)])
    if code == 2:
        return "refused", said.partition("\n")[0]
    if code:
        return "crashed", f"exit {code}: {said[-300:]}"
    with np.load(target) as found:
        got = [found[name] for name in found.files]
    if len(got) != len(outputs):
        return "wrong", f"{len(got)} outputs for {len(outputs)}"
    for one, other in zip(got, outputs, strict=True):
        if one.shape != other.shape:
            return "wrong", f"shape {one.shape} for {other.shape}"
        try:
            if other.dtype.kind in "US":
                np.testing.assert_array_equal(one, other)
                continue
            if one.dtype != other.dtype:
                return "wrong", f"{one.dtype} for {other.dtype}"
            np.testing.assert_allclose(one, other, rtol=case.rtol, atol=case.atol)
        except AssertionError as error:
            return "wrong", " ".join(str(error).split())[:200]
    return "equal", ""


def measure(verbose: bool) -> None:
    counts, recurrent, lines = Counter[str](), Counter[str](), []
    with tempfile.TemporaryDirectory() as name:
        for case in collect_testcases(None):
            found = arrays_of(case)
            if found is None:
                counts["not of plain arrays"] += 1
                continue
            outcome, why = compared(case, Path(name), *found)
            counts[outcome] += 1
            operators = {node.op_type for node in case.model.graph.node}
            if operators & RECURRENT:
                recurrent[outcome] += 1
            if outcome != "equal":
                lines.append(f"{outcome:8} {case.name}: {why}")
    total = sum(counts.values()) - counts["not of plain arrays"]
    print(*(lines if verbose else ()), sep="\n")
    versions = f"onnx {onnx.__version__}, numpy {np.__version__}"
    rest = ", ".join(f"{counts[each]} {each}" for each in ("refused", "wrong", "crashed"))
    print(f"{versions}: {counts['equal']:,} of {total:,} equal, {rest}")
    print(f"left out: {counts['not of plain arrays']} that take or give no plain arrays")
    print(f"recurrent: {recurrent['equal']} of {sum(recurrent.values())}")


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    measure("-v" in sys.argv)
