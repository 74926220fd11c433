"""rnncli with one more of each kind of thing, each in the places that CONTRIBUTING names.

`python tests/additions.py summary --format shout` runs it. A module that would be a file of its own
is put among the loaded ones; a line of a table is added to that table. `new_cells.py` adds cells.
"""

import sys
from types import ModuleType
from typing import Any


def module(name: str, **contents: Any) -> None:
    """Enter a module as if it were a file."""
    made = ModuleType(f"rnncli.{name}")
    vars(made).update(contents)
    sys.modules[made.__name__] = made


def add_layer() -> None:
    """One entry in a file of `layers/`, its name in the table."""
    from rnncli import layers
    from rnncli.layers.layer_type import LayerType, each_step, signature
    from rnncli.layers.op import masked

    scaled = LayerType(
        signature("factor=2.0"),
        streams=each_step,
        run=lambda setup: masked(lambda x: x * setup.config["factor"]),
    )
    module("layers.scaling", TYPES={"Scaled": scaled})
    layers.TABLE["Scaled"] = "scaling"


def add_renderer() -> None:
    """One file, one line of the table."""
    from rnncli import render

    def shout(report: Any, target: Any) -> str:
        rows = (row for table in report.tables for row in table.records())
        return "\n".join(" ".join(map(str, row.values())).upper() for row in rows)

    module("render.shout", render=shout)
    render.TABLE["shout"] = "shout"
    render.FORMATS += ("shout",)


def add_format() -> None:
    """One reader, one line of the table, and how its content is told."""
    from rnncli import formats
    from rnncli.graph.expressions import parse_stack
    from rnncli.graph.infer import infer
    from rnncli.model import Source, sequential

    def read(path: str, optimizer: bool = False) -> Any:
        with open(path) as file:
            lines = file.read().splitlines()[1:]
        return infer(sequential(parse_stack(lines), source=Source("file", path, "Stack")))

    module("formats.stack", read=read)
    formats.READERS["stack"] = (".stack",)
    told = formats._recognise

    def recognise(file: Any, path: str) -> str:
        return "stack" if file.peek(6).startswith(b"#stack") else told(file, path)

    formats._recognise = recognise


def add_command() -> None:
    """One file, its name in the table."""
    from rnncli import cli
    from rnncli.cli.models import load
    from rnncli.cli.options import CellFlags, ModelFlags, OutputFlags, with_options
    from rnncli.cli.output import emit
    from rnncli.report import Column, Report, Table

    def command(model: ModelFlags, cell: CellFlags, output: OutputFlags) -> None:
        """Print how many layers there are.

        \b
        Examples:
          rnncli count
        """
        count = len(load(model, cell).rows)
        table = Table((Column("layers", "Layers", "count"),), ((count,),))
        emit(Report("count", {"layers": count}, (table,)), output)

    command.__annotations__ = {"model": ModelFlags, "cell": CellFlags, "output": OutputFlags}
    module("cli.count", command=with_options(command))
    cli.COMMANDS += ("count",)


def add_operator() -> None:
    """One entry in the file of operators that ONNX's reference lacks."""
    import numpy as np

    from rnncli.forward.onnx.operators.entry import operator

    operator("Rounded", domain="test")(lambda node, x: np.round(x))


if __name__ == "__main__":
    for add in (add_layer, add_renderer, add_format, add_command):
        add()
    if "--with-onnx" in sys.argv:
        sys.argv.remove("--with-onnx")
        add_operator()
    from rnncli.cli import main

    main()
