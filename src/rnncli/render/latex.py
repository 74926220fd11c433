"""LaTeX: booktabs tables and equations to paste into a paper."""

from collections.abc import Iterator

from rnncli.render import Target
from rnncli.render.text import cells_of, printable, right_aligned, total
from rnncli.report import Report, Table

_ESCAPES = str.maketrans({
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#",
    "_": r"\_", "%": r"\%", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}", '"': r"\textquotedbl{}",
    "`": r"\textasciigrave{}", "[": "{[}", "]": "{]}", "*": "{*}",  # \\ would take them
    "×": r"$\times$", "→": r"$\rightarrow$", "‖": r"$\|$", "∂": r"$\partial$", "…": r"\ldots{}",
    "−": "$-$", "≤": r"$\leq$", "≥": r"$\geq$",
})  # fmt: skip


def render(report: Report, target: Target) -> str:
    """Return the report's equations, its tables with their totals, and notes."""
    parts = ["% needs \\usepackage{booktabs,amsmath}"]
    if report.math:
        rows = (line.replace("=", "&=", 1) for line in report.math)
        parts.append("\n".join(("\\begin{align*}", " \\\\\n".join(rows), "\\end{align*}")))
    elif report.lines:
        parts.append("\n".join(("\\begin{verbatim}", *map(printable, report.lines),
                                "\\end{verbatim}")))  # fmt: skip
    for table in report.tables:
        if table.title:
            parts.append(f"\\noindent\\textbf{{{escaped(table.title)}}}")
        parts.append("\n".join(_lines(table)))
    parts += [f"\\noindent {escaped(note)}" for note in report.notes]
    return "\n\n".join(parts)


def _lines(table: Table) -> Iterator[str]:
    aligned = "".join("r" if right_aligned(column) else "l" for column in table.columns)
    yield f"\\begin{{tabular}}{{{aligned}}}"
    yield "\\toprule"
    yield _row([escaped(column.header) for column in table.columns])
    yield "\\midrule"
    for index, row in enumerate(cells_of(table)):
        cells = [escaped(text) for text in row]
        chosen = index in table.marked
        yield _row([f"\\textbf{{{text}}}" if text and chosen else text for text in cells])
    if table.totals:
        yield "\\midrule"
    for each in table.totals:
        text = f"{escaped(each.label)}: {escaped(total(each, table.style))}"
        yield _row([f"\\multicolumn{{{len(table.columns)}}}{{l}}{{{text}}}"])
    yield "\\bottomrule"
    yield "\\end{tabular}"


def _row(cells: list[str]) -> str:
    return f"{' & '.join(cells)} \\\\"


def escaped(text: str) -> str:
    """Return the text with what LaTeX would read as a command escaped."""
    return printable(text).translate(_ESCAPES)
