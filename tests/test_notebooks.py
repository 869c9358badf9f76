"""Every notebook in examples/ runs from its first cell to its last."""

import ast
import json
import re
from pathlib import Path

import pandas as pd
import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"
NOTEBOOKS = sorted(EXAMPLES.glob("*.ipynb"))


def run_cell(source, space):
    """Run a cell as Jupyter does, and return what it shows: the HTML or text of its last expression."""
    tree = ast.parse(source)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "<cell>", "exec"), space)
    if last is None:
        return None
    value = eval(compile(ast.Expression(last.value), "<cell>", "eval"), space)
    return value._repr_html_() if hasattr(value, "_repr_html_") else None if value is None else repr(value)


def test_there_is_a_notebook():
    assert NOTEBOOKS


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.name)
def test_a_notebook_runs_cell_by_cell_and_is_kept_without_outputs(notebook, monkeypatch, capsys):
    monkeypatch.chdir(EXAMPLES)
    content = json.loads(notebook.read_text(encoding="utf-8"))
    space, shown = {"__name__": "__main__"}, []
    for cell in content["cells"]:
        if cell["cell_type"] == "code":
            assert cell["outputs"] == []
            shown.append(run_cell("".join(cell["source"]), space))
    tables = [text for text in shown if text and "<table" in text]
    assert len(tables) >= 5
    assert "<caption>suite next</caption>" in tables[-2]
    assert re.search(r"\d+ of \d+ accuracies are settled", capsys.readouterr().out)
    assert isinstance(space["confusion"], pd.DataFrame)
    assert space["confusion"].sum(axis=1).to_numpy() == pytest.approx(1)
