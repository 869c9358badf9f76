from __future__ import annotations

import dataclasses
import math
from statistics import fmean

import numpy as np
import pytest
from made_results import DROPOUT, WIDE, Made, make_results

from harness.comparison import Margins
from harness.comparison.columns import METRICS
from harness.comparison.differences import differences_of
from harness.comparison.folder_rows import compare_folders
from harness.comparison.groups import group_records
from harness.comparison.trained import trained_variants
from harness.comparison.trend import trend
from harness.results import load_results
from harness.results.conditions import Conditions
from harness.results.opening import open_store
from harness.results.planned import PlannedSuite
from harness.results.provenance import Gpu
from harness.statistics import two_way
from harness.suites import Suite
from harness.variants import BASELINE

MADE = Made()


def _compared(tmp_path, old: Made, new: Made):
    paths = [make_results(tmp_path / name, made) for name, made in (("old", old), ("new", new))]
    found = compare_folders(*(load_results(path) for path in paths), Margins())
    return found, found.frame.set_index("variant")


def test_equal_folders_are_the_same_and_nothing_else_differs(tmp_path):
    found, frame = _compared(tmp_path, MADE, MADE)
    assert set(frame["accuracy_verdict"]) == {"same"}
    assert set(frame["accuracy_delta"]) == {0.0}
    assert set(frame["step_time_verdict"]) == {"same"}
    assert found.differences == ((),)


def test_each_of_two_image_sets_of_one_name_is_compared_with_its_own(tmp_path):
    older, newer = (Made({BASELINE: 0.8, DROPOUT: 0.9}, step_ms={}, fingerprint=name * 16) for name in "ab")
    paths = [tmp_path / name for name in ("old", "new")]
    for path in paths:
        for made in (older, newer):
            make_results(path, made)
    old, new = map(load_results, paths)
    found = compare_folders(old, new, Margins())
    assert found.titles == tuple(f"digits, quick, cpu, images {name * 8}" for name in "ab")
    assert (found.sizes, found.unmatched) == ((2, 2), ())
    assert found.frame["fingerprint"].tolist() == ["a" * 16] * 2 + ["b" * 16] * 2
    assert set(found.frame["accuracy_verdict"]) == {"same"}
    # A trend has one line per variant and dataset: the newest images'.
    notes = []
    assert trend([old, new], Margins(), note=notes.append)["variant"].value_counts().tolist() == [2, 2]
    why = "left out, since of several sets of images or versions of one name the newest counts"
    assert notes == [f"{path}: digits, quick, cpu, images aaaaaaaa, 2 variants: {why}" for path in paths]
    make_results(tmp_path / "one", newer)
    alone = compare_folders(load_results(tmp_path / "one"), new, Margins())
    assert alone.titles == ("digits, quick, cpu, images bbbbbbbb",)
    assert alone.unmatched == ("only in new: digits, quick, cpu, images aaaaaaaa, 2 variants",)


def test_a_winner_that_was_withdrawn_is_in_no_table_and_no_comparison_and_an_edited_suite_stays(tmp_path):
    accuracies = {BASELINE: 0.8, DROPOUT: 0.9}
    folder = make_results(tmp_path / "results", Made(accuracies, step_ms={}, name="search:faster"))

    def shown_after(variants, sources):
        with open_store(folder) as store:
            conditions = Conditions.of(next(iter(store.records().values())).trial)
            suite = Suite("search:faster", variants, BASELINE)
            store.add_plans([PlannedSuite(suite, conditions, (5,), sources)])
        results = load_results(folder)
        tables = [group.members for group in group_records(results)]
        return tables, [set(trained.records) for trained in trained_variants(results)]

    both = [(BASELINE, DROPOUT)], [{BASELINE, DROPOUT}]
    assert shown_after((DROPOUT,), {BASELINE: "", DROPOUT: ""}) == both
    assert shown_after((), {}) == ([], [])
    assert shown_after((DROPOUT,), {BASELINE: "", DROPOUT: ""}) == both
    tables, _ = shown_after((), {BASELINE: ""})
    assert tables == [(BASELINE,)]


def test_a_variant_that_lost_accuracy_is_worse_and_the_versions_are_listed(tmp_path):
    new = dataclasses.replace(
        MADE,
        accuracies={BASELINE: 0.80, DROPOUT: 0.70, WIDE: 0.80},
        versions=(("keras", "3.16.0"), *MADE.versions[1:]),
        commit="b" * 40,
        seeds=(1, 2, 3, 4),
    )
    found, frame = _compared(tmp_path, MADE, new)
    row = frame.loc[DROPOUT.name]
    assert row["accuracy_verdict"] == "worse"
    assert row["accuracy_ci_high"] < 0
    assert row["seeds"] == 4
    assert frame.loc["baseline", "accuracy_verdict"] == "same"
    listed = {difference.what: (difference.old, difference.new) for difference in found.differences[0]}
    assert listed == {
        "keras": ("3.15.1", "3.16.0"),
        "commit": ("a" * 12, "b" * 12),
        "seeds": ("1-5", "1-4"),
    }


def test_whatever_else_differs_between_two_folders_is_listed_with_both_values(tmp_path):
    results = load_results(make_results(tmp_path, MADE))
    (trained,) = trained_variants(results)
    conditions = trained.conditions

    def listed(new=trained, *, only_of=None, **run):
        runs = {
            key: dataclasses.replace(one, **run) if only_of in (None, key) else one
            for key, one in results.provenances.items()
        }
        other = dataclasses.replace(results, provenances=runs)
        return {one.what: (one.old, one.new) for one in differences_of((trained, results), (new, other))}

    def under(**changes):
        return listed(dataclasses.replace(trained, conditions=dataclasses.replace(conditions, **changes)))

    def in_environment(**changes):
        return under(environment=dataclasses.replace(conditions.environment, **changes))

    record = trained.records[DROPOUT][3]
    assert listed() == {}
    assert listed(python="3.13.0") == {"Python": ("3.12.1", "3.13.0")}
    assert listed(python="3.11.7", only_of=record.trial.key) == {"Python": ("3.12.1", "3.11.7, 3.12.1")}
    assert listed(commit="") == {"commit": ("a" * 12, "none")}
    assert listed(commit="", only_of=record.trial.key) == {}
    assert listed(dirty=True) == {"commit": ("a" * 12, "a" * 12 + " with changes")}
    assert listed(host="other") == {"machine": ("box, AMD EPYC, 2 cores", "other, AMD EPYC, 2 cores")}
    assert listed(cpu_flags=("avx2", "avx512f")) == {"instruction sets": ("avx2", "avx2 avx512f")}
    assert listed(driver="570.1") == {"driver": ("none", "570.1")}
    gpu = Gpu("H100", "GPU-0123", "9.0")
    assert listed(gpus=(gpu,)) == {
        "GPU": ("none", str(gpu)),
        "machine": ("box, AMD EPYC, 2 cores", "H100 (GPU-0123), AMD EPYC, 2 cores"),
    }
    assert listed(system="Linux 7") == {"system": ("Linux 6", "Linux 7")}
    # What of them is part of the environment stands in its own line.
    assert listed(variables=(("A", "1"), ("keras", "9"))) == {"variables": ("none", "A=1")}
    assert under(recipe=7) == {"recipe": ("1", "7")}
    assert under(dataset="faces") == {"dataset name": ("digits", "faces")}
    assert under(fingerprint="e" * 16) == {"dataset content": ("f" * 12, "e" * 12)}
    assert in_environment(backend="jax") == {"backend": ("tensorflow", "jax")}
    assert in_environment(device="gpu") == {"device": ("cpu", "gpu")}
    assert in_environment(threads=2) == {"threads": ("1", "2")}
    assert in_environment(versions=(*MADE.versions, ("torch", "2.9"))) == {"torch": ("none", "2.9")}
    assert in_environment(versions=MADE.versions[1:]) == {"keras": ("3.15.1", "none")}
    timed = {("other", base, variant): times for (_, base, variant), times in trained.step_times.items()}
    own = next(iter(trained.step_times))[0]
    assert listed(dataclasses.replace(trained, step_times=timed)) == {"machine of the step times": (own, "other")}
    fewer = {
        variant: {seed: one for seed, one in seeds.items() if seed != 2} for variant, seeds in trained.records.items()
    }
    assert listed(dataclasses.replace(trained, records=fewer)) == {"seeds": ("1-5", "1, 3, 4, 5")}
    edited = dataclasses.replace(record, trial=dataclasses.replace(record.trial, source="0123456789abcdef"))
    runs = results.provenances | {edited.trial.key: results.provenances[record.trial.key]}
    other = dataclasses.replace(results, provenances=runs)
    (found,) = differences_of(
        (trained, results), (dataclasses.replace(trained, records=trained.records | {DROPOUT: {3: edited}}), other)
    )
    assert str(found) == f"source of {DROPOUT.name}: none -> 0123456789ab"


def test_other_content_of_the_dataset_is_never_paired(tmp_path):
    found, frame = _compared(tmp_path, MADE, dataclasses.replace(MADE, fingerprint="e" * 16))
    assert set(frame["accuracy_verdict"]) == {"unresolved"}
    assert frame["accuracy_ci_low"].isna().all()
    hints = {frame.iloc[1][f"{metric}_hint"] for metric in METRICS}
    assert hints == {"the dataset's content differs: its images cannot be paired"}
    assert frame.iloc[1]["seeds"] == 0
    assert "dataset content" in {difference.what for difference in found.differences[0]}


def test_a_variant_of_one_folder_and_a_diverged_one_have_clear_rows(tmp_path):
    old = dataclasses.replace(MADE, accuracies={BASELINE: 0.8, DROPOUT: 0.9}, step_ms={})
    new = dataclasses.replace(
        MADE, accuracies={BASELINE: 0.8, DROPOUT: 0.9, WIDE: 0.8}, step_ms={}, diverged=frozenset({(DROPOUT, 2)})
    )
    _, frame = _compared(tmp_path, old, new)
    assert frame.loc[WIDE.name, "present"] == "new"
    assert frame.loc[WIDE.name, "status_old"] == "missing"
    assert frame.loc[DROPOUT.name, "status"] == "diverged"
    assert frame.loc[DROPOUT.name, "accuracy_verdict"] == "unresolved"
    assert frame.loc[DROPOUT.name, "accuracy_ci_low"] != frame.loc[DROPOUT.name, "accuracy_ci_low"]


def _by_seed(results, variant):
    return {one.trial.seed: one for one in results.records.values() if one.trial.variant == variant}


def test_a_row_has_what_each_folder_has_and_their_difference_over_the_seeds_of_both(tmp_path):
    new = dataclasses.replace(
        MADE,
        accuracies={BASELINE: 0.80, DROPOUT: 0.86, WIDE: 0.80},
        failed=frozenset({(DROPOUT, 2)}),
        message="no room",
    )
    _, frame = _compared(tmp_path, MADE, new)
    before, after = (_by_seed(load_results(tmp_path / name), DROPOUT) for name in ("old", "new"))
    labels, both = np.arange(300) % 10, (1, 3, 4, 5)
    right = [
        np.stack([arm[seed].predictions.unpacked().predicted == labels for seed in both]) for arm in (before, after)
    ]
    effect = two_way(right[1].astype(float) - right[0])
    low, high = effect.interval(0.05, 3)
    expected = {
        "full_name": DROPOUT.name,
        "dataset": "digits",
        "budget": "quick",
        "device": "cpu",
        "backend": "tensorflow",
        "precision_policy": "float32",
        "present": "both",
        "seeds": 4,
        "seeds_old": 5,
        "seeds_new": 4,
        "status_old": "ok",
        "status": "partial",
        "message": "new: no room",
        "accuracy_old": fmean(one.accuracy for one in before.values()),
        "accuracy": fmean(after[seed].accuracy for seed in both),
        "macro_f1": fmean(after[seed].macro_f1 for seed in both),
        "accuracy_delta": effect.mean,
        "accuracy_ci_low": low,
        "accuracy_ci_high": high,
        "accuracy_p": effect.p_value(3),
        "accuracy_verdict": "worse",
        "accuracy_hint": "",
        "near_duplicates": "",
    }
    row = frame.loc[DROPOUT.name]
    assert {name: row[name] for name in expected} == {
        name: pytest.approx(value) if isinstance(value, float) else value for name, value in expected.items()
    }


def test_a_variant_that_only_the_old_folder_has_claims_nothing_and_corrects_nothing(tmp_path):
    new = dataclasses.replace(MADE, accuracies={BASELINE: 0.8, DROPOUT: 0.86}, step_ms={})
    _, frame = _compared(tmp_path, MADE, new)
    two = dataclasses.replace(new, accuracies={BASELINE: 0.8, DROPOUT: 0.9})
    _, alone = _compared(tmp_path / "alone", two, new)
    row = frame.loc[WIDE.name]
    assert (row["present"], row["status"], row["status_old"], row["seeds_new"]) == ("old", "missing", "ok", 0)
    told = ("accuracy_verdict", "accuracy_hint", "epochs_to_old_verdict", "epochs_to_old_hint", "message")
    assert [row[name] for name in told] == [""] * len(told)
    assert (row["seeds"], math.isnan(row["accuracy"])) == (0, True)
    assert list(frame.index) == ["baseline", DROPOUT.name, WIDE.name]
    cells = ["accuracy_ci_low", "accuracy_p", "epochs_to_old_ci_low"]
    assert frame.loc[DROPOUT.name, cells].equals(alone.loc[DROPOUT.name, cells])
    assert frame.loc[DROPOUT.name, "accuracy_ci_high"] < 0


def test_folders_are_compared_at_the_looks_of_either_up_to_the_last_of_both_and_wait_for_none(tmp_path):
    lower = dataclasses.replace(MADE, accuracies={BASELINE: 0.8, DROPOUT: 0.86}, seeds=range(1, 9))
    both = []
    for name, made, looks in (
        ("old", dataclasses.replace(lower, accuracies=MADE.accuracies), (3, 5, 8)),
        ("new", lower, (3, 5, 30)),
    ):
        results = load_results(make_results(tmp_path / name, made))
        conditions = Conditions.of(next(iter(results.records.values())).trial)
        plan = PlannedSuite(results.suites[0], conditions, looks, dict.fromkeys(results.suites[0].members, ""))
        both.append(dataclasses.replace(results, plans=(plan,)))
    row = compare_folders(*both, Margins(alpha=1e-9)).frame.set_index("full_name").loc[DROPOUT.name]
    assert (row["seeds"], row["accuracy_hint"]) == (8, "not settled by the 8 seeds at which both were judged")


def test_what_diverged_is_said_of_the_folder_in_which_it_did(tmp_path):
    lost = dataclasses.replace(MADE, diverged=frozenset({(DROPOUT, 2)}), versions=MADE.versions[1:], commit="b" * 40)
    for name, pair in (("new", (MADE, lost)), ("old", (lost, MADE))):
        _, frame = _compared(tmp_path / name, *pair)
        hint = frame.loc[DROPOUT.name, "accuracy_hint"]
        assert hint == f"{name}: diverged in 1 of 5 seeds: loss was not finite in epoch 2"
    assert frame.loc[DROPOUT.name, "differences"] == "commit: bbbbbbbbbbbb -> aaaaaaaaaaaa; keras: none -> 3.15.1"


def test_a_variant_is_called_as_the_newer_folder_does_else_as_the_older_did(tmp_path):
    old, new = (load_results(make_results(tmp_path / name, MADE)) for name in ("old", "new"))
    before = dataclasses.replace(old, suites=(Suite("dropout", {"half": DROPOUT, "broad": WIDE}),))
    after = dataclasses.replace(new, suites=(Suite("dropout", {"halved": DROPOUT}),))
    called = compare_folders(before, after, Margins()).frame.set_index("full_name")["variant"].to_dict()
    assert called == {"baseline": "baseline", DROPOUT.name: "halved", WIDE.name: "broad"}
