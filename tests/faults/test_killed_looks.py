"""Fault 1 across looks: killed in the midst of two rounds, a sweep with --seeds auto ends as an undisturbed one.

No test here depends on how fast anything is: each waits for what it needs to see.
"""

import dataclasses
import json
import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from waiting import ended, wait_until

from harness import load_results
from harness.cli import run
from harness.comparison import compare
from harness.options import JOB
from harness.running.job import begin, prepare
from harness.running.job_settings import JobSettings
from harness.running.train import run_rounds
from harness.suite_files import load_suites

pytestmark = pytest.mark.slow

SUITE = """
from harness import BASELINE, Suite
SMALL = BASELINE.replace(filters=(4, 8))
ONE = Suite("one", [SMALL.replace(filters=(16, 32)), SMALL.replace(dropout=0.1)], SMALL)
"""
AUTO = {"budget": "smoke", "seeds": "auto", "max-seeds": "8", "device": "cpu"}
SWEEP = ["sweep", "suites", "--workers", "1", *(part for name, value in AUTO.items() for part in (f"--{name}", value))]


def trained():
    if not Path("results/harness.sqlite").exists():
        return []
    with sqlite3.connect("file:results/harness.sqlite?mode=ro", uri=True, timeout=30) as connection:
        try:
            return [key for (key,) in connection.execute("SELECT key FROM trials")]
        except sqlite3.OperationalError:
            return []  # the very first transaction has not ended


def table(folder):
    times = ["train_time_s", "time_to_baseline_s", "peak_memory_mib", "trained_at"]
    frame = compare(load_results(folder)).drop(columns=times)
    return json.loads(frame.to_json(orient="records"))


def test_fault_1_killed_across_looks_a_sweep_ends_with_the_trials_and_the_table_of_an_undisturbed_one(project):
    (project / "suites").mkdir()
    (project / "suites/suite_one.py").write_text(SUITE)
    for stop_at in (4, 17):  # of 15 in the first round
        sweep = subprocess.Popen(
            [sys.executable, "-m", "harness", *SWEEP], stdout=subprocess.DEVNULL, start_new_session=True
        )
        wait_until(lambda n=stop_at, sweep=sweep: len(trained()) >= n or sweep.poll() is not None)
        children = [] if sweep.poll() is not None else psutil.Process(sweep.pid).children(recursive=True)
        os.kill(sweep.pid, signal.SIGKILL)
        sweep.wait()
        wait_until(lambda children=children: all(map(ended, children)))
    assert run(SWEEP) == 0
    keys = trained()
    assert len(keys) == len(set(keys)) > 15
    known = load_results("results").records
    assert set(known) == set(keys)

    # An undisturbed run with the same outcomes: it needs these very trials, and says the same of them.
    values = {one.variable: one.value(AUTO.get(one.name)) for one in JOB} | {"results": project / "whole"}
    job = prepare(JobSettings.of(values), load_suites([project / "suites"]))
    tried: set[str] = set()
    with begin(job) as store:

        def train(trials):
            for trial in trials:
                store.add_record(dataclasses.replace(known[trial.key], trial=trial))
                tried.add(trial.key)
            return True

        assert not run_rounds(job, train, tried).todo
    assert tried == set(keys)
    assert table("results") == table("whole")
