"""The store: rows added once, never changed, never half."""

import json

import numpy as np
import pytest

from harness import BASELINE, BUDGETS, InputError, Suite, load_results
from harness.errors import HarnessError
from harness.results.contents import TestSet
from harness.results.opening import open_store, read_store
from harness.results.predictions import Predictions
from harness.results.provenance import collect_provenance
from harness.results.records import EpochMetrics, Record
from harness.results.trials import Environment, Trial

ENVIRONMENT = Environment("cpu", "tensorflow", 1, (("keras", "3.15.1"),))


def make_trial(seed=1, variant=BASELINE):
    return Trial(variant, "", "digits", "abc", seed, BUDGETS["quick"], ENVIRONMENT)


def make_record(seed=1, status="ok", accuracy=0.5, variant=BASELINE):
    predictions = Predictions(np.array([1, 2], np.uint16), np.array([1, 0], np.uint8), np.array([True, False]))
    history = (EpochMetrics(0.1, 0.2, 0.3, 1.0, 0.1, 0.2, 0.3, float("nan"), 0.5),)
    return Record(
        make_trial(seed, variant),
        status,
        epoch=1,
        history=history,
        accuracy=accuracy,
        predictions=predictions if status == "ok" else None,
    )


@pytest.fixture
def store(tmp_path):
    with open_store(tmp_path) as store:
        store.begin_run(collect_provenance())
        yield store


def test_a_record_comes_back_as_it_was(store, tmp_path):
    record = make_record()
    store.add_record(record)
    back = load_results(tmp_path).records[record.trial.key]
    assert back.trial == record.trial
    assert np.array_equal(back.predictions.predicted, record.predictions.predicted)
    assert np.isnan(back.history[0].val_loss)
    assert back.history[0].precision == 0.2


def test_of_two_results_of_a_trial_the_newest_is_read(store):
    store.add_record(make_record(accuracy=0.5))
    store.add_record(make_record(accuracy=0.9))
    assert [record.accuracy for record in store.records().values()] == [0.9]


def test_a_failure_never_replaces_a_result_and_a_result_follows_a_failure(store):
    store.add_record(make_record(status="failed"))
    assert [record.status for record in store.records().values()] == ["failed"]
    store.add_record(make_record(accuracy=0.7))
    store.add_record(make_record(status="failed"))
    assert [(record.status, record.accuracy) for record in store.records().values()] == [("ok", 0.7)]


def test_the_newest_declaration_of_a_suite_counts(store):
    store.add_suite(Suite("s", (BASELINE.replace(dropout=0.1),)))
    store.add_suite(Suite("s", (BASELINE.replace(dropout=0.2),)))
    store.add_suite(Suite("s", (BASELINE.replace(dropout=0.2),)))
    assert [suite.names for suite in store.suites()] == [("baseline", "dropout:0.2")]


def test_the_first_choice_of_a_searchs_try_stands(store):
    for content in ("{}", '{"later": 1}'):
        store.add_search_try("search", 1, content)
    assert store.search_tries("search") == {1: "{}"}


def test_a_text_that_no_store_holds_is_refused_before_it_is_there(store):
    with pytest.raises(HarnessError, match=r"a row of search_tries is not stored, .* of no kind that a store holds"):
        store.add_search_try("search", 1, "half a pair: \udce9")
    assert store.search_tries("search") == {}


def test_labels_come_back(store):
    store.add_test_set("abc", 512, TestSet(("a", "b"), np.array([0, 1, 1])))
    found = store.test_sets()["abc", 512]
    assert found.classes == ("a", "b")
    assert found.labels.tolist() == [0, 1, 1]


def test_groups_of_images_come_back_and_are_added_to_a_store_that_had_none(store):
    for groups in (None, np.array([0, 1, 0]), np.array([0, 1, 0])):
        store.add_test_set("abc", None, TestSet(("a", "b"), np.array([0, 1, 1]), groups))

    assert store.test_sets()["abc", None].groups.tolist() == [0, 1, 0]
    assert store.connection.execute("SELECT count(*) FROM test_sets").fetchone() == (2,)


@pytest.mark.parametrize("alike", [[[1, 0], [3, 0]], [[0, 1]], [[2]], "1", None])
def test_groups_of_images_that_there_are_not_are_refused(alike):
    with pytest.raises(InputError, match="alike"):
        TestSet.from_stored(json.dumps({"classes": ["a", "b"], "alike": alike}), np.zeros(3, "<i8").tobytes())


def test_a_reader_sees_a_snapshot_while_a_writer_is_open(store, tmp_path):
    store.add_record(make_record(1))
    with read_store(tmp_path) as reader:
        store.add_record(make_record(2))
        assert len(reader.records()) == 1
    assert len(load_results(tmp_path).records) == 2


def test_a_folder_without_results_is_told(tmp_path):
    with pytest.raises(InputError, match="holds no results"):
        load_results(tmp_path / "nothing")
    assert not (tmp_path / "nothing").exists()
