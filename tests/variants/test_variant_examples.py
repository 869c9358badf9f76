import doctest
import importlib

import pytest


@pytest.mark.parametrize("module", ["variant", "naming", "sizes"])
def test_the_examples_in_the_docstrings_hold(module):
    result = doctest.testmod(importlib.import_module(f"harness.variants.{module}"))
    assert result.attempted > 0
    assert result.failed == 0
