"""Faults 24, 26, 27 and 41: other weights from the same trial, no GPU, a busy machine, a clock that jumps."""

import ast
import itertools
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

import harness
from harness import BASELINE, BUDGETS, run_trial
from harness.cli import run
from harness.doctor.determinism import Twice
from harness.timing.disturbances import LoadReading, LoadWatch, foreign_load
from harness.training.devices import has_gpu_hardware

# Modules that may read the wall's clock: they tell when something was made, or how old a file is.
TELL_THE_DATE = {"files.py", "keeping.py", "machine.py", "opening.py", "page.py", "provenance.py"}


def test_24_the_same_trial_with_other_weights_is_reported_by_the_doctor():
    program = "print('a' * 64); print('b' * 64)"
    check = Twice(subprocess.Popen([sys.executable, "-c", program], stdout=-1, stderr=-1, text=True)).judge()
    assert check.status == "failed"
    assert "different weights (aaaaaaaa and bbbbbbbb)" in check.found
    assert check.remedy


@pytest.mark.skipif(has_gpu_hardware(), reason="this machine has a GPU")
def test_26_a_gpu_that_is_not_there_is_refused_with_what_was_looked_for(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "suite_one.py").write_text(
        "from harness import BASELINE, Suite\nSUITE = Suite('one', [BASELINE.replace(dropout=0.5)])\n"
    )
    assert run(["sweep", "suite_one.py", "--device", "gpu"]) == 4
    assert "--device gpu: no GPU was found (looked for /dev/nvidia*, /dev/dxg and `nvidia-smi -L`)" in (
        capsys.readouterr().err
    )
    assert not (tmp_path / "results").exists()


def reading(**seconds: float) -> LoadReading:
    return LoadReading(**{"wall_s": 0.0, "busy_s": 0.0, "steal_s": 0.0, "own_s": 0.0} | seconds)


@pytest.mark.parametrize(
    ("end", "flags"),
    [
        ({"busy_s": 20.0, "own_s": 20.0}, []),
        ({"busy_s": 20.0, "own_s": 19.0}, []),
        ({"busy_s": 20.0, "own_s": 12.0}, ["other processes used up to 1 cores"]),
        ({"busy_s": 20.0, "own_s": 4.0}, ["other processes used up to 2 cores"]),
        ({"steal_s": 0.3}, []),
        ({"steal_s": 1.5}, ["the hypervisor took up to 10 % of the cores' time (steal)"]),
    ],
)
def test_27_foreign_load_is_flagged(end, flags):
    assert foreign_load(reading(), reading(wall_s=10.0, **end), cores=2) == flags


def test_27_a_tick_of_the_kernels_clock_is_no_load():
    assert foreign_load(reading(), reading(wall_s=0.05, busy_s=0.01), cores=2) == []


def test_27_a_busy_process_shows_in_the_readings_of_this_machine():
    busy = psutil.Popen([sys.executable, "-c", "while True: pass"], stdout=subprocess.DEVNULL)
    try:
        flags: tuple[str, ...] = ()
        # By the busy process's own clock, which stands still where the machine gives it no time.
        while not flags and busy.cpu_times().user < 20:
            watch, used = LoadWatch("cpu"), busy.cpu_times().user
            while busy.cpu_times().user < used + 0.5:
                pass
            flags = watch.flags()
        assert any("other processes used" in flag for flag in flags)
    finally:
        busy.kill()
        busy.wait()


def test_41_a_clock_that_jumps_back_changes_no_duration(digits, monkeypatch):
    days = itertools.count(0, -86400)
    monkeypatch.setattr(time, "time", lambda: float(next(days)))
    started = time.monotonic()
    record = run_trial(BASELINE.replace(filters=(2,), dense=()), digits, seed=1, budget=BUDGETS["smoke"])
    passed_s = time.monotonic() - started
    assert 0 < record.train_time_s < record.total_s < passed_s
    assert 0 < record.build_s < passed_s
    assert all(0 < epoch.seconds < passed_s for epoch in record.history)


def test_41_no_duration_is_taken_from_the_walls_clock():
    reads = set()
    for path in Path(harness.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and ast.unparse(node) in ("time.time", "time.time_ns", "datetime.now"):
                reads.add(path.name)
    assert reads <= TELL_THE_DATE
