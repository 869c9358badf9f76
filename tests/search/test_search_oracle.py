"""keras-tuner's oracles, asked and told: the baseline first, the same points again, its own schedule."""

from __future__ import annotations

import math
from collections import deque
from typing import Any

import pytest

from harness import BASELINE, InputError, Variant
from harness.search import Boolean, Float, Int, Search
from harness.search.declaration import OracleName
from harness.search.oracle import AskTell
from harness.search.tries import Tried, Try

SPACE: dict[str, Any] = {
    "learning_rate": Float(1e-4, 1e-1, sampling="log"),
    "dropout": Float(0, 0.6),
    "filters": [(16, 32), (32, 64), (8,)],
}


def figure(variant: Variant) -> float:
    """Return a smooth stand-in for an accuracy: best at a learning rate of 0.003 without dropout."""
    return 0.9 - 0.1 * abs(math.log10(variant.learning_rate) + 2.5) - 0.1 * variant.dropout


def drive(
    search: Search, *, epochs: int = 9, remembered: dict[int, dict[str, Any]] | None = None
) -> tuple[AskTell, list[Try]]:
    """Ask and tell to the end, in order, with as many tries under way as the search says."""
    oracle = AskTell(search, epochs=epochs, remembered=remembered or {})
    asked: list[Try] = []
    running: deque[Try] = deque()
    planned = search.tries_planned or 1_000
    while True:
        while len(running) < search.parallel and len(asked) < planned and not oracle.finished:
            attempt = oracle.ask()
            if attempt is None:
                break
            asked.append(attempt)
            running.append(attempt)
        if not running:
            return oracle, asked
        attempt = running.popleft()
        assert attempt.variant is not None
        oracle.tell(Tried(attempt, "ok", figure(attempt.variant), 1 - figure(attempt.variant)))


@pytest.mark.parametrize("oracle", ["random", "bayesian", "hyperband"])
def test_baseline_is_tried_first_and_every_try_is_another_variant(oracle: OracleName) -> None:
    _, asked = drive(Search("s", SPACE, oracle, tries=None if oracle == "hyperband" else 12))
    fresh = [attempt.variant for attempt in asked if not attempt.start]
    assert fresh[0] == BASELINE
    assert len(set(fresh)) == len(fresh) > 8


def test_baseline_outside_the_space_is_tried_first_too() -> None:
    search = Search("s", {"dropout": Float(0.2, 0.6)}, tries=4)
    oracle, asked = drive(search)
    assert not oracle.baseline_inside
    assert [attempt.number for attempt in asked] == [0, 1, 2, 3]
    assert asked[0].variant == BASELINE
    assert all(0.2 <= attempt.variant.dropout <= 0.6 for attempt in asked[1:] if attempt.variant)


@pytest.mark.parametrize("oracle", ["random", "bayesian", "hyperband"])
def test_same_seed_and_figures_give_the_same_points_and_another_seed_others(oracle: OracleName) -> None:
    search = Search("s", SPACE, oracle, tries=None if oracle == "hyperband" else 12)
    _, first = drive(search)
    assert drive(search)[1] == first
    assert drive(search.replace(seed=2))[1] != first


@pytest.mark.parametrize("oracle", ["random", "bayesian"])
def test_more_tries_begin_with_the_points_of_fewer(oracle: OracleName) -> None:
    assert drive(Search("s", SPACE, oracle, tries=13))[1][:11] == drive(Search("s", SPACE, oracle, tries=11))[1]


def test_random_points_do_not_depend_on_how_many_are_under_way() -> None:
    search = Search("s", SPACE, tries=12)
    assert drive(search)[1] == drive(search.replace(parallel=7))[1]


@pytest.mark.parametrize(
    # 75 and not the 69 of Li et al. (2018): keras-tuner rounds a bracket's last rung up, from 5 / 3 trials to 2.
    ("epochs", "factor", "tries", "total"),
    [(9, 3, 17, 75), (5, 3, 8, 31), (27, 3, 49, 375), (4, 2, None, None)],
)
def test_epochs_of_hyperband_add_up_to_keras_tuners_own_schedule(
    epochs: int, factor: int, tries: int | None, total: int | None
) -> None:
    from keras_tuner.oracles import HyperbandOracle

    own = HyperbandOracle(objective="val_accuracy", max_epochs=epochs, factor=factor)
    brackets = range(own._get_num_brackets())
    schedule = sum(
        own._get_size(bracket, rung)
        * (own._get_epochs(bracket, rung) - (own._get_epochs(bracket, rung - 1) if rung else 0))
        for bracket in brackets
        for rung in range(bracket + 1)
    )
    _, asked = drive(Search("s", SPACE, "hyperband", factor=factor), epochs=epochs)
    assert sum(attempt.epochs - attempt.start for attempt in asked) == schedule
    if total is not None:
        assert schedule == total
        assert sum(attempt.goes_on is None for attempt in asked) == tries


def test_hyperband_lets_the_best_of_a_rung_go_on_from_where_it_stopped() -> None:
    oracle, asked = drive(Search("s", SPACE, "hyperband", parallel=1))
    by_number = {attempt.number: attempt for attempt in asked}
    promoted = [attempt for attempt in asked if attempt.goes_on is not None]
    assert len(promoted) == 6
    for attempt in promoted:
        assert attempt.goes_on is not None
        before = by_number[attempt.goes_on]
        assert (attempt.variant, attempt.start) == (before.variant, before.epochs)
    first_rung = asked[:9]
    best = sorted(first_rung, key=lambda one: figure(one.variant or BASELINE))[-3:]
    assert {attempt.goes_on for attempt in promoted[:3]} == {attempt.number for attempt in best}
    assert oracle.promotable() == set()


@pytest.mark.parametrize("oracle", ["random", "bayesian", "hyperband"])
def test_points_stay_within_the_fields_rules(oracle: OracleName) -> None:
    space = {
        "batch_size": Int(16, 64, sampling="log"),
        "kernel_size": Int(1, 5, step=2),
        "batch_norm": Boolean(),
        "l2": Float(0, 0.001, step=0.0001),
        "pooling": ["max", "average"],
    }
    search = Search("s", space, oracle, tries=None if oracle == "hyperband" else 20, parallel=1)
    for attempt in drive(search)[1]:
        assert attempt.variant is not None, attempt.message
        assert 16 <= attempt.variant.batch_size <= 64
        assert attempt.variant.kernel_size in (1, 3, 5)
        assert len(repr(attempt.variant.l2)) <= 6


def test_remembered_points_are_chosen_again_whatever_the_oracle_would_choose() -> None:
    search = Search("s", SPACE, "bayesian", tries=12)
    _, asked = drive(search)
    changed = dict(asked[3].values, dropout=0.123)
    _, again = drive(search, remembered={3: changed})
    assert again[3].variant is not None
    assert again[3].variant.dropout == 0.123
    assert again[:3] == asked[:3]


def test_function_with_a_condition_gives_both_its_branches() -> None:
    def space(hp: Any) -> dict[str, Any]:
        fields = {"optimizer": hp.Choice("optimizer", ["adam", "sgd"])}
        with hp.conditional_scope("optimizer", ["sgd"]):
            rate = hp.Float("sgd_rate", 0.01, 0.1, sampling="log")
        return fields | ({"learning_rate": rate} if fields["optimizer"] == "sgd" else {})

    oracle, asked = drive(Search("s", space, tries=8))
    assert oracle.baseline_inside
    variants = [attempt.variant for attempt in asked if attempt.variant]
    assert {variant.optimizer for variant in variants} == {"adam", "sgd"}
    assert all((variant.optimizer == "sgd") == (variant.learning_rate >= 0.01) for variant in variants)


@pytest.mark.parametrize(
    ("space", "told"),
    [
        (lambda hp: {}, "asks hp for nothing"),
        (lambda hp: {"dropout": 0.1 * hp.Int("d", 0, 0)}, "single variant"),
        (lambda hp: {"dropout": hp.Float("d", 0, 1.5)}, "dropout: "),
        (lambda hp: {"dropuot": hp.Float("d", 0, 0.5)}, 'did you mean "dropout"?'),
        (lambda hp: BASELINE.replace(kernel_size=hp.Int("k", 3, 30)), "kernel_size: "),
        (lambda hp: hp.Float("d", 0, 0.5), "must return a mapping of fields to values, or a Variant"),
        (lambda hp: {"dropout": hp.Float("d", 0, 0.5) / 0}, "raised ZeroDivisionError: float division by zero"),
        (lambda hp: {"dropout": hp.Float("d", 0.5, 0.1)}, "raised ValueError"),
    ],
)
def test_function_that_is_empty_or_leaves_a_fields_range_is_refused(space: Any, told: str) -> None:
    with pytest.raises(InputError) as caught:
        AskTell(Search("s", space), epochs=1, remembered={})
    assert told in str(caught.value)


def test_fields_that_exclude_each_other_at_a_point_refuse_that_point_alone() -> None:
    space = {"backbone": [None, "MobileNetV2"], "kernel_size": [3, 5]}
    # The fourth point, a backbone with kernels of its own size, is no variant.
    oracle = AskTell(Search("s", space), epochs=1, remembered={})
    found = {}
    for _ in range(4):
        attempt = oracle.ask()
        assert attempt is not None
        found[attempt.values["backbone"], attempt.values["kernel_size"]] = attempt
        oracle.tell(Tried(attempt, "ok" if attempt.variant else "refused", 0.5, 0.5))
    refused = [attempt for attempt in found.values() if attempt.variant is None]
    assert len(found) == 4
    assert ["has no effect with backbone" in attempt.message for attempt in refused] == [True]
    oracle.ask()
    assert oracle.finished  # all four are tried
