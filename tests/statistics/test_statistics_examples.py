import doctest
import importlib
import pkgutil

import pytest

import harness.statistics

MODULES = ["harness.comparison.verdicts"] + [
    f"harness.statistics.{module.name}" for module in pkgutil.iter_modules(harness.statistics.__path__)
]


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_in_the_docstrings_run(name):
    assert doctest.testmod(importlib.import_module(name)).failed == 0
