"""JUnit's XML: a test case per check."""

from xml.sax.saxutils import escape, quoteattr

from rnncli.render import Target
from rnncli.render.text import printable
from rnncli.report import Report
from rnncli.report.check import sentence


def render(report: Report, target: Target) -> str:
    """Return one test suite; what cannot be read is an error, what does not hold a failure."""
    checks = report.tables[0].records()
    cases = []
    errors = sum(each["name"] == "read" for each in checks)
    failures = sum(not each["ok"] for each in checks) - errors
    for each in checks:
        head = f"<testcase classname={_quoted(each['model'])} name={_quoted(each['name'])}"
        text = sentence(each)
        if text is None:
            cases.append(f"  {head}/>")
            continue
        tag = "error" if each["name"] == "read" else "failure"
        shown = escape(printable(text))
        cases.append(f"  {head}><{tag} message={_quoted(text)}>{shown}</{tag}></testcase>")
    counts = f'tests="{len(checks)}" failures="{failures}" errors="{errors}"'
    return "\n".join(
        [
            '<?xml version="1.0" encoding="UTF-8"?>',
            f'<testsuite name="rnncli check" {counts}>',
            *cases,
            "</testsuite>",
        ]
    )


def _quoted(text: str) -> str:
    return quoteattr(printable(text))
