"""A worker that has built many models makes room for another: each of them leaves some memory behind."""

from pathlib import Path

from harness import BASELINE
from harness.datasets import DatasetRef, load_dataset
from harness.running.worker import MOST_BUILDS, Worker, WorkerSettings


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
