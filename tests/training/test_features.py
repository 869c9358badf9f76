"""Features of a frozen backbone: computed once, the same results as without, and many times faster."""

import dataclasses
import time

import numpy as np
import pytest

from harness import BASELINE, BUDGETS, Suite
from harness.datasets import Dataset
from harness.errors import InputError
from harness.models import build_head_model, build_model
from harness.results.records import Record
from harness.results.trials import Trial
from harness.running.job import JobSettings, prepare
from harness.training.devices import find_device, training_environment
from harness.training.features import features_path
from harness.training.trial import Trainer
from harness.variants import Variant
from harness.variants.rules import BACKBONES

MOBILE = Variant(backbone="MobileNetV2", dense=(8,))


@pytest.fixture(scope="module")
def shared_cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def _cache(shared_cache, monkeypatch):
    monkeypatch.setenv("HARNESS_CACHE", str(shared_cache))


@pytest.fixture(scope="module")
def kept(few, shared_cache) -> Record:
    """A record made from features, which lie in the cache since."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HARNESS_CACHE", str(shared_cache))
        return Trainer().run(trial_of(MOBILE, few), few)


@pytest.fixture(scope="module")
def few(digits) -> Dataset:
    """Fifty train and thirty test scans."""
    train, test = digits.train_images[:50], digits.test_images[:30]
    return Dataset.from_arrays(
        "few", digits.classes, (train, digits.train_labels[:50]), (test, digits.test_labels[:30])
    )


def trial_of(variant, dataset, *, seed=1, **budget) -> Trial:
    environment = training_environment(find_device("cpu"))
    budget = BUDGETS["quick"].override(epochs=2, **budget)
    return Trial(variant, "", dataset.name, dataset.fingerprint, seed, budget, environment)


def test_kept_features_give_the_record_of_a_backbone_that_runs_every_epoch(few, kept):
    ran = Trainer(keep_features=False).run(kept.trial, few)
    assert np.array_equal(kept.predictions.predicted, ran.predictions.predicted)
    assert kept.loss == pytest.approx(ran.loss, rel=1e-4)
    assert [e.loss for e in kept.history] == pytest.approx([e.loss for e in ran.history], rel=1e-4)
    assert kept.params == ran.params == build_model(MOBILE, seed=1).count_params()


def test_features_are_read_again_by_other_heads_trainers_and_protocols(few, kept):
    path = features_path(kept.trial, few)
    made = path.stat().st_mtime_ns
    other = trial_of(MOBILE.replace(dense=(4,), dropout=0.2), few)
    tutorial = trial_of(MOBILE, few, protocol="tutorial")
    assert features_path(other, few) == features_path(tutorial, few) == path
    again, watched = Trainer().run(other, few), Trainer().run(tutorial, few)
    assert path.stat().st_mtime_ns == made
    assert again.status == "ok"
    assert watched.history[-1].val_accuracy == pytest.approx(watched.accuracy, abs=1e-6)


def test_other_content_has_other_features(few, digits):
    trial = trial_of(MOBILE, few)
    others = [
        features_path(trial_of(MOBILE, digits), digits),
        features_path(dataclasses.replace(trial, source="another file of weights"), few),
        features_path(trial_of(MOBILE, few, seed=2), few),  # without weights the backbone is the seed's
        features_path(trial_of(MOBILE.replace(precision_policy="mixed_bfloat16"), few), few),
        features_path(trial_of(Variant(backbone="VGG16"), few), few),
    ]
    assert len({*others, features_path(trial, few)}) == 6


def test_a_damaged_file_is_made_anew(few, kept):
    path = features_path(kept.trial, few)
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 255
    path.write_bytes(content)
    assert Trainer().run(kept.trial, few).loss == kept.loss
    assert path.read_bytes() != bytes(content)


def test_a_cache_that_cannot_be_written_costs_time_only(few, kept, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "file"))
    assert Trainer().run(kept.trial, few).loss == kept.loss


def test_a_head_alone_starts_as_the_head_of_the_whole_model():
    whole, head = build_model(MOBILE, seed=3), build_head_model(MOBILE, 1280, 10, seed=3)
    for layer in ("dense_1", "output"):
        for one, other in zip(whole.get_layer(layer).get_weights(), head.get_layer(layer).get_weights(), strict=True):
            assert np.array_equal(one, other)


def test_augmentation_or_fine_tuning_cannot_keep_features(few):
    assert MOBILE.reuses_features
    for variant in (MOBILE.replace(augmentation="flip"), MOBILE.replace(fine_tune=True), BASELINE):
        assert not variant.reuses_features


def test_a_frozen_backbone_with_augmentation_says_so_in_the_plan(digits, tmp_path):
    suite = Suite("slow", [MOBILE.replace(augmentation="flip")], MOBILE)
    job = prepare(JobSettings("digits", BUDGETS["smoke"], results=tmp_path), [suite])
    (warning,) = job.warnings
    assert warning.startswith("dense:8+augmentation:flip+backbone:MobileNetV2: augmentation changes the pictures")
    assert "cannot be kept" in warning


def test_missing_weights_are_refused_before_anything_is_kept(few, tmp_path):
    variant = MOBILE.replace(weights=str(tmp_path / "gone.weights.h5"))
    with pytest.raises(InputError, match="is not a file"):
        Trainer().run(trial_of(variant, few), few)


@pytest.mark.slow
@pytest.mark.parametrize("name", BACKBONES)
def test_every_backbone_trains_an_epoch_and_at_least_5_times_faster_from_features(name, digits):
    images, labels = digits.train_images[:100], digits.train_labels[:100]
    hundred = Dataset.from_arrays("hundred", digits.classes, (images, labels), (images[:10], labels[:10]))
    trial = trial_of(Variant(backbone=name), hundred)
    seconds = {}
    for keep in (True, False):
        trainer = Trainer(keep_features=keep)
        assert trainer.run(trial, hundred).status == "ok"  # builds, traces and, with `keep`, computes the features
        started = time.perf_counter()
        record = trainer.run(dataclasses.replace(trial, variant=trial.variant.replace(dense=(64,))), hundred)
        seconds[keep] = time.perf_counter() - started
        assert record.status == "ok"
    assert seconds[False] > 5 * seconds[True]
