"""`rnncli diff`: what differs between two models."""

from contextlib import ExitStack
from typing import TYPE_CHECKING, Annotated, Any

from typer import Argument, BadParameter, Exit, Option

from rnncli.cli.completion import files as model_files
from rnncli.cli.options import OutputFlags, with_options
from rnncli.cli.output import emit, progress_bar, talk, warn
from rnncli.errors import ExitCode, FileError
from rnncli.model import Model

if TYPE_CHECKING:
    from rnncli.weights.differences import Difference


def tolerance(text: str) -> float:
    """Return a number of at least 0. Raises: typer.BadParameter, which names the flag."""
    try:
        value = float(text)
    except ValueError:
        value = -1
    if not 0 <= value < float("inf"):
        raise BadParameter(f"{text[:40]!r} is not a number from 0 on, such as 1e-6")
    return value


def _file(metavar: str, help: str) -> Any:
    return Argument(metavar=metavar, help=help, autocompletion=model_files, show_default=False)


@with_options
def command(
    a: Annotated[str, _file("A", "A model file.")],
    b: Annotated[str, _file("B", "Another, of any format.")],
    output: OutputFlags,
    values: Annotated[
        bool, Option("--values", help="Compare the values of the weights too.")
    ] = False,
    gates: Annotated[bool, Option("--gates", help="Compare the values gate by gate.")] = False,
    within: Annotated[
        float | None,
        Option(
            "--tolerance",
            parser=tolerance,
            metavar="X",
            show_default=False,
            help="Count values as equal up to this difference (default: 0).",
        ),
    ] = None,
) -> None:
    """Print what differs between two models; exit 1 if anything does.

    \b
    Examples:
      rnncli diff old.keras new.keras
      rnncli diff model.keras model.pt --values --tolerance 1e-6
      rnncli diff a.h5 b.h5 --gates --format markdown
    """
    from rnncli.report.diff import diff
    from rnncli.weights.differences import differences

    models = _read(a, output), _read(b, output)
    found = differences(*models)
    rows = (
        _values(models, found, within or 0, gates) if values or gates or within is not None else []
    )
    equal = not found.changes and all(row["same"] for row in rows)
    same = equal if not equal or all(model.complete for model in models) else None
    changes = [change._asdict() for change in found.changes]
    if same is False or output.format == "json":
        emit(diff(changes, rows, same, found.notes), output)
    elif same and output.verbose:
        _say(models, rows, found.notes)
    if same is None:
        talk("error: nothing differs, but not all of both models is known")
        talk("hint: rnncli summary says what is missing")
        raise Exit(ExitCode.USAGE)
    if not same:
        raise Exit(ExitCode.CHECK_FAILED)


def _read(path: str, output: OutputFlags) -> Model:
    from rnncli.formats import located, read
    from rnncli.weights.held import with_statistics

    model = with_statistics(located(read(path)))
    warn(model, output)
    return model


def _values(
    models: tuple[Model, Model], found: "Difference", within: float, gates: bool
) -> list[dict[str, Any]]:
    from rnncli.weights.compared import compared

    with ExitStack() as stack:
        for model in models:
            if model.store is None:
                raise FileError(f"{model.source.path}: it holds the architecture, but no weights")
        one, other = (stack.enter_context(model.store()) for model in models if model.store)
        progress = stack.enter_context(progress_bar("weights"))
        return list(compared(found.pairs, (one, other), within, gates, progress))


def _say(models: tuple[Model, Model], rows: list[dict[str, Any]], notes: list[str]) -> None:
    """Say on stderr what is the same."""
    what = f"{len(rows):,} weights are equal" if rows else "values are not compared"
    one, other = (model.source.path for model in models)
    talk(f"{one} and {other} are the same: {models[0].params:,} parameters; {what}")
    for note in notes:
        talk(note)
