"""A search killed at any instant goes on as if nothing had happened."""

from __future__ import annotations

import dataclasses
import json
import os
import random
import re
import signal
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
        "dropout": Float(0, 0.5),
        "learning_rate": Float(0.001, 0.1, sampling="log"),
    },
    oracle=ORACLE,
    baseline=BASELINE.replace(filters=(4,), dense=(8,)),
    tries=TRIES,
    epochs=EPOCHS,
    seed=3,
)
"""
# Past the random points, nine for three fields, so that the Gaussian process chooses too.
BAYESIAN = {"ORACLE": '"bayesian"', "TRIES": "13", "EPOCHS": "1"}
HYPERBAND = {"ORACLE": '"hyperband"', "TRIES": "None", "EPOCHS": "4"}


def command(folder: Path, results: str) -> list[str]:
    options = ["--budget", "smoke", "--seeds", "1", "--device", "cpu", "--workers", "2"]
    return ["search", str(folder / "suite_tiny.py"), "--results", str(folder / results), *options]


def run_and_kill_at_try(folder: Path, results: str, number: int, delay_s: float) -> bool:
    """Start the search, kill it some time after a try was told; return whether it lived to be killed."""
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "harness", *command(folder, results)],
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
    with read_store(folder) as store:
        keys = {key for (key,) in store._read("SELECT DISTINCT search FROM search_tries")}
        assert len(keys) == 1
        records = {}
        for key, record in store.records().items():
            timeless = json.loads(record.to_json())
            for name in ("build_s", "train_time_s", "total_s", "peak_memory_mib"):
                timeless.pop(name)
            for epoch in timeless["history"]:
                epoch.pop("seconds")
            predictions = dataclasses.asdict(record.predictions) if record.predictions else {}
            records[key] = (timeless, {name: array.tolist() for name, array in predictions.items()})
        rows = store._read("SELECT key, COUNT(*) FROM trials GROUP BY key HAVING COUNT(*) > 1")
        return store.search_tries(keys.pop()), records, rows, store.searches()


@pytest.mark.slow
@pytest.mark.parametrize("oracle", [BAYESIAN, HYPERBAND], ids=["bayesian", "hyperband"])
def test_search_killed_twice_equals_an_uninterrupted_one(oracle: dict[str, str], tmp_path: Path) -> None:
    text = SUITE
    for word, value in oracle.items():
        text = text.replace(f"={word}", f"={value}")
    (tmp_path / "suite_tiny.py").write_text(text)
    instants = random.Random(os.environ.get("HARNESS_KILL_SEED", "7"))
    # Among the random points, and where the figures of earlier tries decide.
    killed = [run_and_kill_at_try(tmp_path, "killed", number, instants.random() * 0.7) for number in (2, 9)]
    assert any(killed)
    for results in ("killed", "whole"):
        assert run(command(tmp_path, results)) == 0
    assert content(tmp_path / "killed") == content(tmp_path / "whole")
    assert not (tmp_path / "killed" / "search").exists()
    if oracle is HYPERBAND:
        assert promoted_trials_that_went_on(tmp_path / "whole") == 2


def promoted_trials_that_went_on(folder: Path) -> int:
    """Return how many trials of a higher rung hold the very times that their earlier epochs took in the lower one."""
    with read_store(folder) as store:
        records = {(one.trial.variant.to_json(), one.trial.budget.epochs): one for one in store.records().values()}
        (key,) = {key for (key,) in store._read("SELECT DISTINCT search FROM search_tries")}
        tries = [json.loads(text) for text in store.search_tries(key).values()]
    promoted = [one for one in tries if one["start"]]
    return sum(
        records[one["variant"], one["epochs"]].history[: one["start"]] == records[one["variant"], one["start"]].history
        for one in promoted
    )
