"""How long a run is expected to take: by the work of its variants, and by what earlier runs took on this machine."""

import dataclasses
import json
import math
import re

import pytest

from harness import BASELINE, BUDGETS, Suite, Variant
from harness.datasets.facts import DatasetFacts
from harness.models import build_model
from harness.results.records import EpochMetrics, Record
from harness.results.trials import Environment, Trial
from harness.running.duration import Estimator
from harness.running.machine_speed import AVERAGE, UNKNOWN, MachineSpeed, guess_range, guessed_ratio, read_speed
from harness.running.plan import make_plan
from harness.running.progress import describe_plan, seconds_after_training
from harness.running.share import WHOLE, Share
from harness.timing.flops import forward_flops
from harness.variants.cost import epoch_work, features_work

ENVIRONMENT = Environment("cpu", "tensorflow", 1, ())
CIFAR10 = DatasetFacts("cifar10", "abc", tuple("0123456789"), (32, 32, 3), 50_000)
FULL = BUDGETS["full"]
WIDE = BASELINE.replace(filters=(64, 128))
MOBILE = Variant(backbone="MobileNetV2")
TUNED = MOBILE.replace(fine_tune=True)
NAN = float("nan")


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path):
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def trial(variant, seed=1, *, budget=FULL):
    return Trial(variant, "", CIFAR10.name, CIFAR10.fingerprint, seed, budget, ENVIRONMENT)


def record(variant, *, total_s, status="ok", seed=1, budget=FULL, build_s=NAN, epochs_s=()):
    history = tuple(EpochMetrics(*[0.5] * 8, seconds=one) for one in epochs_s)
    times = {"total_s": total_s, "build_s": build_s, "train_time_s": sum(epochs_s) if epochs_s else NAN}
    return Record(trial(variant, seed, budget=budget), status, history=history, **times)


def seconds(trials, records=(), *, workers=1):
    return sum(Estimator(CIFAR10, workers, records, AVERAGE).trials_s(trials))


@pytest.mark.parametrize("variant", [WIDE, BASELINE.replace(filters=(8, 16), kernel_size=5, dense=(64, 32)), TUNED])
def test_work_grows_with_the_operations_that_the_profiler_counts(variant):
    counted = forward_flops(build_model(variant, seed=1), (32, 32, 3)) / forward_flops(
        build_model(BASELINE, seed=1), (32, 32, 3)
    )
    assert min(1, counted) * 0.9 < epoch_work(variant) < max(1, counted) * 1.1


def test_work_grows_with_what_layers_put_out_and_with_augmentation():
    assert 1.2 < epoch_work(BASELINE.replace(batch_norm=True)) < 2
    assert epoch_work(BASELINE.replace(augmentation="flip")) == pytest.approx(1.2)


def test_a_frozen_backbone_costs_its_head_an_epoch_and_its_features_once():
    assert epoch_work(MOBILE) < 1 < features_work(MOBILE) < epoch_work(TUNED)
    # Augmented, it runs in every epoch, but is not trained.
    assert 1 < epoch_work(MOBILE.replace(augmentation="flip")) < epoch_work(TUNED)
    assert features_work(TUNED) == features_work(BASELINE) == 0


def test_an_estimate_without_records_grows_with_the_work():
    baseline, wide, tuned, mobile = (seconds([trial(one)]) for one in (BASELINE, WIDE, TUNED, MOBILE))
    assert 200 < baseline < 900
    assert wide == pytest.approx(2.9 * baseline, rel=0.1)
    assert tuned > 5 * baseline
    assert mobile < tuned / 2


def test_features_are_computed_once_for_all_trials_of_a_backbone():
    first = seconds([trial(MOBILE)])
    more = seconds([trial(MOBILE), trial(MOBILE, 2), trial(MOBILE.replace(dense=()), 1)]) - first
    assert more < 2 * first


def test_known_variants_take_what_they_took_and_others_are_scaled_by_their_work():
    quick = FULL.override(epochs=10)
    known = [record(WIDE, total_s=230.0, budget=quick)]
    wide = seconds([trial(WIDE)], known)
    assert wide == pytest.approx(3 * 230, rel=0.05)
    assert seconds([trial(BASELINE)], known) == pytest.approx(wide / 2.9, rel=0.1)
    # Its features are in what it took, or were found kept.
    assert seconds([trial(MOBILE)], [record(MOBILE, total_s=20.0)]) == pytest.approx(20, abs=3)
    failed = [dataclasses.replace(one, status="failed") for one in known]
    assert seconds([trial(WIDE)], failed) == seconds([trial(WIDE)])


def test_what_only_the_first_trial_of_a_worker_took_is_not_expected_of_the_next():
    quick = BUDGETS["quick"]
    slow_start = record(BASELINE, total_s=30.0, budget=quick, build_s=9.0, epochs_s=(10.0, 2.0, 2.0, 2.0, 2.0))
    trials = [trial(BASELINE, seed, budget=quick) for seed in (2, 3)]
    first, second = Estimator(CIFAR10, 1, [slow_start], AVERAGE).trials_s(trials)
    assert second == pytest.approx(30 - 9 - 8, rel=0.01)
    assert second < first < 30


def test_a_variant_whose_trials_were_disturbed_is_taken_for_as_fast_as_its_quickest_epochs():
    quick = BUDGETS["quick"]
    calm = record(BASELINE, total_s=10.0, budget=quick, build_s=0.01, epochs_s=[2.0] * 5)
    disturbed = record(WIDE, total_s=18.0, budget=quick, build_s=0.01, epochs_s=[2.0, 4.0, 4.0, 4.0, 4.0])
    estimator = Estimator(CIFAR10, 1, [calm, disturbed], AVERAGE)
    trials = [trial(one, seed, budget=quick) for one in (BASELINE, WIDE) for seed in (1, 2)]
    _, baseline, _, wide = estimator.trials_s(trials)
    assert baseline == pytest.approx(wide)
    assert baseline == pytest.approx((10 + 20) / 2, rel=0.01)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_model_is_built_once_per_worker_and_one_of_ones_own_for_each_trial(workers):
    quick = BUDGETS["quick"]
    for variant, builds in ((BASELINE, workers), (BASELINE.replace(model="own:build"), 4)):
        trials = [trial(variant, seed, budget=quick) for seed in range(1, 5)]
        estimator = Estimator(CIFAR10, workers, [record(variant, total_s=5.0, budget=quick)], AVERAGE)
        assert sum(one > 5.4 for one in estimator.trials_s(trials)) == builds


def test_training_takes_the_longest_of_the_workers_and_what_they_take_to_start():
    estimator = Estimator(CIFAR10, 2, [record(BASELINE, total_s=100.0), record(WIDE, total_s=400.0)], AVERAGE)
    trials = [trial(BASELINE), trial(BASELINE, 2), trial(BASELINE, 3), trial(WIDE)]
    assert estimator.training_s(trials) == pytest.approx(500, abs=10)
    assert estimator.training_s([]) == 0
    assert estimator.training_s(trials[:1]) > 100 + estimator.start_s()


def test_step_times_take_the_builds_of_each_baseline_and_the_seconds_that_the_budget_gives():
    estimator = Estimator(CIFAR10, 2, (), AVERAGE)

    def timed(budget, *pairs):
        return estimator.timings_s(pairs, BUDGETS[budget], "cpu")

    own, first, second = timed("quick", (BASELINE, BASELINE), (BASELINE, WIDE), (BASELINE, MOBILE))
    assert (first, second) == (4.8, 4.8)
    assert own > 2 * 4 * 0.5  # its builds settle
    # Another baseline is built too, and after six variants another process begins.
    assert timed("quick", (BASELINE, WIDE), (WIDE, BASELINE))[1] == timed("quick", (WIDE, BASELINE))[0] > 4.8
    assert timed("quick", *[(BASELINE, WIDE)] * 7)[6] > own
    assert sum(timed("smoke", (BASELINE, WIDE))) < first < sum(timed("full", (BASELINE, WIDE))) / 4


def test_a_run_leaves_how_fast_its_machine_is_and_the_middle_of_the_last_five_runs_counts(cache):
    speed = read_speed("here")
    for took_s in (90.0, 90.0, 10.0, 20.0, 40.0, 30.0, 20.0):
        speed.note("training", "2 at once", expected_s=10.0, took_s=took_s)
    speed.note("end", expected_s=10.0, took_s=0.0)
    found = read_speed("here")
    assert found.ratios == {"training, 2 at once": [1.0, 2.0, 4.0, 3.0, 2.0]}
    assert (found.of("training", "2 at once"), found.of("end")) == (2.0, None)
    # Of other numbers of workers it is the best that is known.
    assert found.of("training", "8 at once") == 2.0
    assert read_speed("elsewhere") == MachineSpeed("elsewhere")
    trials = [trial(BASELINE)]
    here, average = (Estimator(CIFAR10, 2, (), one) for one in (found, AVERAGE))
    assert sum(here.trials_s(trials)) == pytest.approx(2 * sum(average.trials_s(trials)))
    # Every part of a run is one that a machine of 2024 is known for.
    assert all(AVERAGE.of(part, "any kind") == 1.0 for part in ("start", "training", "timing", "end"))
    UNKNOWN.note("end", expected_s=1.0, took_s=1.0)
    assert list(json.loads((cache / "speed.json").read_text())) == ["here"]


NONSENSE = ("", "{", "[]", "3", '{"here": 3}', '{"here": {"end": 3}}', '{"here": {"end": ["x"]}}', "[" * 10_000)


@pytest.mark.parametrize("text", [*NONSENSE, '{"here": {"end": [NaN, Infinity, -1, 0, 1e9]}}'])
def test_a_file_of_speeds_that_says_nonsense_says_nothing_and_is_replaced(cache, text):
    cache.mkdir()
    (cache / "speed.json").write_text(text)
    speed = read_speed("here")
    assert speed.of("end") is None
    speed.note("end", expected_s=1.0, took_s=2.0)
    assert read_speed("here").of("end") == 2.0


def test_a_cache_that_cannot_be_written_costs_no_run(cache):
    cache.write_text("a file where the folder should be")
    read_speed("here").note("end", expected_s=1.0, took_s=2.0)
    assert read_speed("here").of("end") is None


def test_the_first_plan_on_a_machine_says_that_it_guesses_and_later_ones_tell_a_single_time(cache):
    def told(speed, *records):
        known = {one.trial.key: one for one in records}
        plan = make_plan(
            [Suite("a", [WIDE])], CIFAR10, FULL.override(seeds=1), ENVIRONMENT, known, workers=2, speed=speed
        )
        return describe_plan(plan, timings=[(BASELINE, WIDE)]).splitlines()[1]

    first = told(UNKNOWN)
    assert first.startswith("2 trials to train, 0 done; 1 step time to measure; about ")
    assert re.search(r"about .* min .* to .* min .* on 2 workers, \d+ s of it for step times", first)
    assert first.endswith(" (a guess: nothing was trained on this machine yet)")
    known = told(AVERAGE)
    assert " to 1" not in known
    assert known.endswith(" of it for step times")
    own = Suite("a", [BASELINE.replace(model="examples.small_resnet:build")])
    plan = make_plan([own], CIFAR10, FULL, ENVIRONMENT, {}, workers=2, speed=AVERAGE)
    lacking = "(a guess: this folder has no time of {} on this dataset and machine)"
    assert describe_plan(plan).endswith(lacking.format('"examples.small_resnet:build"'))
    other = record(own.members[1].replace(batch_size=64), total_s=60.0)
    plan = make_plan([own], CIFAR10, FULL, ENVIRONMENT, {other.trial.key: other}, workers=2, speed=AVERAGE)
    assert describe_plan(plan).endswith(lacking.format('a variant of "examples.small_resnet:build"'))
    done = told(UNKNOWN, record(BASELINE, total_s=60.0, budget=FULL.override(seeds=1)))
    assert done.startswith("1 trial to train, 1 done; ")
    assert "guess" not in done


GPU = dataclasses.replace(ENVIRONMENT, device="gpu")


@pytest.mark.parametrize(
    ("environment", "machine"),
    [(ENVIRONMENT, "there"), (GPU, "here"), (dataclasses.replace(ENVIRONMENT, backend="jax"), "here")],
    ids=["another machine", "another device", "another backend"],
)
def test_what_was_trained_elsewhere_says_how_variants_compare_and_never_how_long_they_take_here(environment, machine):
    deep = BASELINE.replace(filters=(32, 32, 32))

    def planned(speed, *times):
        ended = [
            dataclasses.replace(one, trial=dataclasses.replace(one.trial, environment=environment)) for one in times
        ]
        known = {one.trial.key: one for one in ended}
        made_on = dict.fromkeys(known, machine)
        suite, options = Suite("a", [WIDE, deep]), {"machine": "here", "made_on": made_on, "speed": speed}
        plan = make_plan([suite], CIFAR10, FULL.override(seeds=1), ENVIRONMENT, known, workers=1, **options)
        return plan, [plan.expected[one.key] for one in plan.todo]

    usual, (baseline, *_) = planned(AVERAGE)
    assert not usual.estimator.unknown(usual.todo)
    there = [record(one, total_s=total_s, seed=2) for one, total_s in ((BASELINE, 1.0), (WIDE, 6.0), (deep, 2.0))]
    # Of a machine of known speed: as long in all as by their work, and each beside the others as it was there.
    plan, times = planned(AVERAGE, *there)
    assert not plan.estimator.unknown(plan.todo)
    assert times[1] / times[0] == pytest.approx(6, rel=0.02)
    assert times[2] / times[0] == pytest.approx(2, rel=0.02)
    assert baseline / 3 < times[0] < baseline
    # Of one of which nothing is known they stay a guess, as they are without them.
    plan, _ = planned(UNKNOWN, *there)
    told = describe_plan(plan).splitlines()[1]
    assert " to " in told.split("; ")[-1]
    assert told.endswith(" (a guess: nothing was trained on this machine's CPU with tensorflow yet)")
    assert plan.seconds[0] > 100 * guessed_ratio()


def test_what_both_machines_trained_says_how_much_faster_one_of_them_is():
    here, there = [record(BASELINE, total_s=10.0)], [record(BASELINE, total_s=1.0), record(WIDE, total_s=5.0)]
    estimator = Estimator(CIFAR10, 1, here, AVERAGE, [there])
    assert estimator.trials_s([trial(BASELINE), trial(WIDE)])[1] == pytest.approx(50, abs=3)
    # What failed elsewhere tells nothing.
    failed = [record(WIDE, total_s=5.0, status="failed")]
    one, other = (Estimator(CIFAR10, 1, here, AVERAGE, elsewhere) for elsewhere in ([failed], []))
    assert one.trials_s([trial(WIDE)]) == other.trials_s([trial(WIDE)])
    # A model of one's own that was never trained here is guessed at.
    own = BASELINE.replace(model="own:build")
    assert "own:build" in Estimator(CIFAR10, 1, here, AVERAGE, [[record(own, total_s=1.0)]]).unknown([trial(own)])


def test_a_share_of_a_sweep_expects_no_time_for_tables_that_it_does_not_write():
    suite = Suite("many", [BASELINE.replace(l2=0.001 * number) for number in range(1, 100)])

    def after_s(share):
        plan = make_plan([suite], CIFAR10, FULL, ENVIRONMENT, {}, workers=2, speed=AVERAGE, share=share)
        return seconds_after_training(plan, ())

    assert after_s(Share(1, 4)) < 1
    assert after_s(WHOLE) == pytest.approx(100 * 0.27, rel=0.1)


def test_a_guess_is_given_as_a_range_around_what_a_core_does_in_a_moment():
    low, high = guess_range(60.0)
    assert low < 60 < high
    assert 0 < guessed_ratio() < math.inf
