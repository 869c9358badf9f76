"""Several stores become one: equal results once, a failure yields to a result, other results are refused by name."""

import contextlib
import dataclasses

import pytest
from made_results import BASELINE, DROPOUT, Made, make_results

from harness import load_results
from harness.errors import InputError
from harness.results.merging import merged_rows, same_result
from harness.results.opening import open_store, read_store
from harness.results.rewriting import write_store
from harness.results.schema import STORE_NAME

FEW = Made(accuracies={BASELINE: 0.8, DROPOUT: 0.9}, step_ms={BASELINE: 8.0, DROPOUT: 8.0}, seeds=(1, 2))


def merge(into, *folders):
    into.mkdir()
    with contextlib.ExitStack() as opened:
        stores = [opened.enter_context(read_store(folder)) for folder in folders]
        write_store(into / STORE_NAME, merged_rows(stores))
    open_store(into).close()
    return load_results(into)


def test_shares_of_a_sweep_become_the_whole_of_it(tmp_path):
    one = make_results(tmp_path / "one", dataclasses.replace(FEW, machine="one"))
    more = make_results(tmp_path / "more", dataclasses.replace(FEW, machine="more", seeds=(2, 3)))
    merged = merge(tmp_path / "merged", one, more)
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
        merged = merge(tmp_path / f"merged {number}", *folders)
        assert {record.status for record in merged.records.values()} == {"ok"}


def test_another_result_of_a_trial_is_refused_by_its_name(tmp_path):
    one = make_results(tmp_path / "one", FEW)
    other = make_results(tmp_path / "other", dataclasses.replace(FEW, accuracies={BASELINE: 0.8, DROPOUT: 0.7}))
    with pytest.raises(InputError, match=r"differ: dropout:0\.5 seed 1 on digits \(.*one.*other.*dropout:0\.5 seed 2"):
        merge(tmp_path / "merged", one, other)
    assert not (tmp_path / "merged" / STORE_NAME).exists()


def test_results_are_the_same_whatever_their_times(tmp_path):
    record = next(iter(load_results(make_results(tmp_path, FEW)).records.values()))
    assert same_result(record, dataclasses.replace(record, train_time_s=9.0, peak_memory_mib=1.0, build_s=2.0))
    assert not same_result(record, dataclasses.replace(record, status="diverged"))
    assert not same_result(record, dataclasses.replace(record, loss=0.41))
    assert not same_result(record, dataclasses.replace(record, predictions=None))
    lost = dataclasses.replace(record, loss=float("nan"), predictions=None)
    assert same_result(lost, dataclasses.replace(lost))
