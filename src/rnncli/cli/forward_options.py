"""The options of `rnncli forward`."""

from typing import Annotated, Literal, NamedTuple

from typer import Option

from rnncli.cli.completion import layer_names
from rnncli.cli.options import OUTPUT, size
from rnncli.cli.pictures import Dark, Svg

INSIDE = "Inside the recurrent layers"


class InsideFlags(NamedTuple):
    """What to show of the inside of recurrent layers."""

    stats: Annotated[
        bool, Option("--stats", rich_help_panel=INSIDE, help="Saturation, memory, NaN per layer.")
    ] = False
    plot: Annotated[
        bool,
        Option("--plot", rich_help_panel=INSIDE, help="Draw a state over time (the last layer's)."),
    ] = False
    gate: Annotated[
        str | None,
        Option("--gate", rich_help_panel=INSIDE, metavar="NAME", help="Draw this gate instead."),
    ] = None
    scale: Annotated[
        Literal["fixed", "auto"],
        Option("--scale", rich_help_panel=INSIDE,
               help="Colours for all values that there can be, or for those that there are."),
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
            "-i", "--input", metavar="[NAME=]FILE", help=".npy, .npz or .csv; - is .npy on stdin."
        ),
    ] = None
    weights: Annotated[
        str | None, Option("--weights", metavar="FILE", help=".npz with Keras's names, or .h5.")
    ] = None
    init: Annotated[
        Literal["keras", "uniform01"] | None,
        Option("--init", help="How to draw weights (keras).", show_default=False),
    ] = None
    seed: Annotated[int, Option("--seed", min=0, metavar="N", help="Of what is random.")] = 0
    batch_size: Annotated[
        int | None,
        Option(
            "--batch-size",
            parser=size,
            metavar="N",
            help="Random sequences (1).",
            show_default=False,
        ),
    ] = None
    dtype: Annotated[Literal["float32", "float64"], Option("--dtype", help="To compute in.")] = (
        "float32"
    )
    until: Annotated[
        str | None,
        Option(
            "--until",
            metavar="LAYER",
            help="Stop after this layer.",
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
            help="Write the output: .npy, .csv, .npz; - is .npy on stdout.",
        ),
    ] = None
