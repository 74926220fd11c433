"""The curve of a gradient: what each character says."""

from rnncli.render import Target
from rnncli.render.chart import draw
from rnncli.report import Chart
from rnncli.report.gradients import charts

VALUES = (1e-7, 1e-6, 1e-5, 5e-4, 0.02, 0.5, 1.0)


def test_each_line_is_a_power_of_ten() -> None:
    assert draw([Chart("lstm: norm", VALUES, 7)], Target()) == [
        "",
        "lstm: norm",
        "     1        ",
        "   0.1      ▆█",
        "  0.01     ▃██",
        " 0.001     ███",
        "0.0001    ▆███",
        " 1e-05    ████",
        " 1e-06   █████",
        "  step 1   5",
        "       Log scale: each line is ten times the one below.",
        "       Below 1e-06 nothing is drawn.",
    ]


def test_what_explodes_and_what_is_not_known() -> None:
    lines = draw([Chart("x", (None, 2e7, 3e3, 1.0), 4)], Target(unicode=False))
    assert lines[2:12] == [
        "100000  #  ", " 10000  #  ", "  1000  #: ", "   100  ## ", "    10  ## ", "     1  ## ",
        "   0.1  ###", "  0.01  ###", " 0.001 ?###", "  step 1",
    ]  # fmt: skip
    assert lines[-2:] == ["       Above 1,000,000 it goes on.", "       ? is not known."]


def row(norms: dict[int, float], last: int, reverse: bool = False) -> dict[str, object]:
    series = [{"step": step, "back": last - step, "h": norm} for step, norm in norms.items()]
    return {"name": "gru", "reverse": reverse, "gradient_series": series}


def test_columns_hold_the_largest_norm_and_lines_go_between_points() -> None:
    (chart,) = charts([row({3: 1e-4, 5: 1e-2, 6: 0.5, 7: 0.1}, 8)], 80)
    assert chart.values[:2] == (None, None)
    assert [f"{value:.3g}" for value in chart.values[2:] if value is not None] == [
        "0.0001", "0.001", "0.01", "0.5", "0.1", "1",
    ]  # fmt: skip
    (short,) = charts([row({3: 1e-4, 5: 1e-2, 6: 0.5, 7: 0.1}, 8)], 4)
    assert short.values == (None, 1e-4, 0.5, 1.0)
    (turned,) = charts([row({1: 0.1, 2: 0.2, 3: 0.4}, 4, reverse=True)], 80)
    assert turned.values == (1.0, 0.4, 0.2, 0.1)
    assert charts([row({}, 8)], 80) == ()
