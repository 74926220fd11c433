"""GitHub's workflow commands: an annotation per check that does not hold."""

from rnncli.render import Target
from rnncli.render.text import printable
from rnncli.report import Report
from rnncli.report.check import sentence


def render(report: Report, target: Target) -> str:
    """Return a line per check that fails, `::error file=...`, else one that says that all hold."""
    checks = report.tables[0].records()
    told = [(each, sentence(each)) for each in checks]
    lines = [
        f"::error file={_property(each['model'])},title=rnncli {each['name']}::{_text(text)}"
        for each, text in told
        if text is not None
    ]
    return "\n".join(lines or [f"::notice title=rnncli::{report.tables[0].title}"])


def _text(text: str) -> str:
    return printable(text).replace("%", "%25")


def _property(text: str) -> str:
    return _text(text).replace(":", "%3A").replace(",", "%2C")
