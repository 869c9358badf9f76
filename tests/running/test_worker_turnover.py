"""A worker that has built many models makes room for another: any of them may leave some memory behind."""

from pathlib import Path

import psutil
import pytest

from harness import BASELINE, BUDGETS
from harness.datasets import DatasetRef, load_dataset
from harness.results.trials import Trial
from harness.running.worker import MOST_BUILDS, Worker, WorkerSettings
from harness.running.worker_pool import PoolExecutor
from harness.training.devices import Device, training_environment


def worker():
    return Worker(WorkerSettings("cpu", 1, DatasetRef.of(load_dataset("digits")), (), Path("log")))


def test_a_worker_is_spent_after_many_models_and_not_after_many_seeds_of_one():
    variants = [BASELINE.replace(l2=number / 1000) for number in range(1, MOST_BUILDS + 1)]
    one = worker()
    for variant in variants[:-1]:
        for _ in range(30):
            one.begin(variant)
    assert not one.spent
    one.begin(variants[-1])
    assert one.spent


def test_an_own_model_is_built_for_each_trial():
    one = worker()
    for _ in range(MOST_BUILDS - 1):
        one.begin(BASELINE.replace(model="nets:build"))
    assert not one.spent
    one.begin(BASELINE.replace(model="nets:build"))
    assert one.spent


def processes():
    return {one.pid for one in psutil.Process().children(recursive=True)}


@pytest.mark.slow
def test_the_trial_that_makes_a_worker_spent_keeps_its_record_and_the_next_has_a_new_process(
    digits, tmp_path, monkeypatch
):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setenv("TMPDIR", str(scratch))
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    monkeypatch.delenv("PYTHONPYCACHEPREFIX", raising=False)
    environment, others = training_environment(Device("cpu")), processes()
    pool = PoolExecutor(
        DatasetRef.of(digits), environment, workers=1, timeout_s=600, log=tmp_path / "workers.log", most_builds=2
    )
    budget, found, records = BUDGETS["smoke"].override(seeds=1), [], []
    try:
        for filters in (1, 2, 3):
            variant = BASELINE.replace(filters=(filters,), dense=(2,))
            trial = Trial(variant, "", digits.name, digits.fingerprint, 1, budget, environment)
            records.append(pool.run(trial))
            found.append(processes() - others)
    finally:
        pool.close()
    assert [(one.status, one.trial.variant.filters) for one in records] == [("ok", (1,)), ("ok", (2,)), ("ok", (3,))]
    first, second, third = found
    assert first == second
    assert third
    assert not third & second
    assert processes() == others
    assert list(scratch.iterdir()) == []  # of what TensorFlow compiled, nor its bytecode
