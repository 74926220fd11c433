"""JSON: one object, stable, for programs."""

import json

from rnncli.render import Target
from rnncli.report import Report


def render(report: Report, target: Target) -> str:
    """Return the report's data as one indented JSON object."""
    return json.dumps(_plain(report.json()), indent=2, ensure_ascii=True, allow_nan=False)


def _plain(value: object) -> object:
    """Return the value with NaN and infinities, which JSON lacks, as null."""
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return None
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value
