"""Tables: comparisons as text for people and files for programs."""

from harness.tables.files import write_tables
from harness.tables.suite_table import FORMATS, render_frame, suite_table

__all__ = ["FORMATS", "render_frame", "suite_table", "write_tables"]
