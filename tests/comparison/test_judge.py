"""What the judge says of one pair: figures against the two-way model itself, at which look, and in which words."""

import dataclasses
import math

import numpy as np
import pytest

from harness import BASELINE, BUDGETS
from harness.comparison.judge import ALL, Accuracies, Comparison, Judge, Margins, judge_accuracies, judge_times
from harness.comparison.standing import Standing
from harness.comparison.verdicts import LOOSE_HINT, auto_options, is_loose
from harness.results.contents import TestSet
from harness.results.predictions import Predictions
from harness.results.records import Record
from harness.results.step_times import StepTimes
from harness.results.trials import Environment, Trial
from harness.statistics import controlled_ratio, seeds_needed, two_way

IMAGES = 400
LABELS = np.arange(IMAGES) % 4
TESTED = TestSet(tuple("abcd"), LABELS)
ENVIRONMENT = Environment("cpu", "tensorflow", 1, ())
OTHER = BASELINE.replace(l2=0.01)
METRICS = ("accuracy", "precision", "recall", "macro_f1")
LOOKS = (5, 8)


def arm(variant, share, seeds, *, shift=0, spread=0.0):
    """Records by seed that are right on about `share` of the images, the last of them least often."""
    made = {}
    for seed in seeds:
        rng = np.random.default_rng([seed, shift])
        right = rng.random(IMAGES) < share + spread * rng.standard_normal()
        predicted = np.where(right, LABELS, (LABELS + 1) % 4).astype(np.uint16)
        trial = Trial(variant, "", "made", "abc", seed, BUDGETS["quick"], ENVIRONMENT)
        figures = dict.fromkeys(METRICS, float(right.mean()))
        predictions = Predictions(predicted, np.ones(IMAGES, np.uint8), right)
        made[seed] = Record(trial, "ok", loss=seed / 7 + shift, predictions=predictions, **figures)
    return made


def effect_of(first, second, seeds):
    right = [
        np.array([one[seed].predictions.unpacked().predicted == LABELS for seed in seeds]) for one in (first, second)
    ]
    return two_way(right[1] * 1.0 - right[0])


def judged(first, second, *, comparisons=1, margins=Margins(), **terms):  # noqa: B008
    return judge_accuracies(first, second, TESTED, comparisons=comparisons, margins=margins, **terms)


BEFORE, AFTER = arm(BASELINE, 0.6, range(1, 9)), arm(OTHER, 0.9, range(1, 9), shift=1)
NOISY = arm(OTHER, 0.62, range(1, 9), shift=3, spread=0.02)


def test_each_terms_are_judged_by_themselves_and_once():
    one, few = Judge(Margins()), {seed: AFTER[seed] for seed in (1, 2, 3)}
    terms = {"comparisons": 1, "looks": (8,), "goes_on": True, "names": ("baseline", "")}
    asked = [
        *((BEFORE, AFTER, terms | change) for change in ({}, {"comparisons": 4}, {"looks": LOOKS}, {"looks": (3, 8)})),
        *((BEFORE, NOISY, terms | {"looks": LOOKS, "goes_on": goes_on}) for goes_on in (True, False)),
        (AFTER, BEFORE, terms),
        (arm(BASELINE, 0.5, range(1, 9), shift=9), AFTER, terms),
        # The same records in the same order, otherwise shared out.
        ({1: BEFORE[1], 2: BEFORE[2]}, {1: AFTER[1]}, terms | {"looks": ()}),
        ({1: BEFORE[1]}, {1: BEFORE[2], 2: AFTER[1]}, terms | {"looks": ()}),
    ]
    broken = few | {3: dataclasses.replace(few[3], status="diverged", message="loss was nan")}
    asked += [(BEFORE, broken, terms | {"names": names}) for names in (("baseline", ""), ("old", "new"))]
    found = [one.accuracies(first, second, TESTED, **words) for first, second, words in asked]
    for (first, second, words), answer in zip(asked, found, strict=True):
        assert repr(answer) == repr(judged(first, second, **words))
        assert one.accuracies(first, second, TESTED, **words) is answer
    assert len({repr(answer) for answer in found}) == len(asked)
    unnamed = [(BEFORE, broken, {}), (BEFORE, NOISY, {"looks": LOOKS})]
    for first, second, words in unnamed:
        answer = one.accuracies(first, second, TESTED, comparisons=1, **words)
        assert repr(answer) == repr(judged(first, second, **words))
    backwards = dict(reversed(BEFORE.items()))
    assert one.accuracies(backwards, AFTER, TESTED, **terms) is found[0]


def test_what_is_made_where_something_judged_before_lay_in_memory_gets_its_own_answer():
    one = Judge(Margins())
    # Each is gone, but for what the judge holds, as the next is made.
    for number in range(20):
        answer = one.accuracies(BEFORE, arm(OTHER, 0.7, (1,), shift=number), TESTED, comparisons=1)
        assert repr(answer) == repr(judged(BEFORE, arm(OTHER, 0.7, (1,), shift=number)))
    for number in range(20):
        answer = one.times(timed(1 + number / 100), comparisons=1)
        assert repr(answer) == repr(judge_times(timed(1 + number / 100), comparisons=1, margins=Margins()))


def test_without_looks_all_seeds_are_judged_at_all_of_alpha():
    found, effect = judged(BEFORE, AFTER, comparisons=3), effect_of(BEFORE, AFTER, range(1, 9))
    assert (found.pairs, found.standing) == (8, ALL) == (8, Standing(0, False))
    accuracy = found.accuracy
    assert (accuracy.value, accuracy.low, accuracy.high) == pytest.approx((effect.mean, *effect.interval(0.05, 3)))
    assert (accuracy.p, accuracy.verdict, accuracy.hint) == (pytest.approx(effect.p_value(3)), "better", "")
    assert (accuracy.leans, accuracy.settled_by) == (None, "")
    assert repr(judged(BEFORE, AFTER, comparisons=3, looks=(8,))) == repr(found)
    assert judged(BEFORE, AFTER, looks=(4,)).pairs == 4
    nothing = Comparison()
    assert (nothing.hint, nothing.settled_by, Accuracies(3).accuracy) == ("", "", nothing)


@pytest.mark.parametrize("comparisons", [1, 5])
@pytest.mark.parametrize(("looks", "share"), [((), 1), ((4, 8), 0.5)])
def test_it_is_the_same_where_the_equivalence_interval_lies_within_the_margin(looks, share, comparisons):
    arms = arm(BASELINE, 0.6, range(1, 9)), arm(OTHER, 0.6, range(1, 9), shift=4)
    effect = effect_of(*arms, range(1, 9))
    edge = max(map(abs, effect.equivalence_interval(0.05 * share, comparisons)))
    for margin, word in ((edge * 1.001, "same"), (edge * 0.999, "unresolved")):
        found = judged(*arms, comparisons=comparisons, margins=Margins(accuracy=margin), looks=looks)
        assert (found.pairs, found.accuracy.verdict) == (8, word)
        assert found.accuracy.p == pytest.approx(min(1, effect.p_value(comparisons) / share))


def test_a_row_of_several_looks_is_judged_at_the_first_that_settles_it_at_its_share_of_alpha():
    found, effect = judged(BEFORE, AFTER, comparisons=3, looks=LOOKS), effect_of(BEFORE, AFTER, range(1, 6))
    assert (found.pairs, found.standing) == (5, Standing(5, False))
    share = 5 / 8
    accuracy = found.accuracy
    assert (accuracy.value, accuracy.low, accuracy.high) == pytest.approx(
        (effect.mean, *effect.interval(0.05 * share, 3))
    )
    assert accuracy.p == pytest.approx(effect.p_value(3) / share)
    assert (accuracy.verdict, accuracy.hint, found.macro_f1.hint) == ("better", "settled at 5 seeds", "")
    assert judged(BEFORE, AFTER, looks=LOOKS, goes_on=False).accuracy.hint == "settled at 5 seeds"


def test_a_row_that_no_look_settled_is_judged_at_the_last_one_reached():
    five = [{seed: one[seed] for seed in range(1, 8)} for one in (BEFORE, NOISY)]
    found = judged(*five, looks=LOOKS)
    assert (found.pairs, found.standing) == (5, Standing(5, True))
    assert (found.accuracy.verdict, found.recall.verdict) == ("unresolved", "unresolved")
    assert found.accuracy.hint == "open at 5 of at most 8 seeds: the same command goes on"
    assert found.accuracy.settled_by == "--seeds auto --max-seeds 8"
    assert (found.recall.hint, found.recall.settled_by) == ("judged at the 5 seeds at which accuracy stands", "")
    ended = judged(*five, looks=LOOKS, goes_on=False)
    assert (ended.pairs, ended.standing) == (5, Standing(5, False))
    for metric in (ended.accuracy, ended.recall):
        assert (metric.hint, metric.settled_by) == ("not settled by the 5 seeds at which both were judged", "")
    third = judged(*five, looks=(3, 5, 9))
    assert third.accuracy.hint == "open at 5 of at most 9 seeds: the same command goes on"
    last = judged(BEFORE, NOISY, looks=LOOKS)
    assert (last.pairs, last.standing) == (8, Standing(8, False))
    assert last.accuracy.hint.startswith("not settled by 8 seeds: about ")


def test_before_its_first_look_a_row_has_a_difference_and_no_claim():
    few = [{seed: one[seed] for seed in (1, 2, 3)} for one in (BEFORE, AFTER)]
    found = judged(*few, looks=LOOKS)
    assert (found.pairs, found.standing) == (3, Standing(0, True))
    assert judged(*few, looks=LOOKS, goes_on=False).standing == Standing(0, False)
    for metric in METRICS:
        one = getattr(found, metric)
        assert one.hint == "judged from 5 seeds on: 3 are there"
        assert one.value == pytest.approx(
            np.mean([few[1][seed].accuracy - few[0][seed].accuracy for seed in (1, 2, 3)])
        )
        assert (math.isnan(one.low), math.isnan(one.p), one.verdict) == (True, True, "unresolved")
    nothing = judged({}, AFTER, looks=LOOKS)
    assert (nothing.pairs, nothing.accuracy.hint) == (0, "judged from 5 seeds on: 0 are there")
    assert math.isnan(nothing.accuracy.value)


def test_a_row_of_which_a_seed_diverged_or_that_is_no_other_trial_ends_at_its_first_look():
    broken = AFTER | {2: dataclasses.replace(AFTER[2], status="diverged", message="loss was nan")}
    found = judged(BEFORE, broken, looks=LOOKS)
    assert (found.pairs, found.standing) == (4, Standing(5, False))
    assert found.accuracy.hint == "diverged in 1 of 5 seeds: loss was nan"
    copied = {seed: dataclasses.replace(one, trial=AFTER[seed].trial) for seed, one in BEFORE.items()}
    found = judged(BEFORE, copied, looks=LOOKS)
    assert (found.pairs, found.standing, found.accuracy.value) == (5, Standing(5, False), 0)
    failed = {seed: dataclasses.replace(one, status="failed", predictions=None) for seed, one in AFTER.items()}
    found = judged(BEFORE, failed, looks=LOOKS)
    assert (found.pairs, found.standing, found.accuracy.hint) == (0, Standing(5, False), "no seed that both have")


def test_under_three_seeds_it_says_how_many_more_are_needed():
    two = judged(BEFORE, {seed: AFTER[seed] for seed in (2, 5)})
    assert (two.pairs, two.accuracy.hint) == (2, "1 more seed needed for any verdict")
    assert two.accuracy.value == pytest.approx(np.mean([AFTER[s].accuracy - BEFORE[s].accuracy for s in (2, 5)]))
    assert two.accuracy.settled_by == "--seeds auto"
    assert judged(BEFORE, {seed: AFTER[seed] for seed in (2, 5)}, looks=(5,)).accuracy.settled_by == "--seeds auto"
    assert judged(BEFORE, {4: AFTER[4]}).macro_f1.hint == "2 more seeds needed for any verdict"
    failed = AFTER | {seed: dataclasses.replace(AFTER[seed], status="failed") for seed in (1, 3, 4)}
    found = judged({seed: BEFORE[seed] for seed in range(1, 8)}, failed, looks=(5, 8, 20))
    assert (found.pairs, found.accuracy.settled_by) == (2, "--seeds auto --max-seeds 20")


@pytest.mark.parametrize(
    ("share", "spread", "shift", "leans"),
    [(0.64, 0.03, 12, "better"), (0.54, 0.03, 11, "worse"), (0.56, 0.02, 12, "worse"), (0.56, 0.05, 12, "same")],
)
def test_an_open_row_leans_to_what_more_seeds_would_make_of_its_mean(share, spread, shift, leans):
    base, other = arm(BASELINE, 0.6, range(1, 5)), arm(OTHER, share, range(1, 5), shift=shift, spread=spread)
    found = judged(base, other, margins=Margins(accuracy=0.03)).accuracy
    # At the level of the last look of `--seeds auto`, which goes from 18 seeds to 30.
    needed = seeds_needed(effect_of(base, other, range(1, 5)), 0.03, 0.05 * 12 / 30)
    assert (found.verdict, found.leans, found.settled_by) == ("unresolved", leans, auto_options(needed))
    fixed = judged(base, other, margins=Margins(accuracy=0.03), looks=(4,))
    assert repr(fixed.accuracy) == repr(found)
    # Rows do not stop by recall: no run goes on until it is settled.
    assert fixed.recall.hint == "more seeds would settle it; --seeds auto takes as many as accuracy needs"


def test_a_row_that_its_last_look_left_open_says_how_many_seeds_would_settle_it_at_that_level():
    base, other = arm(BASELINE, 0.6, range(1, 5)), arm(OTHER, 0.64, range(1, 5), shift=12, spread=0.03)
    found = judged(base, other, margins=Margins(accuracy=0.03), looks=(3, 4), comparisons=2)
    needed = seeds_needed(effect_of(base, other, range(1, 5)), 0.03, 0.05 / 4, 2)
    assert found.standing == Standing(4, False)
    assert found.accuracy.hint == f"not settled by 4 seeds: about {needed} would settle it"
    assert found.accuracy.leans == "better"


def test_what_only_more_images_would_settle_leans_to_nothing():
    one, other = arm(BASELINE, 0.6, (1,))[1], arm(OTHER, 0.63, (1,), shift=7)[1]
    arms = (dict.fromkeys((1, 2, 3), it) for it in (one, other))
    found = judged(*arms).accuracy
    assert (found.verdict, found.leans, found.settled_by) == ("unresolved", None, "")
    assert found.hint == "more seeds would not settle it, only more test images"


def timed(ratio, *, spread=0.002, builds=4, budget="quick", flags=()):
    rng = np.random.default_rng(5)

    def one_arm(factor):
        ms = 5 * factor * np.exp(spread * rng.standard_normal((builds, 1)) + 0.001 * rng.standard_normal((builds, 8)))
        return tuple(map(tuple, ms.tolist()))

    arms = one_arm(1), one_arm(1), one_arm(ratio)
    return StepTimes("t", OTHER, BASELINE, "made", "abc", BUDGETS[budget], ENVIRONMENT, 4, *arms, flags=flags)


def test_step_times_are_judged_by_the_ratio_that_their_control_bounds():
    times = timed(1.1)
    ratio = controlled_ratio(times.baseline_ms, times.control_ms, times.variant_ms)
    found = Judge(Margins()).times(times, comparisons=3)
    low, high = ratio.interval(0.05, 3)
    assert (found.value, found.low, found.high) == pytest.approx((ratio.ratio, math.exp(low), math.exp(high)))
    assert (found.p, found.verdict, found.hint) == (pytest.approx(ratio.p_value(3)), "worse", "")
    assert (found.leans, found.settled_by) == (None, "")
    one = Judge(Margins())
    assert one.times(times, comparisons=3) is one.times(times, comparisons=3)
    assert one.times(times, comparisons=1).p < found.p
    assert one.times(timed(0.9), comparisons=3).verdict == "better"
    assert one.times(None, comparisons=3).hint == "not measured"
    assert math.isnan(one.times(None, comparisons=3).value)


@pytest.mark.parametrize("comparisons", [1, 5])
def test_step_times_are_the_same_where_the_equivalence_interval_lies_within_the_margin(comparisons):
    times = timed(1.0, spread=0.01)
    ratio = controlled_ratio(times.baseline_ms, times.control_ms, times.variant_ms)
    edge = math.exp(ratio.equivalence_interval(0.05, comparisons).high) - 1
    for margin, word in ((edge * 1.001, "same"), (edge * 0.999, "unresolved")):
        assert judge_times(times, comparisons=comparisons, margins=Margins(time=margin)).verdict == word


@pytest.mark.parametrize(
    ("ratio", "spread", "leans"), [(1.02, 0.03, "worse"), (0.97, 0.02, "better"), (1.0, 0.02, "same")]
)
def test_open_step_times_lean_to_what_more_builds_would_make_of_their_mean(ratio, spread, leans):
    found = judge_times(timed(ratio, spread=spread), comparisons=1, margins=Margins())
    assert (found.verdict, found.leans) == ("unresolved", leans)


def test_open_step_times_say_which_run_would_settle_them():
    margins = Margins()

    def settled_by(times, comparisons=1):
        return judge_times(times, comparisons=comparisons, margins=margins).settled_by

    assert settled_by(timed(0.97, spread=0.02)) == "--budget full"
    # Among more comparisons, or after six builds, it would take more than there are.
    assert settled_by(timed(0.97, spread=0.02), 20) == settled_by(timed(0.97, spread=0.02, budget="full")) == ""
    assert settled_by(timed(0.98, spread=0.02)) == ""
    assert settled_by(timed(0.98, spread=0.02, flags=("disturbed",))) == "--retime"
    never = judge_times(timed(0.97, spread=0.05), comparisons=1, margins=margins)
    assert (never.leans, never.settled_by) == (None, "--retime")
    assert LOOSE_HINT not in never.hint
    single = judge_times(timed(1.3, builds=1), comparisons=1, margins=margins)
    assert (single.verdict, single.leans, math.isnan(single.low)) == ("unresolved", None, True)
    assert single.hint.startswith("one build gives no interval")


def test_step_times_that_bound_nothing_say_so_before_what_would_help():
    found = judge_times(timed(1.1, spread=2.0, builds=2), comparisons=5, margins=Margins())
    assert (found.verdict, is_loose(found.low, found.high)) == ("unresolved", True)
    assert found.hint.startswith(f"{LOOSE_HINT}: ")
    assert found.settled_by
