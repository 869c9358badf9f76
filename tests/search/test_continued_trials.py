"""A trial that goes on from a shorter run of itself ends in the bits of one that never stopped."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from harness import BASELINE, Dataset, load_dataset
from harness.budgets import Budget
from harness.results.records import Record
from harness.results.trials import Trial
from harness.training.checkpoint_path import checkpoint_path
from harness.training.checkpoints import Checkpoints
from harness.training.devices import find_device, training_environment
from harness.training.prepared import build_for
from harness.training.trial import Trainer
from harness.variants import Variant

# Everything that keeps a state from step to step: batch norm's averages, dropout's and augmentation's seed
# generators, an optimizer with moments.
STATEFUL = BASELINE.replace(
    filters=(4,), dense=(8,), batch_norm=True, dropout=0.3, augmentation="flip+shift", optimizer="adam"
)


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return load_dataset("digits")


def make_trial(dataset: Dataset, epochs: int, variant: Variant = STATEFUL) -> Trial:
    budget = Budget("smoke", epochs=epochs, seeds=1, max_images=200)
    environment = training_environment(find_device("cpu"))
    return Trial(variant, "", dataset.name, dataset.fingerprint, 1001, budget, environment)


def assert_same(one: Record, other: Record) -> None:
    timeless = [[dataclasses.replace(epoch, seconds=0.0) for epoch in record.history] for record in (one, other)]
    assert timeless[0] == timeless[1]
    assert (one.epoch, one.accuracy, one.loss, one.macro_f1) == (
        other.epoch,
        other.accuracy,
        other.loss,
        other.macro_f1,
    )
    assert one.predictions is not None
    assert other.predictions is not None
    assert one.predictions.to_bytes() == other.predictions.to_bytes()


def test_trial_continued_twice_equals_an_uninterrupted_one_bit_for_bit(digits: Dataset, tmp_path: Path) -> None:
    straight_states, rung_states = tmp_path / "straight", tmp_path / "rungs"
    whole = Trainer(Checkpoints(straight_states)).run(make_trial(digits, 4), digits)
    for epochs in (1, 3):
        # A trainer of its own each time: nothing but the file carries over, as between two worker processes.
        Trainer(Checkpoints(rung_states)).run(make_trial(digits, epochs), digits)
    last = Trainer(Checkpoints(rung_states)).run(make_trial(digits, 4), digits)

    assert_same(whole, last)
    trial = make_trial(digits, 4)
    with np.load(checkpoint_path(straight_states, trial)) as one, np.load(checkpoint_path(rung_states, trial)) as two:
        names = [name for name in one.files if name not in ("history", "seconds")]
        assert any(name.startswith("optimizer_") for name in names)
        for name in names:
            assert one[name].tobytes() == two[name].tobytes(), name


def test_continued_trial_trains_only_the_epochs_that_are_missing(digits: Dataset, tmp_path: Path) -> None:
    states = Checkpoints(tmp_path)
    first = Trainer(states).run(make_trial(digits, 2), digits)
    second = Trainer(states).run(make_trial(digits, 3), digits)
    # The times of the first two epochs are those measured then: they were not trained again.
    assert second.history[:2] == first.history
    assert len(second.history) == 3
    assert second.total_s > first.total_s - first.build_s


def test_best_epoch_before_the_continuation_keeps_its_weights(digits: Dataset, tmp_path: Path) -> None:
    # Steps so large that the second epoch stays the best one.
    wild = STATEFUL.replace(optimizer="sgd", learning_rate=5.0, batch_norm=False)
    whole = Trainer().run(make_trial(digits, 3, wild), digits)
    states = Checkpoints(tmp_path)
    Trainer(states).run(make_trial(digits, 2, wild), digits)
    last = Trainer(states).run(make_trial(digits, 3, wild), digits)
    assert whole.epoch == 2
    assert_same(whole, last)


@pytest.fixture(scope="module")
def kept(digits: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the file of the state after one epoch."""
    folder = tmp_path_factory.mktemp("kept")
    Trainer(Checkpoints(folder)).run(make_trial(digits, 1), digits)
    return checkpoint_path(folder, make_trial(digits, 1))


@pytest.mark.parametrize("damage", ["cut", "empty", "text", "missing"])
def test_damaged_state_is_as_good_as_none(digits: Dataset, kept: Path, tmp_path: Path, damage: str) -> None:
    trial, content = make_trial(digits, 2), kept.read_bytes()
    damaged = {"cut": content[: len(content) // 2], "empty": b"", "text": b"not an archive"}
    if damage in damaged:
        (tmp_path / kept.name).write_bytes(damaged[damage])
    model = build_for(STATEFUL, digits, seed=trial.seed)
    before = model.get_weights()
    assert Checkpoints(tmp_path).load(trial, model).history == []
    assert all((old == new).all() for old, new in zip(before, model.get_weights(), strict=True))


def test_whole_state_is_taken(digits: Dataset, kept: Path) -> None:
    trial = make_trial(digits, 2)
    model = build_for(STATEFUL, digits, seed=trial.seed)
    model.optimizer.build(model.trainable_variables)
    progress = Checkpoints(kept.parent).load(trial, model)
    assert (len(progress.history), progress.best) == (1, 1)
    assert int(model.optimizer.iterations.numpy()) == 6  # 180 training images in batches of 32


def test_state_of_another_model_is_refused_and_the_model_left_untouched(digits: Dataset, kept: Path) -> None:
    model = build_for(STATEFUL.replace(filters=(5,)), digits, seed=1)
    before = model.get_weights()
    assert Checkpoints(kept.parent).load(make_trial(digits, 2), model).history == []
    assert all((old == new).all() for old, new in zip(before, model.get_weights(), strict=True))
