"""A search killed at any instant goes on as if nothing had happened."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import random
import re
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from harness.cli import run
from harness.results.opening import read_store

SUITE = """
from harness import BASELINE
from harness.search import Float, Search

SEARCH = Search(
    "tiny",
    {
        "dense": [(4,), (8,), (16,)],
        "learning_rate": Float(0.001, 0.1, sampling="log"),
    },
    oracle=ORACLE,
    baseline=BASELINE.replace(filters=(4,), dense=(8,)),
    tries=TRIES,
    epochs=EPOCHS,
    seed=3,
)
"""
# Past the random points, six for two fields, so that the Gaussian process chooses too.
BAYESIAN = {"ORACLE": '"bayesian"', "TRIES": "9", "EPOCHS": "1"}
HYPERBAND = {"ORACLE": '"hyperband"', "TRIES": "None", "EPOCHS": "4"}


def command(folder: Path, results: str, *, workers: int = 1) -> list[str]:
    options = ["--budget", "smoke", "--seeds", "1", "--device", "cpu", "--workers", str(workers)]
    return ["search", str(folder / "suite_tiny.py"), "--results", str(folder / results), *options]


def run_and_kill_at_try(folder: Path, results: str, number: int, delay_s: float, workers: int) -> bool:
    """Start the search, kill it some time after a try was told; return whether it lived to be killed."""
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "harness", *command(folder, results, workers=workers)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    for line in process.stdout:
        if re.match(rf"\[{number}(/|\])", line):
            break
    try:
        process.wait(delay_s)
    except subprocess.TimeoutExpired:
        os.kill(process.pid, signal.SIGKILL)
    process.stdout.close()
    return process.wait() == -signal.SIGKILL


def content(folder: Path) -> tuple[dict[int, str], dict[str, Any], list[Any], Any]:
    """Return what a search left behind, but for the times that things took."""
    (key,) = ask(folder, "SELECT DISTINCT search FROM search_tries")
    twice = ask(folder, "SELECT key FROM trials GROUP BY key HAVING COUNT(*) > 1")
    with read_store(folder) as store:
        records = {}
        for trial, record in store.records().items():
            timeless = json.loads(record.to_json())
            for name in ("build_s", "train_time_s", "total_s", "peak_memory_mib"):
                timeless.pop(name)
            for epoch in timeless["history"]:
                epoch.pop("seconds")
            predictions = dataclasses.asdict(record.predictions) if record.predictions else {}
            records[trial] = (timeless, {name: array.tolist() for name, array in predictions.items()})
        return store.search_tries(key), records, twice, store.searches()


def ask(folder: Path, question: str) -> list[str]:
    """Return the answers of the store, each of one column."""
    with contextlib.closing(sqlite3.connect(folder / "harness.sqlite")) as connection:
        return [answer for (answer,) in connection.execute(question)]


@pytest.mark.slow
@pytest.mark.parametrize("oracle", [BAYESIAN, HYPERBAND], ids=["bayesian", "hyperband"])
def test_search_killed_twice_equals_an_uninterrupted_one(oracle: dict[str, str], tmp_path: Path) -> None:
    text = SUITE
    for word, value in oracle.items():
        text = text.replace(f"={word}", f"={value}")
    (tmp_path / "suite_tiny.py").write_text(text)
    instants = random.Random(os.environ.get("HARNESS_KILL_SEED", "7"))
    # Among the random points, and where the figures of earlier tries decide; the number of workers changes nothing.
    ends = [(2, 1), (7 if oracle is BAYESIAN else 9, 2)]
    killed = [run_and_kill_at_try(tmp_path, "killed", number, instants.random() * 0.7, n) for number, n in ends]
    assert any(killed)
    for results in ("killed", "whole"):
        assert run(command(tmp_path, results)) == 0
    assert content(tmp_path / "killed") == content(tmp_path / "whole")
    assert not (tmp_path / "killed" / "search").exists()
    if oracle is HYPERBAND:
        assert promoted_trials_that_went_on(tmp_path / "whole") == 2


def promoted_trials_that_went_on(folder: Path) -> int:
    """Return how many trials of a higher rung hold the very times that their earlier epochs took in the lower one."""
    (key,) = ask(folder, "SELECT DISTINCT search FROM search_tries")
    with read_store(folder) as store:
        records = {(one.trial.variant.to_json(), one.trial.budget.epochs): one for one in store.records().values()}
        tries = [json.loads(text) for text in store.search_tries(key).values()]
    promoted = [one for one in tries if one["start"]]
    return sum(
        records[one["variant"], one["epochs"]].history[: one["start"]] == records[one["variant"], one["start"]].history
        for one in promoted
    )
