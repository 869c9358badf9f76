"""Gates: conditions on comparison tables that a build must not meet, such as `accuracy_verdict == 'worse'`."""

from harness.gates.gate import Gate, failed_rows, parse_gate

__all__ = ["Gate", "failed_rows", "parse_gate"]
