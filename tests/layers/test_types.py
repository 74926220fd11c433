"""Every layer type runs or says why not."""

import pytest

from rnncli.layers import TABLE, layer_type


@pytest.mark.parametrize("name", TABLE)
def test_every_type_runs_or_says_why_not(name: str) -> None:
    known = layer_type(name)
    assert (known.run is None) == bool(known.not_run)
