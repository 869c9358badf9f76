"""Tables: comparisons as text for people and files for programs."""

from harness.tables.columns import cell_text, head_text, shown_text
from harness.tables.files import write_tables
from harness.tables.render import FORMATS, render_frame
from harness.tables.screen import Screen, screen_of
from harness.tables.suite_table import suite_table

__all__ = [
    "FORMATS",
    "Screen",
    "cell_text",
    "head_text",
    "render_frame",
    "screen_of",
    "shown_text",
    "suite_table",
    "write_tables",
]
