"""The suites that come along: what the default job runs, what they cover, and why each variant is there."""

from pathlib import Path

import pytest

from harness import BASELINE
from harness.budgets import Budget
from harness.datasets.facts import DatasetFacts
from harness.running.plan import make_plan
from harness.suite_files import declared_in, load_suite_files, load_suites, suites_of
from harness.suites import Suite
from harness.training.devices import Device, training_environment
from harness.training.trial import Trainer
from harness.variants import check_variant
from harness.variants.rules import AUGMENTATIONS, BACKBONES

FOLDER = Path(__file__).parents[2] / "suites"
SOURCES = load_suite_files([FOLDER])
FILES = [source.path for source in SOURCES]
DECLARED = suites_of(SOURCES, slow=True)
KNOBS = (
    "kernel_size", "dense", "pooling", "activation", "batch_norm", "l1", "l2", "optimizer", "learning_rate",
    "batch_size", "augmentation", "backbone", "dropout",
)  # fmt: skip
VARIANTS = [variant for suite in DECLARED for variant in suite.variants]


def test_the_default_job_is_the_five_suites_of_the_first_questions():
    names = {suite.name for suite in suites_of(SOURCES)}
    assert names == {"filters", "dropout", "l2", "augmentation", "combined"}


def test_a_file_is_a_topic_of_a_handful_of_variants_and_bears_its_name():
    for source in SOURCES:
        for suite in declared_in(source.module, Suite):
            assert source.path.stem == f"suite_{suite.name}"
            assert 3 <= len(suite.variants) <= (7 if suite.name != "transfer" else 12), suite.name


def test_every_knob_has_a_variant():
    changed = {
        field: {getattr(variant, field) for variant in VARIANTS if getattr(variant, field) != getattr(BASELINE, field)}
        for field in KNOBS
    }
    assert all(changed.values())
    assert changed["pooling"] == {"average", "sum", "none"}
    assert changed["backbone"] == set(BACKBONES)
    assert changed["augmentation"] >= {*AUGMENTATIONS, "mixed"}
    assert {len(variant.filters) for variant in VARIANTS} >= {1, 2, 3, 4}
    assert any(variant.l1 and variant.l2 for variant in VARIANTS)


def test_another_batch_size_or_learning_rate_shows_in_the_name():
    for variant in VARIANTS:
        for field in ("batch_size", "learning_rate"):
            assert (f"{field}:" in variant.name) == (getattr(variant, field) != getattr(BASELINE, field))


@pytest.mark.parametrize("suite", DECLARED, ids=lambda suite: suite.name)
def test_every_variant_fits_the_pictures_of_the_usual_datasets(suite: Suite):
    for variant in suite.members:
        assert check_variant(variant, (32, 32, 3), 10) > 0


@pytest.mark.slow
def test_every_variant_of_every_suite_trains(digits):
    suites = load_suites([file for file in FILES if file.stem != "suite_search"])
    # As few images as let every step run, a rest smaller than a batch included: what counts is that all of it runs.
    budget = Budget("smoke", epochs=1, seeds=1, max_images=40)
    plan = make_plan(suites, DatasetFacts.of(digits), budget, training_environment(Device("cpu")), {}, workers=1)
    trainer = Trainer()
    records = [trainer.run(trial, digits) for trial in plan.todo]
    assert {record.status for record in records} <= {"ok", "diverged"}, [r.message for r in records if r.message]
    assert {record.trial.variant for record in records} == {v for suite in suites for v in suite.members}
