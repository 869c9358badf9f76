import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.comparison.verdicts import (
    FULL_BUILDS,
    Verdict,
    accuracy_verdict,
    builds_hint,
    look_hint,
    seeds_hint,
    time_verdict,
    verdict,
)
from harness.statistics import Interval
from harness.timing.settings import TIMING

ENDS = st.floats(-1, 1)


@pytest.mark.parametrize(
    ("interval", "equivalence", "word"),
    [
        ((0.01, 0.03), (0.012, 0.028), "better"),
        ((-0.03, -0.01), (-0.028, -0.012), "worse"),
        ((-0.001, 0.002), (-0.001, 0.001), "same"),
        ((0.001, 0.004), (0.002, 0.003), "same"),
        ((-0.006, 0.006), (-0.005, 0.005), "same"),
        ((0.001, 0.006), (0.002, 0.005), "same"),
        ((0.001, 0.006), (0.001, 0.0051), "better"),
        ((-0.001, 0.006), (0.0001, 0.0055), "unresolved"),
        ((0.0, 0.0), (0.0, 0.0), "same"),
        ((0.0, 0.007), (0.001, 0.006), "unresolved"),
        ((math.nan, math.nan), (math.nan, math.nan), "unresolved"),
        ((0.01, math.nan), (0.01, 0.02), "unresolved"),
        ((-math.inf, math.inf), (-math.inf, math.inf), "unresolved"),
    ],
)
def test_accuracy_verdicts(interval, equivalence, word):
    assert accuracy_verdict(Interval(*interval), Interval(*equivalence)) == word


@pytest.mark.parametrize(
    ("low", "high", "word"),
    [
        (1.03, 1.08, "worse"),
        (0.90, 0.95, "better"),
        (0.99, 1.01, "same"),
        (0.98, 1.02, "same"),
        (0.95, 1.01, "unresolved"),
        (1.0, 1.0, "same"),
        (math.nan, math.nan, "unresolved"),
        (1e-300, 0.5, "better"),
    ],
)
def test_time_verdicts(low, high, word):
    interval = Interval(math.log(low), math.log(high))
    assert time_verdict(interval, interval) == word


def test_a_verdict_is_its_word():
    assert [str(word) for word in Verdict] == ["better", "worse", "same", "unresolved"]


@given(ENDS, ENDS, ENDS, ENDS, st.floats(0, 0.1))
def test_the_other_direction_swaps_better_and_worse_only(a, b, c, d, margin):
    low, inner_low, inner_high, high = sorted((a, b, c, d))
    interval, equivalence = Interval(low, high), Interval(inner_low, inner_high)
    swap = {Verdict.BETTER: Verdict.WORSE, Verdict.WORSE: Verdict.BETTER}
    up = verdict(interval, equivalence, -margin, margin, larger_is_better=True)
    down = verdict(interval, equivalence, -margin, margin, larger_is_better=False)
    mirror = Interval(-high, -low), Interval(-inner_high, -inner_low)
    mirrored = verdict(*mirror, -margin, margin, larger_is_better=True)
    assert down == mirrored == swap.get(up, up)


def test_margins_that_leave_zero_out_are_refused():
    one = Interval(0, 1)
    with pytest.raises(ValueError, match="enclose zero"):
        verdict(one, one, 0.1, 0.2, larger_is_better=True)
    with pytest.raises(ValueError, match="margin"):
        accuracy_verdict(one, one, -0.1)
    with pytest.raises(ValueError, match="margin of time"):
        time_verdict(one, one, 1.5)
    with pytest.raises(ValueError, match=r"the margin of time is 1\.0: it must be from 0 to below 1"):
        time_verdict(one, one, 1.0)
    with pytest.raises(ValueError, match=r"the margin of time is -0\.1"):
        time_verdict(one, one, -0.1)
    assert time_verdict(Interval(-0.1, 0.1), Interval(-0.1, 0.1), 0.0) == Verdict.UNRESOLVED


def test_hints():
    assert seeds_hint(30) == ("use --seeds auto: it goes on until this is settled", "--seeds auto")
    assert seeds_hint(31).text == "use --seeds auto --max-seeds 31: 30 seeds would hardly settle it"
    assert seeds_hint(31).options == "--seeds auto --max-seeds 31"
    assert seeds_hint(550) == ("not worth settling: it would take about 550 seeds", "")
    for hopeless in (None, 1001):
        assert seeds_hint(hopeless) == ("more seeds would not settle it, only more test images", "")
    assert "--seeds auto" in seeds_hint(17, decides=False).text


def test_a_row_says_at_which_look_it_stopped_and_why():
    def said(needed, look=8, word=Verdict.UNRESOLVED, *, goes_on=False):
        return look_hint(word, look, 30, needed, goes_on=goes_on)

    assert said(None, word=Verdict.SAME) == ("settled at 8 seeds", "")
    assert said(120) == ("stopped at 8 seeds: 30 would hardly settle it, about 120 would", "")
    assert said(29) == ("stopped at 8 seeds: 30 would hardly settle it", "")
    assert said(None).text == "stopped at 8 seeds: more seeds would not settle it, only more test images"
    assert said(45, 30) == ("not settled by 30 seeds: about 45 would settle it", "--seeds auto --max-seeds 45")
    assert said(20, goes_on=True) == ("open at 8 of at most 30 seeds: the same command goes on", "--seeds auto")


def test_the_hint_of_step_times_names_a_run_that_there_is():
    def said(needed, builds=4, budget="quick", *, disturbed=False):
        return builds_hint(needed, builds, budget, disturbed=disturbed)

    assert said(6).options == "--budget full"
    assert said(7) == ("not worth settling: it would take about 7 builds, and --budget full times 6", "")
    assert said(300, disturbed=True).options == said(None).options == said(None, 6, "full").options == "--retime"
    assert said(None, 1, "smoke").options == "--budget quick"
    assert said(None, 1, "quick").options == "--budget full"
    assert not any("block" in said(needed, builds).text for needed in (None, 5, 300) for builds in (1, 4))


def test_what_takes_more_than_a_hundred_seeds_is_not_worth_it_and_more_than_a_thousand_none_would_settle():
    assert seeds_hint(100).options == "--seeds auto --max-seeds 100"
    assert seeds_hint(101) == ("not worth settling: it would take about 110 seeds", "")
    assert seeds_hint(1000) == ("not worth settling: it would take about 1,000 seeds", "")
    others = "more seeds would settle it; --seeds auto takes as many as accuracy needs", ""
    assert seeds_hint(1000, decides=False) == seeds_hint(5, decides=False) == others
    assert seeds_hint(1001, decides=False) == seeds_hint(1001)


def test_a_row_that_stopped_offers_the_run_that_would_settle_it_where_that_is_worth_its_time():
    def said(needed, look):
        return look_hint(Verdict.UNRESOLVED, look, 30, needed, goes_on=False)

    assert said(30, 8) == ("stopped at 8 seeds: 30 would hardly settle it", "")
    assert said(31, 8) == (
        "stopped at 8 seeds: 30 would hardly settle it, about 31 would",
        "--seeds auto --max-seeds 31",
    )
    assert said(100, 30) == ("not settled by 30 seeds: about 100 would settle it", "--seeds auto --max-seeds 100")
    assert said(101, 30) == ("not settled by 30 seeds: about 110 would settle it", "")
    assert said(1000, 8) == ("stopped at 8 seeds: 30 would hardly settle it, about 1,000 would", "")
    assert said(12, 30) == ("not settled by 30 seeds: about 12 would settle it", "--seeds auto")
    for never in (None, 1001):
        assert said(never, 30) == ("stopped at 30 seeds: more seeds would not settle it, only more test images", "")
    open_row = look_hint(Verdict.UNRESOLVED, 5, 20, None, goes_on=True)
    assert open_row.options == "--seeds auto --max-seeds 20"


def test_hints_of_step_times_say_what_a_longer_run_times():
    longer = "use --budget full with the same --epochs and --seeds: it trains nothing anew and times six builds"
    assert builds_hint(6, 4, "quick", disturbed=True) == (longer, "--budget full")
    assert builds_hint(6, 1, "quick", disturbed=False).text == f"one build gives no interval: {longer}"
    smoke = "one build gives no interval: use --budget quick: it times several builds", "--budget quick"
    assert builds_hint(6, 1, "smoke", disturbed=False) == smoke
    quieter = "only a quieter machine would settle it: --retime measures anew there", "--retime"
    assert builds_hint(7, 4, "quick", disturbed=True) == builds_hint(None, 2, "full", disturbed=False) == quieter
    far = "not worth settling: it would take about {} builds, and --budget full times 6", ""
    assert builds_hint(1201, 4, "quick", disturbed=False) == (far[0].format("1,300"), "")
    assert builds_hint(6, 6, "full", disturbed=False) == (far[0].format("6"), "")


def test_full_times_as_many_builds_as_hints_say():
    settings = TIMING["full"]
    assert settings.processes * settings.builds == FULL_BUILDS
