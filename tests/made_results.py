"""Results folders made of drawn predictions: real records in a real store, without training."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from harness.budgets import BUDGETS, Budget
from harness.results.contents import TestSet
from harness.results.opening import open_store
from harness.results.predictions import Predictions
from harness.results.provenance import Provenance
from harness.results.records import EpochMetrics, Record
from harness.results.step_times import StepTimes, timing_key
from harness.results.trials import Environment, Trial
from harness.suites import Suite
from harness.variants import BASELINE, Variant

IMAGES = 300
CLASSES = 10
VERSIONS = (("keras", "3.15.1"), ("numpy", "2.4.6"), ("tensorflow", "2.21.0"))
DROPOUT = BASELINE.replace(dropout=0.5)
WIDE = BASELINE.replace(filters=(64, 128))

_LABELS = np.arange(IMAGES) % CLASSES


@dataclasses.dataclass(frozen=True)
class Made:
    """How a folder is made.

    `accuracies` are the shares of right answers, `step_ms` the milliseconds a step; by variant.
    """

    accuracies: Mapping[Variant, float] = dataclasses.field(
        default_factory=lambda: {BASELINE: 0.80, DROPOUT: 0.90, WIDE: 0.80}
    )
    step_ms: Mapping[Variant, float] = dataclasses.field(
        default_factory=lambda: {BASELINE: 8.0, DROPOUT: 8.0, WIDE: 20.0}
    )
    seeds: Sequence[int] = (1, 2, 3, 4, 5)
    failed: frozenset[tuple[Variant, int]] = frozenset()
    diverged: frozenset[tuple[Variant, int]] = frozenset()
    name: str = "dropout"
    versions: tuple[tuple[str, str], ...] = VERSIONS
    machine: str = "box"
    commit: str = "a" * 40
    fingerprint: str = "f" * 16
    noise: float = 0.01
    message: str = "no memory"
    budget: Budget = BUDGETS["quick"]
    backend: str = "tensorflow"
    started_at: str = "2026-01-02T03:04:05+00:00"
    groups: Sequence[int] | None = None


def make_results(folder: Path, made: Made) -> Path:
    """Write a results folder and return it."""
    environment = Environment("cpu", made.backend, 1, made.versions)
    variants = list(made.accuracies)
    with open_store(folder) as store:
        store.begin_run(_provenance(made))
        store.add_suite(Suite(made.name, tuple(variants[1:]), variants[0]))
        store.add_test_set(made.fingerprint, made.budget.max_images, _test_set(made))
        for variant in variants:
            for seed in made.seeds:
                trial = Trial(variant, "", "digits", made.fingerprint, seed, made.budget, environment)
                store.add_record(_record(trial, made))
            if variant in made.step_ms:
                store.add_step_times(_times(variants[0], variant, environment, made))
    return folder


def _test_set(made: Made) -> TestSet:
    groups = None if made.groups is None else np.array(made.groups)
    return TestSet(tuple("abcdefghij"), _LABELS, groups)


def _record(trial: Trial, made: Made) -> Record:
    place = (trial.variant, trial.seed)
    if place in made.failed:
        return Record(trial, "failed", made.message)
    history = tuple(
        EpochMetrics(0.5 + epoch / 20, 0.6, 0.5, 1 / epoch, 0.5 + epoch / 25, 0.6, 0.5, 1.1 / epoch, 0.5)
        for epoch in range(1, 6)
    )
    if place in made.diverged:
        return Record(trial, "diverged", "loss was not finite in epoch 2", history=history[:2])
    rng = np.random.default_rng([trial.seed, 7])
    share = made.accuracies[trial.variant] + made.noise * rng.standard_normal()
    right = rng.permutation(IMAGES) < share * IMAGES
    predicted = np.where(right, _LABELS, (_LABELS + 1) % CLASSES).astype(np.uint16)
    predictions = Predictions(predicted, np.ones(IMAGES, np.uint8), right)
    accuracy = float(right.mean())
    return Record(
        trial,
        "ok",
        "",
        5,
        history,
        accuracy,
        accuracy,
        accuracy,
        accuracy,
        0.4,
        315_722,
        0.1,
        2.5,
        3.0,
        810.0,
        predictions,
    )


def _times(baseline: Variant, variant: Variant, environment: Environment, made: Made) -> StepTimes:
    environment = dataclasses.replace(environment, threads=2)
    machine = _provenance(made).machine
    key = timing_key(
        baseline,
        variant,
        sources=("", ""),
        fingerprint=made.fingerprint,
        budget=made.budget,
        environment=environment,
        machine=machine,
    )
    rng = np.random.default_rng(int(key[:8], 16))

    def arm(ms: float) -> tuple[tuple[float, ...], ...]:
        return tuple(tuple((ms * np.exp(0.002 * rng.standard_normal(8))).tolist()) for _ in range(4))

    base, own = made.step_ms[baseline], made.step_ms[variant]
    return StepTimes(
        key, variant, baseline, "digits", made.fingerprint, made.budget, environment, 3,
        arm(base), arm(base), arm(own), 1.0, 20.0, 128, 0.1, 1.5, 1e6, 0.25,
    )  # fmt: skip


def _provenance(made: Made) -> Provenance:
    return Provenance(
        command="harness sweep",
        started_at=made.started_at,
        host=made.machine,
        cpu="AMD EPYC",
        cpu_flags=("avx2",),
        cores=2,
        memory_mib=4096,
        system="Linux 6",
        python="3.12.1",
        commit=made.commit,
    )
