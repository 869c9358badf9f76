"""Comparisons beyond a suite: two results folders, or any two variants of one."""

from harness.folders.compare import FOLDER_COLUMNS, FolderComparison, compare_folders
from harness.folders.variants import compare_variants

__all__ = ["FOLDER_COLUMNS", "FolderComparison", "compare_folders", "compare_variants"]
