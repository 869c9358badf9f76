"""The suites that come along: what the default job runs, what they cover, and why each variant is there."""

import re
from pathlib import Path

import pytest

from harness import BASELINE
from harness.cli import run
from harness.results import load_results
from harness.suite_files import declared_in, load_suite_files, load_suites, suites_of
from harness.suites import Suite
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


def test_a_file_is_a_topic_of_a_handful_of_variants_each_with_its_reason_above():
    for source in SOURCES:
        file = source.path
        if file.stem in ("suite_search", "suite_transfer"):
            continue
        lines = file.read_text().splitlines()
        variants = [number for number, line in enumerate(lines) if re.match(r"\s+BASELINE\.replace\(", line)]
        assert 3 <= len(variants) <= 7, file.name
        for number in variants:
            assert re.match(r"\s+# \S.*[.?]$", lines[number - 1]), f"{file.name}:{number + 1} has no reason"
        assert file.stem == f"suite_{declared_in(source.module, Suite)[0].name}"


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
@pytest.mark.parametrize("part", ["knobs", "transfer"])
def test_every_suite_runs_with_a_smoke_budget(part, tmp_path):
    if part == "transfer":
        files = [FOLDER / "suite_transfer.py"]
    else:
        files = [file for file in FILES if file.stem not in ("suite_search", "suite_transfer")]
    assert run(["sweep", *map(str, files), "--budget", "smoke", "--results", str(tmp_path)]) == 0
    results = load_results(tmp_path)
    assert {record.status for record in results.records.values()} <= {"ok", "diverged"}
    tried = {record.trial.variant for record in results.records.values()}
    assert tried == {variant for suite in load_suites(files) for variant in suite.members}
