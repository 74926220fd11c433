"""The direction of imports, read from the source."""

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "rnncli"
SPINE = {"errors", "shapes", "activation_names"}
MODEL = SPINE | {"cell", "cells", "storage", "model"}
CONFIGS = MODEL | {"layers", "graph", "equations", "notation", "kernels"}

# What the modules of a folder (or a file at the top) may import of rnncli itself.
MAY_IMPORT = {
    "errors": set(),
    "shapes": {"errors"},
    "activation_names": {"errors"},
    "units": {"errors"},
    "interrupts": set(),
    "atomic": {"errors", "interrupts"},
    "cell": set(),
    "cells": {"cell"},
    "storage": set(),
    "model": {"shapes", "storage"},
    "notation": {"cell"},
    "equations": {"cell", "notation"},
    "kernels": SPINE | {"cell", "cells", "kernels"},
    "layers": MODEL | {"kernels", "layers"},
    "graph": SPINE | {"cells", "graph", "layers", "model"},
    "formats": CONFIGS - {"equations", "notation", "kernels"} | {"formats"},
    "forward": CONFIGS - {"equations", "notation"} | {"forward", "atomic"},
    "weights": CONFIGS - {"equations", "notation"} | {"forward", "atomic", "weights"},
    "report": CONFIGS - {"kernels"} | {"report"},
    "render": SPINE | {"report", "render", "units"},
    "cli": None,  # anything
    "__main__": None,
}

# Third-party modules, and where they may be imported at all.
THIRD_PARTY = {
    "numpy": {"forward", "kernels", "layers", "weights"},
    "h5py": {"formats"},
    "safetensors": {"formats"},
    "onnx": {"formats", "forward/onnx"},
    "tflite": {"formats/tflite"},
    "rich": {"render", "cli"},
    "typer": {"cli"},
}

MODULES = sorted(SOURCE.rglob("*.py"))


def place(path: Path) -> str:
    relative = path.relative_to(SOURCE).with_suffix("")
    return relative.parts[0]


def module(path: Path) -> str:
    parts = path.relative_to(SOURCE.parent).with_suffix("").parts
    return ".".join(parts).removesuffix(".__init__")


NAMES = {module(path) for path in MODULES}


def imports(path: Path) -> set[str]:
    """Return what a module imports, and the modules that it names to load them later."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found |= NAMES & {node.value, f"rnncli.{node.value}"} if "." in node.value else set()
    return found


def test_every_place_has_a_rule() -> None:
    assert {place(path) for path in MODULES} - {"__init__"} == set(MAY_IMPORT)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_imports_go_right(path: Path) -> None:
    allowed = MAY_IMPORT.get(place(path), set())
    if allowed is None:
        return
    for name in imports(path):
        top, _, rest = name.partition(".")
        if top == "rnncli" and rest:
            assert rest.split(".")[0] in allowed, f"{path} imports {name}"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_third_party_modules_stay_in_their_place(path: Path) -> None:
    relative = str(path.relative_to(SOURCE).with_suffix(""))
    for name in imports(path):
        places = THIRD_PARTY.get(name.split(".")[0])
        if places is not None:
            assert any(relative.startswith(place) for place in places), f"{path} imports {name}"


@pytest.mark.parametrize("path", [p for p in MODULES if place(p) == "render"], ids=lambda p: p.stem)
def test_renderers_draw_rows_and_know_no_command(path: Path) -> None:
    """What a report holds beside its rows is for `json`."""
    nodes = ast.walk(ast.parse(path.read_text()))
    read = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    assert not read & {"data", "command"}


def test_no_modules_import_each_other() -> None:
    """Functions that import count, imports for type checkers do not: these load nothing."""
    names = {module(path): path for path in MODULES}
    wanted = {name: loaded(path) & set(names) - {name} for name, path in names.items()}
    while wanted:
        free = {name for name, needed in wanted.items() if not needed & set(wanted)}
        assert free, f"a circle among {sorted(wanted)}"
        wanted = {name: needed for name, needed in wanted.items() if name not in free}


def loaded(path: Path) -> set[str]:
    """Return the modules that a module loads, sooner or later."""
    tree = ast.parse(path.read_text())
    typed = {
        id(each)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for statement in node.body
        for each in ast.walk(statement)
    }
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import) and id(node) not in typed:
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and id(node) not in typed:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                found.add(inner if inner in NAMES else str(node.module))
    return found
