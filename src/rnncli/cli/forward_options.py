"""The options of `rnncli forward`."""

from typing import Annotated, Literal, NamedTuple

from typer import Option

from rnncli.cli.completion import layer_names
from rnncli.cli.options import OUTPUT, number, size
from rnncli.cli.pictures import Dark, Svg

INSIDE = "Inside the recurrent layers"


class InsideFlags(NamedTuple):
    """What to show of the inside of recurrent layers."""

    stats: Annotated[
        bool,
        Option("--stats", rich_help_panel=INSIDE,
               help="Print saturation, memory and NaN per layer."),
    ] = False  # fmt: skip
    plot: Annotated[
        bool,
        Option("--plot", rich_help_panel=INSIDE,
               help="Draw the state of the last recurrent layer over time."),
    ] = False  # fmt: skip
    gate: Annotated[
        str | None,
        Option("--gate", rich_help_panel=INSIDE, metavar="NAME", help="Draw this gate, such as f."),
    ] = None
    scale: Annotated[
        Literal["fixed", "auto"],
        Option("--scale", rich_help_panel=INSIDE,
               help="Scale of the colours: of the activation, or of the values."),
    ] = "fixed"  # fmt: skip
    svg: Svg = None
    dark: Dark = False

    def plotted(self) -> bool:
        """Whether to draw in the terminal: a gate is drawn there unless it goes to a file."""
        return self.plot or (self.gate is not None and self.svg is None)


class RunFlags(NamedTuple):
    """What to run on, and how."""

    input: Annotated[
        list[str] | None,
        Option(
            "-i",
            "--input",
            metavar="[NAME=]FILE",
            help="Input: .npy, .npz or .csv; - reads .npy from stdin.",
        ),
    ] = None
    weights: Annotated[
        str | None,
        Option(
            "--weights", metavar="FILE", help="Weights: .npz with Keras's names, .h5 or .keras."
        ),
    ] = None
    init: Annotated[
        Literal["keras", "uniform01"] | None,
        Option(
            "--init", help="Draw random weights in this way (default: keras).", show_default=False
        ),
    ] = None
    seed: Annotated[
        int, Option("--seed", min=0, metavar="N", help="Seed of random weights and inputs.")
    ] = 0
    batch_size: Annotated[
        int | None,
        number("--batch-size", "Number of random input sequences (default: 1).", size),
    ] = None
    dtype: Annotated[
        Literal["float32", "float64"], Option("--dtype", help="Type to compute in.")
    ] = "float32"
    until: Annotated[
        str | None,
        Option(
            "--until",
            metavar="LAYER",
            help="Stop after this layer and print its output.",
            autocompletion=layer_names,
        ),
    ] = None
    save: Annotated[
        str | None,
        Option(
            "-o",
            "--output",
            metavar="FILE",
            rich_help_panel=OUTPUT,
            help="Write the output to .npy, .csv or .npz; - writes .npy to stdout.",
        ),
    ] = None
