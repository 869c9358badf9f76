"""Several stores become one: equal results once, a failure yields to a result, other results are refused by name."""

import contextlib
import dataclasses

import pytest
from made_results import BASELINE, DROPOUT, Made, make_results

from harness import load_results
from harness.errors import InputError
from harness.results.conditions import Conditions
from harness.results.kept_models import KeptModel, kept_models, models_folder, write_model
from harness.results.merging import choose_trials, merge, merged_rows, same_result
from harness.results.opening import open_store, read_store
from harness.results.planned import PlannedSuite
from harness.results.rewriting import write_store
from harness.results.schema import STORE_NAME
from harness.suites import Suite

FEW = Made(accuracies={BASELINE: 0.8, DROPOUT: 0.9}, step_ms={BASELINE: 8.0, DROPOUT: 8.0}, seeds=(1, 2))


def joined(into, *folders):
    into.mkdir()
    with contextlib.ExitStack() as opened:
        stores = [opened.enter_context(read_store(folder)) for folder in folders]
        write_store(into / STORE_NAME, merged_rows(stores, choose_trials(stores)))
    open_store(into).close()
    return load_results(into)


def test_shares_of_a_sweep_become_the_whole_of_it(tmp_path):
    one = make_results(tmp_path / "one", dataclasses.replace(FEW, machine="one"))
    more = make_results(tmp_path / "more", dataclasses.replace(FEW, machine="more", seeds=(2, 3)))
    merged = joined(tmp_path / "merged", one, more)
    found = {(record.trial.label, merged.provenances[key].host) for key, record in merged.records.items()}
    assert found == {
        (f"{variant.name} seed {seed}", machine)
        for variant in (BASELINE, DROPOUT)
        for seed, machine in ((1, "one"), (2, "one"), (3, "more"))
    }
    assert len(merged.step_times) == 4
    assert len(merged.suites) == len(merged.test_sets) == 1
    with read_store(tmp_path / "merged") as store:
        assert len(list(store.rows("trials"))) == 6
        assert len(list(store.rows("suites"))) == 1


def test_a_failure_yields_to_a_result_wherever_it_comes(tmp_path):
    good = make_results(tmp_path / "good", FEW)
    bad = make_results(tmp_path / "bad", dataclasses.replace(FEW, failed=frozenset({(DROPOUT, 2)})))
    for number, folders in enumerate(((good, bad), (bad, good))):
        merged = joined(tmp_path / f"merged {number}", *folders)
        assert {record.status for record in merged.records.values()} == {"ok"}


def test_another_result_of_a_trial_is_refused_by_its_name(tmp_path):
    one = make_results(tmp_path / "one", FEW)
    other = make_results(tmp_path / "other", dataclasses.replace(FEW, accuracies={BASELINE: 0.8, DROPOUT: 0.7}))
    with pytest.raises(InputError, match=r"differ: dropout:0\.5 seed 1 on digits \(.*one.*other.*dropout:0\.5 seed 2"):
        joined(tmp_path / "merged", one, other)
    assert not (tmp_path / "merged" / STORE_NAME).exists()


def test_results_are_the_same_whatever_their_times(tmp_path):
    record = next(iter(load_results(make_results(tmp_path, FEW)).records.values()))
    assert same_result(record, dataclasses.replace(record, train_time_s=9.0, peak_memory_mib=1.0, build_s=2.0))
    assert not same_result(record, dataclasses.replace(record, status="diverged"))
    assert not same_result(record, dataclasses.replace(record, loss=0.41))
    assert not same_result(record, dataclasses.replace(record, predictions=None))
    lost = dataclasses.replace(record, loss=float("nan"), predictions=None)
    assert same_result(lost, dataclasses.replace(lost))


def noted(folder, looks, made=FEW, suite=None):
    """Note a plan of the folder's suite, as a run does."""
    results = load_results(folder)
    suite = suite or results.suites[0]
    conditions = Conditions.of(next(one.trial for one in results.records.values()))
    conditions = dataclasses.replace(conditions, fingerprint=made.fingerprint)
    with open_store(folder) as store:
        store.begin_run(next(iter(results.provenances.values())))
        store.add_suite(suite)
        store.add_plans([PlannedSuite(suite, conditions, looks, dict.fromkeys(suite.members, ""))])
    return folder


def all_rows(folder):
    """Return what a store says, its runs by what they are: equal ones become one when a store is written anew."""
    with read_store(folder) as store:
        runs = store.runs()
        return [
            (row.table, *((runs[row["run"]], *row.values[1:]) if row.table in ("trials", "timings") else row.values))
            for row in store.readable_rows()
            if row.table != "runs"
        ]


def looks_of(folder):
    return [plan.looks for plan in load_results(folder).plans]


def test_merging_again_leaves_a_newer_plan_the_newest(tmp_path):
    share, into = noted(make_results(tmp_path / "share", FEW), (5,)), tmp_path / "into"
    merge([share], into)
    noted(into, (5, 8, 12, 18, 30))
    before = all_rows(into)
    merge([share], into)
    assert looks_of(into) == [(5,), (5, 8, 12, 18, 30)]
    assert all_rows(into) == before


def test_merging_shares_of_two_datasets_again_changes_nothing(tmp_path):
    other = dataclasses.replace(FEW, fingerprint="e" * 16)
    shares = []
    for number in range(4):
        share = make_results(tmp_path / f"share {number}", dataclasses.replace(FEW, seeds=(number + 1,)))
        make_results(share, dataclasses.replace(other, seeds=(number + 1,)))
        shares.append(noted(noted(share, (4,)), (4,), other))
    into, found = tmp_path / "into", []
    for _ in range(3):
        merge(shares, into)
        found.append(all_rows(into))
    assert len(looks_of(into)) == 2
    assert found[0] == found[1] == found[2]


def test_what_a_share_says_anew_counts_unless_it_hides_results(tmp_path):
    share, into = noted(make_results(tmp_path / "share", FEW), (5,)), tmp_path / "into"
    noted(make_results(into, FEW), (5, 8, 12, 18, 30))
    merge([share], into)
    assert looks_of(into) == [(5,), (5, 8, 12, 18, 30)]
    noted(share, (40,))
    merge([share], into)
    assert looks_of(into)[-1] == (40,)
    suite = load_results(share).suites[0]
    edited = Suite(suite.name, (*suite.variants, BASELINE.replace(dropout=0.1)), suite.baseline)
    noted(noted(share, (40,), suite=edited), (40,), suite=suite)  # edited, and back
    merge([share], tmp_path / "anew")
    merge([share], into)
    for folder in (tmp_path / "anew", into):
        before = all_rows(folder)
        merge([share], folder)
        assert all_rows(folder) == before
    (found,) = load_results(tmp_path / "anew").suites
    assert found.variants == suite.variants


def test_models_are_copied_of_trials_alone_and_through_no_link(tmp_path):
    share, other, into = (tmp_path / name for name in ("share", "other", "into"))
    make_results(share, FEW)
    make_results(other, dataclasses.replace(FEW, seeds=(3,)))
    first, second = (one.trial for one in load_results(share).records.values() if one.trial.variant == BASELINE)
    (third,) = (one.trial for one in load_results(other).records.values() if one.trial.variant == BASELINE)
    write_model(share, first, "first", KeptModel(b"a model", ".keras"))
    write_model(share, third, "third", KeptModel(b"of a trial that is not there", ".keras"))
    private = tmp_path / "private"
    private.write_text("private")
    (models_folder(share) / f"second-seed-2-{second.key[:16]}.keras").symlink_to(private)
    (models_folder(share) / f"first-seed-1-{first.key[:16]}.probabilities.npy").symlink_to(private)
    (tmp_path / "elsewhere/models").mkdir(parents=True)
    write_model(tmp_path / "elsewhere", third, "third", KeptModel(b"elsewhere", ".keras"))
    models_folder(other).symlink_to(tmp_path / "elsewhere/models")
    merge([share, other], into)
    assert [path.name for path in models_folder(into).iterdir()] == [f"first-seed-1-{first.key[:16]}.keras"]
    # Where the same result is there already, its model still comes.
    write_model(share, second, "second", KeptModel(b"a model", ".keras"))
    merge([share], into)
    assert kept_models(into).keys() == {first.key[:16], second.key[:16]}
