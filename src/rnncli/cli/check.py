"""`rnncli check`: does it hold."""

from typing import TYPE_CHECKING, Annotated, NamedTuple, TypeAlias

from typer import Argument, Exit, Option

from rnncli.cli.completion import files as model_files
from rnncli.cli.models import load, steps_of, warn_of_unbuilt, with_dims
from rnncli.cli.options import (
    CellFlags,
    CheckOutputFlags,
    Dims,
    Key,
    ModelFlags,
    StackFlags,
    number,
    with_options,
)
from rnncli.cli.output import emit, silence_stdout, talk, warn
from rnncli.cli.several import found_in, names_from, nothing_in
from rnncli.errors import ExitCode, FileError, RnncliError, UsageError
from rnncli.model import Model
from rnncli.shapes import parse

if TYPE_CHECKING:
    from rnncli.forward.finite import Finite
    from rnncli.report.check import Limits, Subject


Job: TypeAlias = "tuple[ModelFlags, Limits]"


class LimitFlags(NamedTuple):
    """What has to hold; None: not asked."""

    params: Annotated[int | None, number("--params", "The exact number of parameters.")] = None
    max_params: Annotated[int | None, number("--max-params", "Most parameters, such as 50k.")] = (
        None
    )
    max_bytes: Annotated[
        int | None, number("--max-bytes", "Most bytes of weights, such as 64KiB.")
    ] = None
    max_macs: Annotated[
        int | None, number("--max-macs", "Most multiply-accumulates per sequence, such as 1.5M.")
    ] = None
    output_shape: Annotated[
        list[str] | None,
        Option("--output-shape", metavar="SHAPE",
               help='The output shape, such as "None,100,64"; once per output.'),
    ] = None  # fmt: skip
    no_nan: Annotated[bool, Option("--no-nan", help="No weight is NaN or infinite.")] = False

    def limits(self) -> "Limits":
        """Return the limits. Raises: UsageError if there are none."""
        from rnncli.report.check import Limits

        shapes = tuple(map(parse, self.output_shape)) if self.output_shape else None
        if shapes and () in shapes:
            raise UsageError("--output-shape has no sizes", "write None,100,64 (None: any size)")
        found = Limits(
            self.params, self.max_params, self.max_bytes, self.max_macs, shapes, self.no_nan
        )
        if found == Limits():
            raise UsageError(
                "check needs a limit", "add --max-params, --params or --output-shape, say"
            )
        return found


@with_options
def command(
    stack: StackFlags,
    cell: CellFlags,
    output: CheckOutputFlags,
    asked: LimitFlags,
    files: Annotated[
        list[str] | None,
        Argument(
            metavar="[FILE]...",
            help="Model files or folders.",
            show_default=False,
            autocompletion=model_files,
        ),
    ] = None,
    key: Key = None,
    dim: Dims = None,
    files_from: Annotated[
        str | None,
        Option("--files-from", metavar="FILE", help="Read file names from this file; - is stdin."),
    ] = None,
    budget: Annotated[
        str | None,
        Option(
            "--budget", metavar="FILE", help="Read limits per pattern of files from this TOML file."
        ),
    ] = None,
) -> None:
    """Check models against limits; exit 1 if one does not hold.

    \b
    Examples:
      rnncli check model.keras --max-params 50k
      rnncli check a.h5 runs/ --max-bytes 2MB --no-nan --format junit
      find . -name "*.keras" | rnncli check --files-from - --max-params 1M
      rnncli check --cell gru --units 64 --params 18816 --output-shape "None,64"
      rnncli check --budget budgets.toml
    """
    from rnncli.report.check import Limits, check, failures

    named = [*(files or ()), *(names_from(files_from) if files_from else ())]
    if budget is None:
        jobs = _asked(asked.limits(), named, stack, cell, key)
    else:
        jobs = _budgeted(budget, named, asked, stack, key)
    read, errors = _read(jobs, cell, output, dim)
    report = check(read, Limits(), steps_of(cell) if cell.steps is not None else None)
    try:
        emit(report, output)
    except BrokenPipeError:  # what was found stands, read or not
        silence_stdout()
    for line in failures(report):
        talk(f"check failed: {line}")
    for broken in errors:
        talk(f"error: {broken.message}")
        if broken.hint:
            talk(f"hint: {broken.hint}")
    if not report.ok:
        raise Exit(ExitCode.USAGE if errors else ExitCode.CHECK_FAILED)


def _asked(
    limits: "Limits", named: list[str], stack: StackFlags, cell: CellFlags, key: str | None
) -> list[Job]:
    """Return the models that a line names, all with its limits. Raises: UsageError."""
    if not (named or stack.layer or cell.given()):
        raise UsageError("check is given no model: no file, no --layer and no cell flag",
                         "name one: rnncli check --cell lstm --max-params 50k")  # fmt: skip
    models = [ModelFlags(file, stack.layer, key) for file in found_in(named)]
    if named and not models:
        raise nothing_in(named)
    return [(model, limits) for model in models or [ModelFlags(None, stack.layer, key)]]


def _budgeted(
    budget: str, named: list[str], asked: LimitFlags, stack: StackFlags, key: str | None
) -> list[Job]:
    """Return the models of a budget file, each with its limits. Raises: UsageError, FileError."""
    from rnncli.cli.budget import budgeted

    if asked != LimitFlags():
        raise UsageError("--budget holds the limits", "leave the other limits out")
    if stack.layer:
        raise UsageError("--budget is about files", "leave --layer out")
    return [(ModelFlags(file, None, key), limits) for file, limits in budgeted(budget, named)]


def _read(
    jobs: list[Job], cell: CellFlags, output: CheckOutputFlags, dim: list[str] | None
) -> tuple[list["Subject"], list[RnncliError]]:
    """Return the models, and why some of several cannot be read. Raises: the only one's error."""
    from rnncli.formats import located
    from rnncli.report.check import Subject

    subjects: list[Subject] = []
    errors: list[RnncliError] = []
    for model, limits in jobs:
        try:
            found = located(with_dims(load(model, cell, allow=("--steps",)), dim))
            of = f"{model.file}: " if len(jobs) > 1 else ""
            warn(found, output, of)
            warn_of_unbuilt(found, of)
            subject = _subject(found, model.file, limits.no_nan)
            subjects.append(subject._replace(limits=limits))
        except RnncliError as error:
            if len(jobs) == 1 or isinstance(error, UsageError):
                raise
            errors.append(error)
            subjects.append(Subject(model.file or "", None, error=error.message, limits=limits))
    return subjects, errors


def _subject(found: Model, file: str | None, no_nan: bool) -> "Subject":
    from rnncli.report.check import Subject

    if not no_nan:
        return Subject(file or found.name, found)
    seen = _not_finite(found, file)
    return Subject(file or found.name, found, seen.bad, seen.read, seen.total)


def _not_finite(model: Model, file: str | None) -> "Finite":
    from rnncli.forward.finite import count_not_finite

    if file is None:
        raise UsageError("--no-nan looks at the weights in a file, but no file is given")
    if model.store is None:
        raise FileError(f"{file}: it holds no weights for --no-nan to look at")
    return count_not_finite(model)
