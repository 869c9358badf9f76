"""Comparisons: records of a variant beside the baseline's, each ending in a verdict."""

from harness.comparison.columns import COLUMNS
from harness.comparison.groups import Group, group_records
from harness.comparison.judge import Comparison, Margins
from harness.comparison.suite_rows import compare, compare_results

__all__ = ["COLUMNS", "Comparison", "Group", "Margins", "compare", "compare_results", "group_records"]
