"""`results.trials()`, `.history()`, `.predictions()`, `.steps()`: the store's content, nothing lost or doubled."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from made_results import BASELINE, CLASSES, DROPOUT, IMAGES, Made, make_results
from sklearn.metrics import accuracy_score

from harness.comparison import compare
from harness.errors import InputError
from harness.results import load_results
from harness.results.conditions import Conditions
from harness.results.kept_models import KeptModel, models_folder, write_model
from harness.results.opening import open_store
from harness.variants import Variant

OWN = Variant(model="nets:build")


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    made = Made(accuracies={BASELINE: 0.8, DROPOUT: 0.9}, failed=frozenset({(DROPOUT, 5)}))
    return load_results(make_results(tmp_path_factory.mktemp("made"), made))


def test_a_row_per_trial_with_every_figure_of_its_record(results):
    frame = results.trials()
    assert len(frame) == len(results.records) == 10
    assert Counter(frame["status"]) == {"ok": 9, "failed": 1}
    assert frame["key"].is_unique
    for row in frame.itertuples():
        record = results.records[row.key]
        assert (row.variant, row.seed, row.epoch) == (record.trial.variant.name, record.trial.seed, record.epoch)
        assert row.accuracy == pytest.approx(record.accuracy, nan_ok=True)
    assert list(frame["seed"]) == [1, 2, 3, 4, 5] * 2


def test_a_row_per_epoch_of_which_one_is_chosen(results):
    frame = results.history()
    trials = frame.groupby(["variant", "seed"])
    assert (trials["chosen"].sum() == 1).all()
    assert len(frame) == sum(len(record.history) for record in results.records.values()) > 9
    best = frame.loc[trials["val_accuracy"].idxmax()]
    assert best["chosen"].all()


def test_predictions_give_the_accuracy_that_stands_in_the_table(results):
    frame = results.predictions()
    assert len(frame) == 9 * IMAGES
    assert len(frame["label"].cat.categories) == CLASSES
    table = compare(results).set_index("variant")
    # scikit-learn at the other end; the table's mean is over seeds too.
    for variant, rows in frame.groupby("variant"):
        found = [accuracy_score(seed["label"], seed["predicted"]) for _, seed in rows.groupby("seed")]
        if variant == "baseline":
            assert sum(found) / len(found) == pytest.approx(table.loc[variant, "accuracy"])
        assert rows["correct"].mean() == pytest.approx(sum(found) / len(found))
    few = results.predictions(lambda trial: trial.variant == DROPOUT and trial.seed == 2)
    assert set(few["variant"]) == {"dropout:0.5"}
    assert len(few) == IMAGES
    assert results.predictions(lambda trial: False).columns.equals(frame.columns)


def test_a_row_per_timed_block_of_each_arm(results):
    frame = results.steps()
    for times in results.step_times.values():
        own = frame[frame["variant"] == times.variant.name]
        for arm in ("baseline", "control", "variant"):
            blocks = own[own["arm"] == arm].set_index(["build", "block"])["step_time_ms"]
            assert blocks.size == sum(len(build) for build in getattr(times, f"{arm}_ms"))
            assert blocks[1, 1] == getattr(times, f"{arm}_ms")[0][0]


def test_frames_tell_image_sets_of_one_name_and_states_of_a_model_apart(tmp_path):
    other = OWN.replace(dropout=0.5)
    first, second = (Made({OWN: share, other: share}, {OWN: 1.0, other: 1.0}) for share in (0.9, 0.3))
    make_results(tmp_path / "first", first)
    make_results(tmp_path, second)
    make_results(tmp_path, replace(second, accuracies={OWN: 0.5}, step_ms={}, fingerprint="e" * 16))
    elsewhere = load_results(tmp_path / "first")
    with open_store(tmp_path) as store:  # the same variants, of an edited module
        store.begin_run(next(iter(elsewhere.provenances.values())))
        for record in elsewhere.records.values():
            store.add_record(replace(record, trial=replace(record.trial, source="edited")))
        for times in elsewhere.step_times.values():
            store.add_step_times(replace(times, key=times.key[::-1], sources=("edited", "edited")))
    results = load_results(tmp_path)
    of, mine = ["fingerprint", "source"], results.called(OWN)
    states = {(first.fingerprint, "edited"): 0.9, (first.fingerprint, ""): 0.3, ("e" * 16, ""): 0.5}
    for frame, column in ((results.trials(), "accuracy"), (results.predictions(), "correct")):
        means = frame[frame["variant"] == mine].groupby(of)[column].mean()
        assert means.to_dict() == pytest.approx(states, abs=0.05)
    history = results.history().query("variant == @mine")
    assert history.groupby(of).size().to_dict() == dict.fromkeys(states, 25)
    timed = results.steps()[["fingerprint", "baseline_source", "source"]].drop_duplicates()
    assert sorted(map(tuple, timed.to_numpy())) == [(first.fingerprint, "", ""), (first.fingerprint, *["edited"] * 2)]


def test_what_is_shown_in_a_notebook_is_a_line_not_an_array(results):
    assert repr(results).endswith("dropout; 10 trials, 2 step times)")
    record = next(iter(results.records.values()))
    assert repr(record).startswith("Record(baseline seed 1 on digits: ok, accuracy 0.")
    assert "no memory" in repr(replace(record, status="failed", message="no memory"))


def test_help_explains_every_field_of_a_variant():
    from harness.variants import DEFAULTS

    for field in DEFAULTS:
        assert f"\n        {field}: " in Variant.__doc__


def test_predictions_name_the_files_of_a_folder_and_hold_kept_probabilities(tmp_path):
    made = Made(accuracies={BASELINE: 0.8})
    make_results(tmp_path, made)
    results = load_results(tmp_path)
    record = next(one for one in results.records.values() if one.trial.seed == 2)
    files = tuple(f"test/a/{number:03}.png" for number in range(IMAGES))
    with open_store(tmp_path) as store:
        test_set = results.test_set(Conditions.of(record.trial))
        groups = np.arange(IMAGES)
        store.begin_run(next(iter(results.provenances.values())))
        store.add_test_set(made.fingerprint, made.budget.max_images, replace(test_set, groups=groups, files=files))
    rng = np.random.default_rng(0)
    probabilities = rng.dirichlet(np.ones(CLASSES), IMAGES).astype(np.float16)
    write_model(tmp_path, record.trial, "baseline", KeptModel(b"a model", ".keras", probabilities=probabilities))
    results = load_results(tmp_path)
    frame = results.predictions()
    for seed, rows in frame.groupby("seed"):
        assert list(rows["file"]) == list(files)
        assert rows["probability"].notna().all() == rows["label_probability"].notna().all() == (seed == 2)
    rows = frame[frame["seed"] == 2]
    labels = rows["label"].cat.codes.to_numpy()
    assert np.array_equal(rows["label_probability"], probabilities[np.arange(IMAGES), labels].astype(np.float32))
    assert np.array_equal(results.probabilities(record.trial), probabilities)
    (file,) = models_folder(tmp_path).glob("*.npy")
    file.write_bytes(file.read_bytes()[:-7])
    with pytest.raises(InputError, match=rf"{file.name} is damaged"):
        load_results(tmp_path).predictions()
    file.unlink()  # a lost one is as one that was never kept
    results = load_results(tmp_path)
    assert results.probabilities(record.trial) is None
    assert results.predictions()["probability"].isna().all()
