"""The judgement of one variant's training: against the estimates it is made of, and its words."""

import dataclasses
import math

import numpy as np
import pytest

from harness import BASELINE, BUDGETS
from harness.comparison.judge import Accuracies, Comparison, Margins
from harness.comparison.training_cost import (
    EQUAL_CURVES,
    KEPT_FEATURES,
    NO_CURVES,
    NOT_TIMED,
    SAME_EPOCH,
    judge_training,
)
from harness.results.predictions import Predictions
from harness.results.records import Record
from harness.results.trials import Environment, Trial
from harness.statistics import NEVER, Estimate, Part, Reaching, TimeToReach

FOUR = BUDGETS["quick"].override(epochs=4)
ENVIRONMENT = Environment("cpu", "tensorflow", 1, ())
OTHER = BASELINE.replace(dropout=0.5)
SEEN = Predictions(np.zeros(2, np.uint16), np.ones(2, np.uint8), np.ones(2, bool))
TOLD = Accuracies(4, accuracy=Comparison(0.01, 0.0, 0.02))
STEP = Estimate(0.2, (Part(1e-4, 5),))


def arm(variant, curves, *, budget=FOUR):
    trials = [Trial(variant, "", "made", "abc", seed, budget, ENVIRONMENT) for seed in range(1, len(curves) + 1)]
    return {
        trial.seed: Record(trial, "ok", predictions=SEEN, val_accuracies=tuple(curve))
        for trial, curve in zip(trials, curves, strict=True)
    }


BEFORE = np.array([[0.4, 0.5, 0.6, last] for last in (0.70, 0.71, 0.69, 0.70)])
FASTER = np.array([[0.5, 0.65, 0.74 + by, 0.80 + by] for by in (0.0, 0.01, -0.01, 0.02)])
SLOWER = np.array([[0.2, 0.30, 0.35 + by, 0.40 + by] for by in (0.0, 0.01, -0.01, 0.02)])
CLOSE = np.array([[0.5, 0.60, 0.66, 0.70 + by] for by in (0.04, 0.01, -0.02, 0.02)])


def judged(own, *, before=BEFORE, step=STEP, told=TOLD, variant=OTHER, margins=Margins(), **terms):  # noqa: B008
    arms = before if isinstance(before, dict) else arm(BASELINE, before), own
    if not isinstance(own, dict):
        arms = arms[0], arm(variant, own)
    return judge_training(arms, step, told, **{"comparisons": 1, "margins": margins} | terms)


def cells(found):
    return found.value, found.low, found.high, found.p


def ends(interval):
    return tuple(interval.exp())


def test_the_time_is_that_of_the_epochs_and_the_step_at_the_level_of_its_row():
    reaching = Reaching.of(FASTER - BEFORE[:, -1:])
    for comparisons, share in ((1, 1.0), (3, 1.0), (3, 0.25)):
        found = judged(FASTER, comparisons=comparisons, share=share)
        time, alpha = TimeToReach(reaching, 4, STEP), 0.05 * share
        expected = time.ratio, *ends(time.interval(alpha, comparisons)), min(1, time.p_value(comparisons) / share)
        assert cells(found.time) == pytest.approx(expected)
        assert (found.epochs, found.seeds_reaching) == (reaching.epochs, 4)
        assert found.epochs_interval == pytest.approx(reaching.interval(alpha / comparisons))
        # What a whole training costs hangs on no seed, and so on no look.
        cost = 0.2, *STEP.interval(0.05, comparisons)
        assert cells(found.cost) == pytest.approx((*map(math.exp, cost), STEP.p_value(comparisons)))
        assert (found.time.verdict, found.cost.verdict, found.time.hint, found.cost.hint) == ("better", "worse", "", "")


def test_p_is_at_most_one():
    assert judged(CLOSE, step=Estimate(-0.1, STEP.parts), share=0.1).time.p == 1


def test_an_epoch_of_larger_batches_takes_fewer_steps():
    small, large = judged(FASTER), judged(FASTER, variant=OTHER.replace(batch_size=64))
    assert large.cost.value == pytest.approx(small.cost.value / 2)
    assert large.time.value == pytest.approx(small.time.value / 2)
    assert large.epochs == small.epochs


@pytest.mark.parametrize("comparisons", [1, 4])
def test_it_is_the_same_where_the_equivalence_interval_lies_within_the_margin_of_time(comparisons):
    reaching = Reaching.of(FASTER - BEFORE[:, -1:])
    for name, mean in (("cost", 0.001), ("time", math.log(4 / reaching.epochs))):
        step = Estimate(mean, (Part(1e-6, 5),))
        interval = (step if name == "cost" else TimeToReach(reaching, 4, step)).equivalence_interval(0.05, comparisons)
        # The margin is of the ratio: as a log its lower edge lies further away than its upper one.
        edge = max(1 - math.exp(interval.low), math.exp(interval.high) - 1)
        for margin, same in ((edge * 1.01, True), (edge * 0.99, False)):
            found = judged(FASTER, step=step, margins=Margins(time=margin), comparisons=comparisons)
            assert (getattr(found, name).verdict == "same") == same


def test_what_is_not_settled_says_what_would_settle_it():
    wide = Estimate(0.0, (Part(0.01, 5),))
    assert judged(FASTER, step=wide).cost.hint == "settled by what settles the step time"
    slow = Estimate(0.4, (Part(0.01, 5),))
    assert (
        judged(FASTER, step=slow).time.hint
        == "more seeds would settle it; --seeds auto takes as many as accuracy needs"
    )
    assert judged(FASTER, step=slow, share=0.5).time.hint == "judged at the 4 seeds at which accuracy stands"
    unsure = judged(CLOSE, step=Estimate(-0.1, STEP.parts))
    assert (unsure.epochs_interval.high, unsure.time.high) == (NEVER, NEVER)
    assert unsure.time.hint == "not surely reached in 4 epochs; more seeds would tell, or more --epochs"
    build = Estimate(0.0, (Part(math.nan, math.nan),))
    assert judged(FASTER, step=build).time.hint == "step times need more than one build"
    assert judged(SLOWER).time.hint == "not reached in 4 epochs; whether longer training would, --epochs tells"
    one = FOUR.override(epochs=1)
    short = judged(arm(OTHER, SLOWER[:, :1], budget=one), before=arm(BASELINE, BEFORE[:, -1:], budget=one))
    assert short.time.hint == "not reached in 1 epoch; whether longer training would, --epochs tells"


@pytest.mark.parametrize("step", [None, Estimate(0.0, (Part(math.nan, math.nan),)), STEP])
def test_never_is_never_whatever_a_step_takes(step):
    found = judged(SLOWER, step=step)
    assert (found.epochs, found.time.value, found.time.low, found.time.verdict) == (NEVER, NEVER, NEVER, "worse")
    assert (found.seeds_reaching, found.epochs_interval.low) == (0, NEVER)
    reaching = Reaching.of(SLOWER - BEFORE[:, -1:])
    epoch_time = STEP if step is STEP else SAME_EPOCH
    assert found.time.p == pytest.approx(TimeToReach(reaching, 4, epoch_time).p_value())


def test_without_a_step_time_the_epochs_stand_alone():
    found = judged(FASTER, step=None)
    assert (found.time.hint, found.cost.hint) == (NOT_TIMED, NOT_TIMED)
    assert math.isnan(found.time.value)
    assert 2 < found.epochs < 3
    frozen = judged(FASTER, variant=BASELINE.replace(backbone="VGG16"))
    assert (frozen.time.hint, frozen.cost.hint, frozen.epochs) == (KEPT_FEATURES, KEPT_FEATURES, found.epochs)
    kept = BASELINE.replace(backbone="VGG16")
    tuned = judged(FASTER, before=arm(kept, BEFORE), variant=kept.replace(weights="imagenet"))
    assert tuned.cost.hint == KEPT_FEATURES
    both = judged(FASTER, before=arm(kept, BEFORE), variant=kept.replace(dropout=0.5))
    assert both.cost.value == pytest.approx(math.exp(0.2))
    others = judged(FASTER, before=arm(kept, BEFORE), variant=BASELINE.replace(backbone="MobileNetV2"))
    assert others.cost.hint == KEPT_FEATURES
    alone = judged(FASTER, before={})
    assert (alone.cost.hint, alone.time.hint) == (NOT_TIMED, TOLD.accuracy.hint or NO_CURVES)


def test_where_accuracy_claims_nothing_nothing_is_claimed_of_time():
    silent = Accuracies(4, accuracy=Comparison(0.01, hint="a seed diverged"))
    found, told = judged(FASTER, told=silent), judged(FASTER)
    assert (found.time.hint, found.time.verdict, math.isnan(found.time.low)) == ("a seed diverged", "unresolved", True)
    assert (found.time.value, found.epochs, found.seeds_reaching) == (told.time.value, told.epochs, 4)
    assert found.epochs_interval.empty
    assert cells(found.cost) == cells(told.cost)
    assert judged({}, told=silent).time.hint == "a seed diverged"


def test_too_few_whole_curves_or_none_that_differ_claim_nothing():
    two = judged(FASTER[:2])
    assert (two.time.hint, two.seeds_reaching, two.epochs_interval.empty) == (NO_CURVES, 2, True)
    alike = judged(np.tile(FASTER[0], (3, 1)), before=np.tile(BEFORE[0], (3, 1)))
    assert (alike.time.hint, alike.epochs_interval.empty) == (EQUAL_CURVES, True)
    assert judged(FASTER, before=BEFORE[:0]).time.hint == NO_CURVES
    broken = [FASTER[0][:3], [*FASTER[1][:3], 1.01], [-0.01, *FASTER[2][1:]], FASTER[3]]
    assert judged(broken).seeds_reaching == 1
    # 0 and 1 are accuracies.
    edges = np.array([[0.0, 0.5, 0.9, 1.0], [0.0, 0.4, 0.9, 1.0], [0.0, 0.5, 0.8, 1.0]])
    assert judged(edges).seeds_reaching == 3


def test_one_variant_that_gave_the_same_bits_twice_takes_as_many_epochs_and_what_its_steps_take():
    found = judged(BEFORE, variant=BASELINE)
    assert (found.epochs, found.epochs_interval, found.seeds_reaching) == (4, (4, 4), 4)
    assert found.time == found.cost
    assert judged(BEFORE).time != judged(BEFORE).cost
    for other in (FASTER, np.vstack([BEFORE[:3], FASTER[3:]])):
        assert judged(other, variant=BASELINE).epochs < 4


def test_of_best_weights_the_best_so_far_counts_and_of_last_ones_the_last():
    peak = np.array([[0.5, 0.8 + by, 0.6, 0.62] for by in (0.0, 0.01, -0.01, 0.02)])
    best = judged(peak)
    last_ones = FOUR.override(weights="last")
    last = judged(arm(OTHER, peak, budget=last_ones), before=arm(BASELINE, BEFORE, budget=last_ones))
    assert best.epochs_interval.high < 3
    assert last.epochs_interval.high == NEVER
    assert dataclasses.replace(best, epochs_interval=None).epochs == last.epochs == pytest.approx(1 + 0.2 / 0.305)
