"""Test and benchmark Keras CNN variants against a baseline: accuracy and step time, with honest verdicts.

Names are imported when they are first used, so that `import harness` costs nothing and starts no TensorFlow.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from harness.version import __version__ as __version__

if TYPE_CHECKING:
    from harness.budgets import BUDGETS, Budget
    from harness.comparison import COLUMNS, compare
    from harness.datasets import Dataset, load_dataset
    from harness.errors import HarnessError, InputError
    from harness.models import build_model
    from harness.results import Results, load_results
    from harness.results.records import Record
    from harness.search import Search
    from harness.suites import Suite
    from harness.training.run_trial import run_trial
    from harness.variants import BASELINE, Variant

_HOMES = {
    "BASELINE": "harness.variants",
    "BUDGETS": "harness.budgets",
    "COLUMNS": "harness.comparison",
    "Budget": "harness.budgets",
    "Dataset": "harness.datasets",
    "HarnessError": "harness.errors",
    "InputError": "harness.errors",
    "Record": "harness.results.records",
    "Results": "harness.results",
    "Search": "harness.search",
    "Suite": "harness.suites",
    "Variant": "harness.variants",
    "build_model": "harness.models",
    "compare": "harness.comparison",
    "load_dataset": "harness.datasets",
    "load_results": "harness.results",
    "run_trial": "harness.training.run_trial",
}

__all__ = [  # sorted as _HOMES is
    "BASELINE",
    "BUDGETS",
    "COLUMNS",
    "Budget",
    "Dataset",
    "HarnessError",
    "InputError",
    "Record",
    "Results",
    "Search",
    "Suite",
    "Variant",
    "build_model",
    "compare",
    "load_dataset",
    "load_results",
    "run_trial",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'harness' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
