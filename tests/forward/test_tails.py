"""Activations far from zero keep their digits: a chance of one in a million is no 0."""

import json
from pathlib import Path

import numpy as np
import pytest

from rnncli.kernels.activations import activation

GOLDEN = json.loads((Path(__file__).parents[1] / "goldens" / "tails.json").read_text())


@pytest.mark.parametrize("name", GOLDEN["found"])
def test_far_values_are_those_of_pytorch(name: str) -> None:
    found = activation(name)(np.array(GOLDEN["x"], np.float32))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, GOLDEN["found"][name], rtol=2e-6, atol=1e-37)


def test_what_is_no_number_or_without_end() -> None:
    found = activation("sigmoid")(np.array([np.nan, -np.inf, np.inf], np.float32))
    np.testing.assert_array_equal(found, [np.nan, 0, 1])
