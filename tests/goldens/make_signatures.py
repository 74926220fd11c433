"""Write the constructor of every class that `keras.layers` exports, and the class it is shown as.

Usage: python tests/goldens/make_signatures.py   (needs keras; not run by the tests)
"""

import inspect
import json
from pathlib import Path

import keras

HERE = Path(__file__).parent


def written(cls: type) -> str:
    """Return the arguments as in Python, without those that are collected."""
    parameters = list(inspect.signature(cls.__init__).parameters.values())[1:]
    plain = [p for p in parameters if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)]
    return ", ".join(str(p.replace(annotation=p.empty)) for p in plain)


def main() -> None:
    found = {name: getattr(keras.layers, name) for name in dir(keras.layers)}
    classes = {name: each for name, each in found.items() if isinstance(each, type)}
    signatures = {name: [cls.__name__, written(cls)] for name, cls in classes.items()}
    golden = {"keras": keras.__version__, "signatures": signatures}
    (HERE / "signatures.json").write_text(json.dumps(golden, indent=0) + "\n")


if __name__ == "__main__":
    main()
