"""What tests of a user's own models share."""

import itertools

import pytest
from nets_of_a_line import HEAD

_numbers = itertools.count()


@pytest.fixture
def write(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)

    def write_module(source: str) -> str:
        name = f"contract_nets_{next(_numbers)}"
        (tmp_path / f"{name}.py").write_text(HEAD + source)
        return f"{name}:build"

    return write_module
