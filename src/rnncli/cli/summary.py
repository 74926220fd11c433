"""`rnncli summary`: what is in a model."""

import os
from typing import Annotated

from typer import Option

from rnncli.cli.models import load, warn_of_unbuilt
from rnncli.cli.options import CellFlags, FilesFlags, SummaryOutputFlags, with_options
from rnncli.cli.output import emit, warn
from rnncli.cli.pictures import Dark, Svg, check_svg, save_svg
from rnncli.errors import UsageError


@with_options
def command(
    model: FilesFlags,
    cell: CellFlags,
    output: SummaryOutputFlags,
    expand_nested: Annotated[
        bool, Option("--expand-nested", help="List the layers of nested models too.")
    ] = False,
    show_trainable: Annotated[
        bool, Option("--show-trainable", help="Add a column that says which layers train.")
    ] = False,
    line_length: Annotated[
        int | None,
        Option("--line-length", min=1, max=10_000, metavar="N", help="Width of the table."),
    ] = None,
    optimizer: Annotated[
        bool, Option("--optimizer", help="Count the variables of a checkpoint's optimizer too.")
    ] = False,
    svg: Svg = None,
    dark: Dark = False,
) -> None:
    """Print what is in a model: the table of Keras's model.summary().

    \b
    Examples:
      rnncli summary
      rnncli summary model.keras --expand-nested
      rnncli summary *.h5 runs/
      rnncli summary --layer "Input((100, 32))" --layer "LSTM(64)" --format json
    """
    from rnncli.report.summary import classic_names, summarize

    if model.files and _is_many(model.files):
        _rows(model, cell, output, svg)
        return
    check_svg(svg, dark)
    found = load(model.single(), cell, optimizer=optimizer)
    warn(found, output)
    warn_of_unbuilt(found)
    if output.format == "classic":
        found = classic_names(found)
    report = summarize(
        found, expand_nested=expand_nested, show_trainable=show_trainable, optimizer=optimizer
    )
    if svg is not None:
        save_svg(report, svg, output, dark, line_length=line_length)
    if svg != "-":
        emit(report, output, line_length=line_length)


def _is_many(paths: list[str]) -> bool:
    """Whether the paths ask for a row each: several, or a folder that is no model itself."""
    from rnncli.formats import is_model_folder

    return len(paths) > 1 or (os.path.isdir(paths[0]) and not is_model_folder(paths[0]))


def _rows(model: FilesFlags, cell: CellFlags, output: SummaryOutputFlags, svg: str | None) -> None:
    """Print a row per file; --depth is how deep folders are searched. Raises: UsageError."""
    from rnncli.cli.several import summaries

    others = [flag for flag in cell.given() if flag != "--depth"]
    others += ["--layer"] * bool(model.layer) + ["--key"] * bool(model.key)
    others += ["--svg"] * (svg is not None)
    if others or output.format == "classic":
        flag = others[0] if others else "--format classic"
        raise UsageError(f"{flag} does not go with several files", f"leave {flag} out")
    summaries(model.files or [], cell.depth, output)
