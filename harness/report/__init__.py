"""The report: one HTML file that opens offline and reads without scripts, and its charts as files."""

from harness.report.write import write_report

__all__ = ["write_report"]
