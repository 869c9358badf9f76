"""A smaller run of benchmarks/false_alarms.py, with fixed seeds: its rows within their sampling error."""

import false_alarms
import numpy as np
import pytest
import simulated_curves
import simulated_times
from simulated_suites import SEED_NOISE
from threadpoolctl import threadpool_limits

from harness.statistics import controlled_ratio

SUITES = 200


def _most(rate, count):
    """The rate plus three and a half standard errors: some hundred rates are looked at."""
    return rate + 3.5 * (rate * (1 - rate) / count) ** 0.5


@pytest.mark.parametrize("seeds", false_alarms.SEEDS)
def test_in_theory_no_share_of_the_images_makes_an_interval_too_narrow(seeds):
    rates = false_alarms.theory_rates(seeds, 360, 20_000, np.random.default_rng(6))
    assert set(rates) == set(false_alarms.COMPARISONS)
    # A pooled number of degrees of freedom has up to 18 % at three seeds and ten comparisons.
    assert min(rates.values()) > 0.049
    assert max(rates.values()) <= 0.053


@pytest.fixture(scope="module")
def accuracy():
    streams = np.random.default_rng(7).spawn(len(SEED_NOISE))
    return [
        row
        for noise, rng in zip(SEED_NOISE, streams, strict=True)
        for row in false_alarms.rows_of_noise(noise, SUITES, rng, (3, 5, 12), (360, 797))
    ]


@pytest.mark.parametrize("m", false_alarms.COMPARISONS)
def test_a_suite_of_equal_variants_has_a_false_claim_no_more_often_than_alpha(accuracy, m):
    assert len(accuracy) == 3 * 3 * 2
    for row in accuracy:
        assert row.alarms[m] <= _most(0.05, SUITES), (row.seeds, row.images, row.noise)
    assert 0.005 < np.mean([row.alarms[m] for row in accuracy]) <= 0.05


@pytest.mark.parametrize("m", false_alarms.COMPARISONS)
def test_all_intervals_of_a_suite_hold_known_differences(accuracy, m):
    for row in accuracy:
        assert 1 - row.covered[m] <= _most(0.05, SUITES), (row.seeds, row.images, row.noise)
    assert 0.95 <= np.mean([row.covered[m] for row in accuracy]) < 0.995


@pytest.mark.parametrize("m", false_alarms.COMPARISONS)
def test_a_difference_of_just_the_margin_is_called_the_same_no_more_often_than_alpha(accuracy, m):
    for row in accuracy:
        assert row.same[m] <= _most(0.05, SUITES), (row.seeds, row.images, row.noise)
    assert np.mean([row.same[m] for row in accuracy]) > 0.001


def test_the_simple_tests_raise_the_false_alarms_they_are_known_for(accuracy):
    by_key = {(row.seeds, row.images, row.noise): row for row in accuracy}
    assert by_key[12, 797, "none"].seeds_only > 0.1
    assert by_key[12, 797, "high"].images_only > 0.2


def _percent(cell):
    return float(cell.removesuffix(" %")) / 100


def test_step_times_hold_what_they_promise():
    count = 300
    head, *rows = simulated_times.time_table(count, np.random.default_rng(8), long=False)
    for cells in rows:
        row = dict(zip(head, cells, strict=True))
        # Where the variant's builds deviate more than the control's, few builds are lent a little too much.
        rate = {"0.5 %": 0.05, "1.0 %": 0.06, "2.0 %": 0.14}.get(row["variant's"], 0.05)
        for m in simulated_times.TIMED:
            for name in ("alarms", "same at 1.02"):
                assert _percent(row[f"{name} x m, m = {m}"]) / m <= _most(rate / m, count), (name, row)
    assert _percent(rows[4][head.index("worse at 1.05")]) >= 0.9


@pytest.mark.parametrize(("builds", "at_twice", "at_four_times"), [(3, 0.062, 0.14), (4, 0.06, 0.1), (6, 0.051, 0.051)])
def test_what_a_control_lends_misleads_little_and_at_six_builds_nothing(builds, at_twice, at_four_times):
    for spread, most in ((1, 0.051), (2, at_twice), (4, at_four_times)):
        rates, _ = simulated_times.lent_rates(builds, spread, 100_000, np.random.default_rng(5))
        for rate, m in zip(rates, simulated_times.TIMED, strict=True):
            assert rate / m <= _most(most / m, 100_000), (spread, m)


def test_the_rates_of_what_is_lent_are_those_of_controlled_ratio():
    rng = np.random.default_rng(4)
    machine = simulated_times.Machine(4, 1, 1e-3, 0.0, 0.0)
    widths = [
        controlled_ratio(*(machine.times(1e-3, rng) for _ in range(3))).half_width() / 1e-3 / (1.5 / 4) ** 0.5
        for _ in range(1500)
    ]
    _, expected = simulated_times.lent_rates(4, 1, 20_000, rng)
    assert np.median(widths) == pytest.approx(expected[0], rel=0.05)


def test_both_analyses_of_ratios_hold():
    count = 40
    with threadpool_limits(1):  # on products as small as these, threads only wait for one another
        head, *rows = false_alarms.ratio_table(count, np.random.default_rng(9), long=False, bootstraps=60)
    for name in ("alarms, m = 1", "bootstrap, m = 1"):
        rates = [_percent(row[head.index(name)]) for row in rows]
        assert 0.01 < np.mean(rates) <= _most(0.05, count * len(rows)), name


@pytest.mark.parametrize("seeds", [3, 10])
@pytest.mark.parametrize("training", [simulated_curves.TRAININGS[1], simulated_curves.TRAININGS[2]])
def test_the_time_to_an_accuracy_holds_the_truth_and_raises_no_false_alarms(training, seeds, monkeypatch):
    monkeypatch.setattr(simulated_curves, "TRUTHS", 40_000)
    count = 400
    rng = np.random.default_rng(10)
    for never in (0.0, 0.2):
        epochs, time, *_ = simulated_curves.covered(training, seeds, never, count, rng)
        assert min(epochs, time) >= 1 - _most(0.05, count), never
    alarms = simulated_curves.alarms(training, seeds, count // 4, rng)
    for m, share in alarms.items():
        assert share <= _most(0.05, count // 4), m
