"""How soon a variant is as accurate as its baseline in the end, and what training costs: by hand, and odd cases."""

import dataclasses
import math
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from made_results import DROPOUT, WIDE, Made, make_results
from scipy import stats

from harness import BASELINE, BUDGETS, compare
from harness.comparison import Margins, compare_all
from harness.comparison.columns import FOLDER_TABLE
from harness.comparison.folder_rows import compare_folders
from harness.comparison.gate import failed_rows, parse_gate
from harness.comparison.judge import Accuracies
from harness.comparison.pair_rows import compare_variants
from harness.comparison.standing import Standing
from harness.comparison.training_cost import KEPT_FEATURES, NO_CURVES, NOT_TIMED, share_of
from harness.results import load_results
from harness.results.conditions import Conditions
from harness.results.planned import PlannedSuite
from harness.tables import full_text
from harness.tables.suite_table import render_suite

ROOT = Path(__file__).parents[2]
EPOCHS = 5


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    folder = tmp_path_factory.mktemp("reference")
    shutil.copy(ROOT / "results" / "reference" / "cifar10" / "harness.sqlite", folder)
    return load_results(folder)


def test_the_reference_by_hand(reference):
    """filters:64-128 of the CIFAR-10 reference, from the raw history, by pandas, NumPy and SciPy's t alone."""
    history = reference.history()
    curves = history.pivot_table(index=["variant", "seed"], columns="epoch", values="val_accuracy")
    best = curves.cummax(axis=1)  # what a training that ended at an epoch would have kept
    target = best.loc["baseline"][4]
    own = best.loc["filters:64-128"]
    differences = own.sub(target, axis=0).to_numpy()  # seeds x epochs
    assert differences.shape == (3, 4)

    mean = differences.mean(axis=0)
    assert mean[2] < 0 < mean[3]
    epochs = 3 - mean[2] / (mean[3] - mean[2])
    assert epochs == pytest.approx(3.488, abs=1e-3)

    # The suite has three variants: each interval is one of 1 - 5 % / 3, with Student's t on two degrees of freedom.
    t = stats.t.isf(0.05 / 3 / 2, 2)
    half = t * differences.std(axis=0, ddof=1) / math.sqrt(3)
    assert mean[0] + half[0] >= 0  # at the first epoch already it may have been there
    assert mean[3] - half[3] < 0  # and at the last it is not sure to be

    # The newest blocks: each build's mean without a quarter at each end, against the baseline and its twin.
    times = [one for one in reference.step_times.values() if one.variant.name == "filters:64-128"][-1]
    own_ms, *others = (np.log(arm) for arm in (times.variant_ms, times.baseline_ms, times.control_ms))
    builds = [stats.trim_mean(own_ms - other, 0.25, axis=1) for other in others]
    log_ratio = np.mean(builds)

    frame = compare(reference)
    row = frame[(frame["suite"] == "filters") & (frame["variant"] == "filters:64-128")].squeeze()
    assert row.epochs_to_baseline == pytest.approx(epochs)
    assert (row.epochs_to_baseline_ci_low, row.epochs_to_baseline_ci_high) == (1, math.inf)
    assert row.seeds_to_baseline == (own.ge(target, axis=0).any(axis=1)).sum() == 3
    assert row.training_cost_ratio == pytest.approx(math.exp(log_ratio))
    assert row.time_to_baseline_ratio == pytest.approx(epochs / 4 * math.exp(log_ratio))
    seconds = reference.trials().query("variant == 'baseline'")["train_time_s"].median()
    assert row.time_to_baseline_s == pytest.approx(row.time_to_baseline_ratio * seconds)
    below = math.log(row.training_cost_ratio / row.training_cost_ci_low)
    lowest = math.log(epochs / 4 * math.exp(log_ratio)) - math.hypot(math.log(epochs), below)
    assert math.log(row.time_to_baseline_ci_low) == pytest.approx(lowest)
    assert (row.time_to_baseline_ci_high, row.time_to_baseline_verdict) == (math.inf, "unresolved")


def test_the_reference_has_a_variant_that_never_gets_there(reference):
    frame = compare(reference).set_index("variant")
    row = frame.loc["l2:0.01"]
    reached = ("epochs_to_baseline", "time_to_baseline_s", "time_to_baseline_ratio", "time_to_baseline_ci_low")
    assert all(row[name] == math.inf for name in reached)
    assert (row.seeds_to_baseline, row.time_to_baseline_verdict) == (0, "worse")
    assert row.time_to_baseline_p < 0.05
    assert "not reached in 4 epochs" in row.time_to_baseline_hint
    own = frame.loc["baseline"].iloc[0]
    assert (own.epochs_to_baseline, own.seeds_to_baseline, own.time_to_baseline_ratio) == (4, 3, 1)
    assert own.training_cost_ratio == 1
    assert own.time_to_baseline_s == own.train_time_s
    assert own.time_to_baseline_verdict == own.training_cost_verdict == own.time_to_baseline_hint == ""


def curve(seed, gain=0.0, *, noise=0.004):
    rng = np.random.default_rng([seed, round(1000 * (gain + 1))])
    return (0.5 + gain + np.arange(1, EPOCHS + 1) / 25 + rng.normal(0, noise, EPOCHS)).tolist()


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Return what gives results with validation curves of one's own, by variant; equal folders are made once."""
    folders = {}

    def results_of(curves, **how):
        name = repr(sorted(how.items()))
        if name not in folders:
            shares = {"accuracies": {BASELINE: 0.8, DROPOUT: 0.85, WIDE: 0.9}}
            folders[name] = load_results(make_results(tmp_path_factory.mktemp("made"), Made(**shares | how)))
        results = folders[name]
        records = {}
        for key, record in results.records.items():
            own = curves.get(record.trial.variant, curve)(record.trial.seed)
            records[key] = dataclasses.replace(record, history=(), val_accuracies=tuple(own))
        return dataclasses.replace(results, records=records)

    return results_of


def rows_of(results):
    frame = compare_all(results, Margins())[0].rows
    return {row["variant"]: row for row in frame}


def test_a_variant_that_learns_faster_is_better_though_its_steps_take_as_long(made):
    rows = rows_of(made({DROPOUT: lambda seed: curve(seed, 0.1), WIDE: lambda seed: curve(seed, 0.1)}))
    faster, wide = rows[DROPOUT.name], rows[WIDE.name]
    assert (faster["time_to_baseline_verdict"], faster["training_cost_verdict"]) == ("better", "same")
    assert 0.4 < faster["time_to_baseline_ratio"] < 0.6
    assert faster["seeds_to_baseline"] == 5
    # Twice and a half the time of a step, half of the epochs.
    assert wide["training_cost_ratio"] == wide["step_time_ratio"] == pytest.approx(2.5, rel=0.02)
    assert wide["time_to_baseline_verdict"] == wide["training_cost_verdict"] == "worse"
    assert wide["time_to_baseline_ratio"] == pytest.approx(wide["epochs_to_baseline"] / 5 * wide["step_time_ratio"])


def test_every_interval_leaves_out_one_where_p_is_below_alpha(made):
    for gain in (-0.1, -0.02, 0.0, 0.02, 0.05):
        rows = rows_of(made({DROPOUT: lambda seed, gain=gain: curve(seed, gain, noise=0.02)}))
        for row in rows.values():
            for name in ("time_to_baseline", "training_cost"):
                if row[f"{name}_verdict"]:
                    inside = row[f"{name}_ci_low"] <= 1 <= row[f"{name}_ci_high"]
                    assert inside == (row[f"{name}_p"] >= 0.05)


def test_the_last_epoch_counts_where_the_budget_tests_the_last_weights(made):
    peaked = [0.5, 0.8, 0.6, 0.6, 0.6]

    def wavy(seed):
        return [value + seed / 1000 * (-1) ** place for place, value in enumerate(peaked)]

    best = rows_of(made({BASELINE: wavy}))[DROPOUT.name]
    last = BUDGETS["quick"].override(weights="last")
    found = rows_of(made({BASELINE: wavy}, budget=last))[DROPOUT.name]
    assert (best["epochs_to_baseline"], best["seeds_to_baseline"]) == (math.inf, 0)  # of 0.8, which nobody else has
    assert found["epochs_to_baseline"] == pytest.approx(2.5, abs=0.2)  # of 0.6: 0.5 + 2.5 / 25


def test_a_larger_batch_makes_fewer_steps(made):
    large = BASELINE.replace(batch_size=2 * BASELINE.batch_size)
    arms = {BASELINE: 0.8, large: 0.8}
    row = rows_of(made({}, accuracies=arms, step_ms={BASELINE: 8.0, large: 12.0}))[large.name]
    assert row["step_time_ratio"] == pytest.approx(1.5, rel=0.02)
    assert row["training_cost_ratio"] == pytest.approx(row["step_time_ratio"] / 2)
    assert (row["step_time_verdict"], row["training_cost_verdict"]) == ("worse", "better")


def test_without_step_times_the_epochs_are_known_and_never_stays_never(made):
    curves = {DROPOUT: lambda seed: curve(seed, 0.1), WIDE: lambda seed: curve(seed, -0.3)}
    rows = rows_of(made(curves, step_ms={}))
    row = rows[DROPOUT.name]
    assert 1 < row["epochs_to_baseline"] < row["epochs_to_baseline_ci_high"] < 5
    assert math.isnan(row["time_to_baseline_ratio"])
    assert row["time_to_baseline_verdict"] == row["training_cost_verdict"] == "unresolved"
    assert row["time_to_baseline_hint"] == row["training_cost_hint"] == NOT_TIMED
    assert (rows[WIDE.name]["time_to_baseline_verdict"], rows[WIDE.name]["training_cost_verdict"]) == (
        "worse",
        "unresolved",
    )


def test_kept_features_are_not_compared_with_a_training_on_images(made):
    frozen = BASELINE.replace(backbone="VGG16")
    arms = {BASELINE: 0.8, frozen: 0.85}
    row = rows_of(made({}, accuracies=arms, step_ms=dict.fromkeys(arms, 8.0)))[frozen.name]
    assert math.isnan(row["training_cost_ratio"])
    assert row["training_cost_hint"] == row["time_to_baseline_hint"] == KEPT_FEATURES
    assert row["training_cost_verdict"] == row["time_to_baseline_verdict"] == "unresolved"


def test_nothing_is_claimed_where_nothing_is_claimed_of_accuracy(made):
    curves = {DROPOUT: lambda seed: curve(seed, 0.1)}
    row = rows_of(made(curves, diverged=frozenset({(DROPOUT, 2)})))[DROPOUT.name]
    assert "diverged in 1 of 5 seeds" in row["time_to_baseline_hint"]
    assert row["seeds_to_baseline"] == 4
    assert (row["time_to_baseline_verdict"], row["time_to_baseline_ratio"] < 1) == ("unresolved", True)
    assert math.isnan(row["time_to_baseline_ci_low"])
    row = rows_of(made(curves, seeds=(1, 2)))[DROPOUT.name]
    assert row["time_to_baseline_hint"] == "1 more seed needed for any verdict"
    assert math.isnan(row["epochs_to_baseline_ci_low"])


def test_trials_without_their_epochs_are_left_out(made):
    curves = {DROPOUT: lambda seed: curve(seed, 0.1) if seed < 3 else [math.nan] * 5 if seed == 3 else [1e90] * 5}
    row = rows_of(made(curves))[DROPOUT.name]
    assert (row["seeds_to_baseline"], row["time_to_baseline_hint"]) == (2, NO_CURVES)
    row = rows_of(made({DROPOUT: lambda seed: []}))[DROPOUT.name]
    assert math.isnan(row["seeds_to_baseline"])
    assert math.isnan(row["epochs_to_baseline"])
    assert row["training_cost_verdict"] == "same"


def test_the_share_of_alpha_is_that_of_the_look_at_which_accuracy_stands():
    def share(look, looks):
        return share_of(Accuracies(3, standing=Standing(look, open=False)), looks)

    assert [share(look, (5, 8, 20)) for look in (5, 8, 20, 0)] == [0.25, 0.15, 0.6, 1]
    assert share(0, (5,)) == share(5, (5,)) == 1
    assert share(5, (5, 8)) == 0.625


def test_the_baselines_seconds_are_those_of_its_trials_that_ended_well(made):
    results = made({})
    records = {
        key: dataclasses.replace(one, status="failed", train_time_s=900.0) if one.trial.seed in (1, 2, 4) else one
        for key, one in results.records.items()
    }
    own = rows_of(dataclasses.replace(results, records=records))["baseline"]
    assert (own["time_to_baseline_s"], own["seeds_to_baseline"]) == (2.5, 2)


def test_a_look_is_judged_at_its_share_of_alpha(made):
    results = made({DROPOUT: lambda seed: curve(seed, 0.02, noise=0.01)})
    (suite,), record = results.suites, next(iter(results.records.values()))
    sources = dict.fromkeys(suite.members, "")

    def judged_at(*looks):
        plan = PlannedSuite(suite, Conditions.of(record.trial), looks, sources)
        return rows_of(dataclasses.replace(results, plans=(plan,)))[DROPOUT.name]

    fixed, looking = judged_at(5), judged_at(5, 30)
    assert looking["accuracy_hint"] == "settled at 5 seeds"
    assert looking["epochs_to_baseline"] == fixed["epochs_to_baseline"]
    assert looking["epochs_to_baseline_ci_low"] < fixed["epochs_to_baseline_ci_low"]
    assert looking["time_to_baseline_p"] == pytest.approx(min(1, 6 * fixed["time_to_baseline_p"]))
    assert looking["time_to_baseline_hint"] in ("", "judged at the 5 seeds at which accuracy stands")
    assert looking["training_cost_p"] == fixed["training_cost_p"]  # more seeds time nothing anew


def test_any_two_variants_are_compared_though_they_were_not_timed_side_by_side(made):
    results = made({DROPOUT: lambda seed: curve(seed, 0.1), WIDE: lambda seed: curve(seed, 0.2)})
    row = compare_variants(results, DROPOUT.name, WIDE.name, Margins()).iloc[1]
    assert row.step_time_ratio == pytest.approx(2.5, rel=0.02)
    assert row.training_cost_ratio == pytest.approx(row.step_time_ratio)
    assert row.time_to_baseline_ratio == pytest.approx(row.epochs_to_baseline / 5 * row.step_time_ratio)
    assert row.training_cost_verdict == "worse"


def test_a_line_below_the_table_names_those_whose_time_is_settled(made):
    curves = {DROPOUT: lambda seed: curve(seed, 0.1), WIDE: lambda seed: curve(seed, -0.3)}
    frame = compare(made(curves))
    (line,) = [line for line in render_suite(frame, style="github").splitlines() if "validation accuracy" in line]
    row = frame.iloc[1].to_dict()
    told = f"sooner: {DROPOUT.name} {full_text(row, 'time_to_baseline_ratio')}; never in these epochs: {WIDE.name}"
    assert line.replace("\\", "").endswith(told)
    assert re.search(r"sooner: \S+ 0\.\d+ \[0\.\d+, 0\.\d+\];", line.replace("\\", ""))
    twins = dict.fromkeys((DROPOUT, WIDE), lambda seed: curve(seed, 0.001, noise=0.02))
    open_ones = compare(made(twins, step_ms=dict.fromkeys((BASELINE, *twins), 8.0)))
    assert set(open_ones["time_to_baseline_verdict"]) == {"", "unresolved"}
    assert "validation accuracy" not in render_suite(open_ones, style="github")


def test_two_folders_are_compared_in_epochs(made):
    old = made({DROPOUT: curve, WIDE: lambda seed: curve(seed, 0.1)})
    new = made({DROPOUT: lambda seed: curve(seed, 0.1), WIDE: lambda seed: curve(seed, -0.1)}, fingerprint="f" * 16)
    frame = compare_folders(old, new, Margins()).frame.set_index("variant")
    assert frame["epochs_to_old_verdict"].to_dict() == {"baseline": "same", DROPOUT.name: "better", WIDE.name: "worse"}
    same, sooner, never = (frame.loc[name] for name in ("baseline", DROPOUT.name, WIDE.name))
    assert (same.epochs_to_old, same.epochs_to_old_ci_low, same.epochs_to_old_ci_high, same.epochs_to_old_p) == (
        5,
        5,
        5,
        1,
    )
    assert 2 < sooner.epochs_to_old_ci_low < sooner.epochs_to_old < sooner.epochs_to_old_ci_high < 3.5
    assert (never.epochs_to_old, never.epochs_to_old_ci_low, never.seeds_to_old) == (math.inf, math.inf, 0)
    gate = parse_gate("epochs_to_old_verdict == 'worse'", FOLDER_TABLE)
    assert [failure.row["variant"] for failure in failed_rows(frame.reset_index(), [gate])] == [WIDE.name]

    other = made({}, fingerprint="e" * 16)
    row = compare_folders(old, other, Margins()).frame.iloc[1]
    assert math.isnan(row.epochs_to_old)
    assert (row.epochs_to_old_verdict, "content differs" in row.epochs_to_old_hint) == ("unresolved", True)


@pytest.mark.parametrize(
    ("gate", "failing"),
    [
        ("time_to_baseline_verdict == 'worse'", ["l2:0.01"]),
        ("epochs_to_baseline > 4 and suite == 'l2'", ["l2:0.0001", "l2:0.001", "l2:0.01"]),
        ("seeds_to_baseline < seeds and training_cost_ratio < 0.7", ["filters:16-32"]),
        ("training_cost_verdict == 'worse' and suite == 'filters'", ["filters:64-128"]),
        ("time_to_baseline_ci_low > 1000", ["l2:0.01"]),
    ],
)
def test_gates_ask_for_them_and_never_is_more_than_any_number(reference, gate, failing):
    found = failed_rows(compare(reference), [parse_gate(gate)])
    assert [failure.row["variant"] for failure in found] == failing


def test_what_tables_read_of_a_store_is_what_the_whole_of_it_gives(reference):
    lean = load_results(reference.folder, history=False)
    assert not any(record.history for record in lean.records.values())
    assert compare(lean).equals(compare(reference))
