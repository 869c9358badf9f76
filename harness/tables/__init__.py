"""Tables: comparisons as text for people and files for programs."""

from harness.tables.cells import cell_text, full_text
from harness.tables.files import write_tables
from harness.tables.render import FORMATS, render_frame
from harness.tables.screen import Screen, screen_of
from harness.tables.suite_table import render_suite

__all__ = [
    "FORMATS",
    "Screen",
    "cell_text",
    "full_text",
    "render_frame",
    "render_suite",
    "screen_of",
    "write_tables",
]
