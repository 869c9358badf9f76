"""Fault 33 and its kin: a user's code that ends, doubles or hangs its process costs its own variant alone."""

import pytest

from harness import load_results
from harness.cli import run

NETS = """
import keras

def build(variant, shape, classes):
    i = keras.Input(shape)
    x = keras.layers.MaxPooling2D(8)(i)
    kind = variant.option("kind", "plain")
    if kind == "exit":
        import sys
        sys.exit(0)  # the user's exit
    if kind == "_exit":
        import os
        os._exit(0)  # the user's _exit
    if kind == "fork":
        import os
        os.fork()  # the user's fork
    if kind == "odd":
        raise type("Odd", (BaseException,), {})("an odd error")  # the user's odd
    return keras.Model(i, keras.layers.Dense(classes, activation="softmax")(keras.layers.Flatten()(x)))
"""
ARGUMENTS = """
import argparse
import own_nets
parser = argparse.ArgumentParser()
parser.add_argument("--width", type=int, default=4)
arguments = parser.parse_args()  # the user's arguments
build = own_nets.build
"""
KINDS = ("exit", "_exit", "fork", "odd")
SUITE = f"""
from harness import Suite, Variant
NET = Variant(model="own_nets:build")
KINDS = [NET.replace(options={{"kind": kind}}) for kind in {KINDS}]
SUITE = Suite("own", [*KINDS, Variant(model="own_arguments:build"), NET.replace(batch_size=16)], baseline=NET)
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "own_nets.py").write_text(NETS)
    (tmp_path / "own_arguments.py").write_text(ARGUMENTS)
    (tmp_path / "suite_own.py").write_text(SUITE)
    return tmp_path


@pytest.mark.slow
def test_33_code_that_ends_or_doubles_its_process_fails_its_own_variant_with_its_line(project, capsys):
    assert run(["sweep", "suite_own.py", "--budget", "smoke", "--workers", "1"]) == 1
    told = capsys.readouterr().err
    records = load_results(project / "results").records.values()
    messages = {dict(r.trial.variant.options).get("kind", r.trial.variant.model): r.message for r in records}
    assert sorted(r.status for r in records) == ["failed"] * (len(KINDS) + 1) + ["ok"] * 2
    for kind in KINDS:
        assert f"# the user's {kind}" in messages[kind], messages[kind]
        assert "own_nets.py, line " in messages[kind]
        assert messages[kind] in told
    assert "# the user's arguments" in messages["own_arguments:build"]
    assert (project / "results/tables/comparison.csv").is_file()
    assert not list((project / "results").glob("*.trace"))


LATE = """
import sys
import own_nets

def build(variant, shape, classes):
    if variant.batch_size == 16 and "harness.timing.timer" in sys.modules:
        raise MemoryError("no room left")
    return own_nets.build(variant, shape, classes)
"""
LATE_SUITE = """
from harness import Suite, Variant
NET = Variant(model="own_late:build")
SUITE = Suite("late", {"small-batch": NET.replace(batch_size=16)}, baseline=NET)
"""


@pytest.mark.slow
def test_a_variant_that_fails_in_its_timing_alone_is_named_and_counted(project, capsys):
    (project / "own_late.py").write_text(LATE)
    (project / "suite_own.py").write_text(LATE_SUITE)
    assert run(["sweep", "suite_own.py", "--budget", "smoke", "--workers", "1", "--time"]) == 1
    told = capsys.readouterr()
    message = 'model "own_late:build" failed: MemoryError: no room left'
    assert f"failed: step time of small-batch: {message}" in told.err
    assert f"[2/2] step time of small-batch: failed: {message}" in told.out
