"""docs/reliability.md is true: all 48 faults stand in it, and every test that it names is there."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
ROWS = {int(number): row for number, row in re.findall(r"^\| (\d+) \|(.*)$", PAGE, re.MULTILINE)}


def test_every_fault_has_its_row_with_a_test():
    assert set(ROWS) == set(range(1, 49))
    assert [number for number, row in ROWS.items() if "`test_" not in row] == []


def test_every_test_that_is_named_is_there():
    defined = {
        node.name
        for path in (ROOT / "tests").rglob("test_*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef)
    }
    defined |= {path.stem for path in (ROOT / "tests").rglob("test_*.py")}
    named = set(re.findall(r"`(test_\w+)`", PAGE))
    assert len(named) > 48
    assert named <= defined, f"not there: {', '.join(sorted(named - defined))}"
