"""CSV and LaTeX: what other programs would run or misread is made harmless."""

import csv
import io

import pytest

from rnncli.render import Target, render
from rnncli.render.latex import escaped
from rnncli.report import Column, Report, Table, Total

COLUMNS = (Column("name", "Layer"), Column("params", "Param #", "count"),
           Column("mean", "Mean", "number"))  # fmt: skip


def report(*names: str, **rest: object) -> Report:
    rows = tuple((name, 1234, -0.5) for name in names)
    table = Table(COLUMNS, rows, totals=(Total("Params", "count", 1234, 2),), marked=frozenset({0}))
    return Report("params", {}, (table,), **rest)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ['=HYPERLINK("http://a")', "+1+1", "-2+3", "@SUM(A1)", "=1"])
def test_a_spreadsheet_runs_no_name(name: str) -> None:
    text = render(report(name), "csv", Target())
    _, row = csv.reader(io.StringIO(text, newline=""))
    assert row == [f"'{name}", "1234", "-0.5"]


@pytest.mark.parametrize("name", ["lstm", "-1", "+2.5e3", "a=b"])
def test_other_cells_stay_as_they_are(name: str) -> None:
    _, row = csv.reader(io.StringIO(render(report(name), "csv", Target()), newline=""))
    assert row[0] == name


def test_latex_is_a_booktabs_table() -> None:
    text = render(report("a_1", "b", notes=("100% of it",)), "latex", Target())
    assert text.splitlines()[2:] == [
        "\\begin{tabular}{lrr}",
        "\\toprule",
        "Layer & Param \\# & Mean \\\\",
        "\\midrule",
        "\\textbf{a\\_1} & \\textbf{1,234} & \\textbf{-0.5} \\\\",
        "b & 1,234 & -0.5 \\\\",
        "\\midrule",
        "\\multicolumn{3}{l}{Params: at least 1,234 (2 layers unknown)} \\\\",
        "\\bottomrule",
        "\\end{tabular}",
        "",
        "\\noindent 100\\% of it",
    ]


def test_equations_are_aligned_at_their_first_sign() -> None:
    math = ("h_t = \\tanh(x_t W_h)", "y_t = h_t")
    text = render(report(lines=("h_t = tanh(x_t @ W_h)",), math=math), "latex", Target())
    assert "\\begin{align*}\nh_t &= \\tanh(x_t W_h) \\\\\ny_t &= h_t\n\\end{align*}" in text
    assert "verbatim" not in text
    plain = render(report(lines=("h_t = tanh(x_t @ W_h)",)), "latex", Target())
    assert "\\begin{verbatim}\nh_t = tanh(x_t @ W_h)\n\\end{verbatim}" in plain


def test_no_name_is_a_command_of_latex() -> None:
    assert escaped("\\input{/etc/passwd}") == "\\textbackslash{}input\\{/etc/passwd\\}"
    assert escaped("[*] a_b^c~d #$%&") == (
        "{[}{*}{]} a\\_b\\textasciicircum{}c\\textasciitilde{}d \\#\\$\\%\\&"
    )
    assert escaped("\x1b\n") == "\\textbackslash{}x1b\\textbackslash{}x0a"
