"""Clocks that were never set, are set back meanwhile or stand after all time, and a zone that is none."""

import itertools
import subprocess
import sys
import time

import pytest
from made_results import BASELINE, Made, make_results

from harness import BUDGETS
from harness.cli import run
from harness.results.trials import Trial
from harness.training.devices import find_device, training_environment
from harness.training.trial import Trainer


@pytest.fixture
def zone(monkeypatch):
    """Return what sets this process's time zone, until the test ends."""
    with monkeypatch.context() as patch:

        def change(name):
            patch.setenv("TZ", name)
            time.tzset()

        yield change
    time.tzset()


@pytest.mark.parametrize("command", [["list"], ["tables"], ["--help"]])
def test_a_clock_after_all_time_is_told(command, monkeypatch, capsys):
    def no_time():
        raise OverflowError("timestamp too large to convert to C _PyTime_t")

    with monkeypatch.context() as patch:
        patch.setattr(time, "time", no_time)
        assert run(command) == 4
    assert capsys.readouterr().err == (
        "error: this machine's clock is set to after the year 2262, a time that Python cannot tell: set it (`date`)\n"
    )


def test_a_clock_that_no_archive_can_tell_costs_no_model(digits, monkeypatch):
    """Files of a zip are of 1980 to 2107."""
    seconds = itertools.count(86_400.0)
    monkeypatch.setattr(time, "time", lambda: next(seconds))
    environment = training_environment(find_device("cpu"))
    small = BASELINE.replace(filters=(2,), dense=())
    trial = Trial(small, "", "digits", digits.fingerprint, 1, BUDGETS["smoke"], environment, keep_model=True)
    model = Trainer().run(trial, digits).model
    assert (model.trouble, model.ending) == ("", ".keras")


SET_BACK = """
import itertools, subprocess, sys
import psutil
from harness.running.keeper import end_descendants
earlier = itertools.count(0, -3600)
psutil.Process.create_time = lambda self: float(next(earlier))
sleeper = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
end_descendants(but=1)
sleeper.stdin.close()
print(sleeper.wait())
"""


def test_a_clock_that_is_set_back_meanwhile_leaves_no_process():
    """When a process began is told by the clock: a child may then seem older than what started it."""
    ended = subprocess.run([sys.executable, "-c", SET_BACK], capture_output=True, text=True, check=False, timeout=600)
    assert ended.stdout == "-9\n", ended.stderr


@pytest.mark.parametrize("name", ["UTC+30", "UTC-25:59:59"])
def test_a_zone_of_more_than_a_day_is_told_before_optuna_meets_it(tmp_path, zone, capsys, name):
    pytest.importorskip("optuna")
    folder = make_results(tmp_path / "results", Made({BASELINE: 0.5}, step_ms={}, seeds=(1,)))
    zone(name)
    assert run(["export", "--results", str(folder), "--format", "optuna", "--output", str(tmp_path / "x.db")]) == 4
    assert capsys.readouterr().err == (
        f"error: TZ={name} is a zone of a day or more beside UTC, which Optuna cannot store: set TZ to that of this "
        "place (TZ=UTC does)\n"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["results"]
