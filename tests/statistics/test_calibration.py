"""A smaller run of benchmarks/false_alarms.py, with fixed seeds: its rows within their sampling error."""

import false_alarms
import numpy as np
import pytest

REPETITIONS = 400


def _number(cell):
    return float(cell.removesuffix(" %").replace(",", ""))


def _most(rate):
    """The target plus three standard errors, in percent."""
    return 100 * (rate + 3 * (rate * (1 - rate) / REPETITIONS) ** 0.5)


@pytest.fixture(scope="module")
def accuracy():
    return list(false_alarms.accuracy_rows(REPETITIONS, np.random.default_rng(7)))


def test_false_alarms_hold_for_every_number_of_seeds_and_images(accuracy):
    assert len(accuracy) == 3 * 6 * 4
    for seeds, images, noise, alarms, *_ in accuracy:
        assert 0 < _number(alarms) <= _most(0.05), (seeds, images, noise)
    enough = [_number(row[3]) for row in accuracy if int(row[0]) >= 5]
    assert 3.5 <= np.mean(enough) <= 5.5


def test_intervals_cover_a_known_difference(accuracy):
    covered = [_number(row[6]) for row in accuracy]
    assert 95 <= np.mean(covered) <= 97.5
    assert min(covered) >= 100 - _most(0.06)


def test_the_simple_tests_raise_the_false_alarms_they_are_known_for(accuracy):
    by_key = {(row[0], row[1], row[2]): row for row in accuracy}
    assert _number(by_key["10", "360", "none"][4]) > 9
    assert _number(by_key["10", "10,000", "high"][5]) > 50


def test_step_times_hold_what_they_promise():
    rows = list(false_alarms.time_rows(REPETITIONS, np.random.default_rng(8)))
    for row in rows[:8]:
        alone, bounded, claims = map(_number, row[6:9])
        assert alone <= _most(0.05), row
        assert bounded <= _most(0.05), row
        # Three of forty at most.
        assert claims <= 7.5, row
    assert _number(rows[2][-1]) >= 90


def test_both_analyses_of_ratios_hold(monkeypatch):
    monkeypatch.setattr(false_alarms, "RATIO_IMAGES", (360,))
    monkeypatch.setattr(false_alarms, "BOOTSTRAPS", 100)
    for row in false_alarms.ratio_rows(REPETITIONS // 4, np.random.default_rng(9)):
        for alarms in row[4:6]:
            rate = 0.065
            assert _number(alarms) <= 100 * (rate + 3 * (rate * (1 - rate) / (REPETITIONS // 4)) ** 0.5), row
