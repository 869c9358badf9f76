"""Tables: comparisons as text for people and files for programs."""

from harness.tables.cells import cell_text, full_text
from harness.tables.files import write_tables
from harness.tables.render import FORMATS, render_frame
from harness.tables.screen import Screen, screen_of
from harness.tables.suite_table import suite_table

__all__ = [
    "FORMATS",
    "Screen",
    "cell_text",
    "full_text",
    "render_frame",
    "screen_of",
    "suite_table",
    "write_tables",
]
