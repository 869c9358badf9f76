"""Comparisons: records of a variant beside the baseline's, each ending in a verdict."""

from harness.comparison.columns import COLUMNS
from harness.comparison.groups import Group, group_records
from harness.comparison.judge import Comparison, Judge, Margins
from harness.comparison.suite_rows import (
    SuiteComparison,
    compare,
    compare_all,
    compare_groups,
    each_comparison,
    frame_of,
)

__all__ = [
    "COLUMNS",
    "Comparison",
    "Group",
    "Judge",
    "Margins",
    "SuiteComparison",
    "compare",
    "compare_all",
    "compare_groups",
    "each_comparison",
    "frame_of",
    "group_records",
]
