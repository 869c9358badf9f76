"""Results as a sweep would leave them, made without training: curves, predictions and step times drawn at random."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from harness.budgets import Budget
from harness.results import Results
from harness.results.contents import TestSet
from harness.results.predictions import Predictions
from harness.results.provenance import Provenance
from harness.results.records import EpochMetrics, Record
from harness.results.step_times import StepTimes
from harness.results.trials import Environment, Trial
from harness.suites import Suite
from harness.variants import BASELINE, Variant

ENVIRONMENT = Environment("cpu", "tensorflow", 1, (("keras", "3.15.0"), ("tensorflow", "2.21.0")))
PROVENANCE = Provenance(
    command="pytest suites --benchmark",
    started_at="2026-01-02T03:04:05+00:00",
    host="box",
    cpu="A processor",
    cpu_flags=("avx2",),
    cores=2,
    memory_mib=16_000,
    system="Linux 6.1",
    python="3.12.1",
    commit="0123456789abcdef0123456789abcdef01234567",
)
DIGITS = tuple("0123456789")


def made_results(
    folder: Path,
    suites: Sequence[Suite],
    *,
    seeds: int = 3,
    epochs: int = 4,
    images: int = 200,
    classes: Sequence[str] = DIGITS,
    dataset: str = "digits",
    timed: bool = True,
    failures: dict[str, str] | None = None,
) -> Results:
    """Return results of these suites; wider variants are better, every draw is the same each time.

    `failures` maps a variant's name to the message with which its first seed failed ("nan..." for diverged).
    """
    budget = Budget("full", epochs=epochs, seeds=seeds)
    labels = np.random.default_rng(0).permutation(np.arange(images) % len(classes)).astype(np.int64)
    members = list(dict.fromkeys(member for suite in suites for member in suite.members))
    records: dict[str, Record] = {}
    for number, variant in enumerate(members):
        for seed in range(1, seeds + 1):
            trial = Trial(variant, "", dataset, "f" * 16, seed, budget, ENVIRONMENT)
            message = (failures or {}).get(variant.name) if seed == 1 else None
            records[trial.key] = _record(trial, labels, len(classes), number, message)
    times: dict[str, StepTimes] = {}
    if timed:
        for suite in suites:
            for number, member in enumerate(suite.members):
                measured = _step_times(suite.baseline, member, budget, dataset, number)
                times[measured.key] = measured
    return Results(
        folder=folder,
        suites=tuple(suites),
        records=records,
        step_times=times,
        test_sets={("f" * 16, None): TestSet(tuple(classes), labels)},
        provenances=dict.fromkeys([*records, *times], PROVENANCE),
    )


def many_variants(count: int) -> list[Variant]:
    """Return so many variants over filters, dropout, l2 and augmentation."""
    found = [
        BASELINE.replace(filters=filters, dropout=dropout, l2=l2, augmentation=augmentation)
        for filters in ((32, 64), (16, 32), (64, 128), (32, 64, 64), (24, 48))
        for dropout in (0.0, 0.2, 0.4, 0.6)
        for l2 in (0.0, 0.001, 0.0001)
        for augmentation in ("none", "flip", "shift")
    ]
    return found[1 : count + 1]


def _record(trial: Trial, labels: np.ndarray, classes: int, number: int, message: str | None) -> Record:
    random = np.random.default_rng([number, trial.seed])
    if message is not None:
        status = "diverged" if message.startswith("nan") else "failed"
        history = (_epoch(0.1, random),) if status == "diverged" else ()
        return Record(trial, status, message=message, history=history)
    skill = 0.7 + 0.2 * np.sin(number * 1.3 + 1) ** 2
    history = tuple(
        _epoch(skill * (1 - 0.8 * np.exp(-(epoch + 1) / 3)), random) for epoch in range(trial.budget.epochs)
    )
    right = random.random(len(labels)) < skill
    predicted = np.where(right, labels, random.integers(0, classes, len(labels))).astype(np.uint16)
    sure = random.random(len(labels)) < 0.9
    predictions = Predictions(predicted, sure.astype(np.uint8), sure & (predicted == labels))
    accuracy = float((predicted == labels).mean())
    return Record(
        trial,
        "ok",
        epoch=len(history),
        history=history,
        accuracy=accuracy,
        precision=accuracy + 0.01,
        recall=accuracy - 0.01,
        macro_f1=accuracy - 0.002,
        loss=1 - accuracy,
        params=100_000 + number,
        build_s=0.1,
        train_time_s=10 + number + random.random(),
        total_s=12.0,
        peak_memory_mib=800.0 + number,
        predictions=predictions,
    )


def _epoch(level: float, random: np.random.Generator) -> EpochMetrics:
    a, b, c, d, e, f = (level + random.normal(0, 0.01, 6)).tolist()
    return EpochMetrics(a + 0.02, b, c, 1.2 - a, d, e, f, 1.25 - d, 1.0)


def _step_times(baseline: Variant, variant: Variant, budget: Budget, dataset: str, number: int) -> StepTimes:
    random = np.random.default_rng([7, number])
    factor = 1.0 if variant == baseline else 0.8 + 0.15 * (number % 5)

    def arm(middle: float) -> tuple[tuple[float, ...], ...]:
        return tuple(tuple((middle * random.normal(1, 0.02, 8)).tolist()) for _ in range(4))

    return StepTimes(
        key=f"{baseline.fingerprint}-{variant.fingerprint}",
        variant=variant,
        baseline=baseline,
        dataset=dataset,
        fingerprint="f" * 16,
        budget=budget,
        environment=ENVIRONMENT,
        steps_per_block=20,
        baseline_ms=arm(8.0),
        control_ms=arm(8.0),
        variant_ms=arm(8.0 * factor),
        predict_one_ms=1.0,
        predict_batch_ms=5.0,
        predict_batch=100,
        build_s=0.1,
        first_step_s=0.8,
        flops=8_455_420.0,
    )
