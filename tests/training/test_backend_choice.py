"""KERAS_BACKEND names what trains; one that is unknown, or not installed, is refused in one line everywhere."""

import sys

import pytest

from harness.cli import run as harness

SUITE = "from harness import BASELINE, Suite\nSUITE = Suite('a', [BASELINE.replace(l2=0.1)])\n"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("theano", 'KERAS_BACKEND is "theano": use tensorflow, jax, torch'),
        ("torhc", 'KERAS_BACKEND is "torhc": use tensorflow, jax, torch; did you mean "torch"?'),
        ("torch", 'KERAS_BACKEND is "torch", which is not installed: install it with `pip install torch`, or unset'),
    ],
)
def test_a_backend_that_cannot_train_is_refused_in_one_line(project, collect, capsys, monkeypatch, name, message):
    (project / "suite_a.py").write_text(SUITE)
    monkeypatch.setenv("KERAS_BACKEND", name)
    monkeypatch.setitem(sys.modules, "torch", None)  # as where it is not installed
    for command in (["plan", "suite_a.py"], ["sweep", "suite_a.py", "--results", "r"]):
        assert harness(command) == 4
        assert capsys.readouterr().err.startswith(f"error: {message}")
    for arguments in (["suite_a.py"], ["suite_a.py", "--benchmark"]):
        code, output = collect(*arguments)
        assert code == pytest.ExitCode.USAGE_ERROR
        assert f"ERROR: {message}" in output
    assert not (project / "r").exists()
