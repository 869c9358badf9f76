"""Features of a frozen backbone: computed once, with the same results as without."""

import dataclasses

import numpy as np
import pytest

from harness import BASELINE, BUDGETS, Suite
from harness.datasets import Dataset
from harness.errors import InputError
from harness.models import build_head_model, build_model
from harness.results.records import Record
from harness.results.trials import Trial
from harness.running.job import prepare
from harness.running.job_settings import JobSettings
from harness.training.devices import find_device, training_environment
from harness.training.features import features_path
from harness.training.inputs import InputSource, picture_inputs
from harness.training.prepared import PreparedModel
from harness.training.trial import Trainer
from harness.variants import Variant

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


def test_kept_features_train_as_a_backbone_that_runs_in_every_epoch(few, kept):
    inputs = InputSource().of(kept.trial, few)
    from_features = PreparedModel(MOBILE, few, inputs, seed=1)
    from_pictures = PreparedModel(MOBILE, few, picture_inputs(few), seed=1)
    order = np.random.default_rng(1).permutation(len(few.train_labels))
    losses = [[one.epoch.train(order)["loss"] for _ in range(2)] for one in (from_features, from_pictures)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)
    outputs = [from_features.epoch.predict(inputs.test), from_pictures.epoch.predict(few.test_images)]
    assert outputs[0] == pytest.approx(outputs[1], abs=1e-4)
    assert from_features.count_params() == from_pictures.count_params() == kept.params


def test_only_the_head_is_trained_on_kept_features(few, kept):
    trainer = Trainer()
    assert trainer.run(kept.trial, few).loss == kept.loss
    assert [layer.name for layer in trainer.model.layers if layer.weights] == ["dense_1", "output"]


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


def test_a_record_says_what_its_features_took_whoever_computed_them(few, kept):
    other = trial_of(MOBILE.replace(dense=(4,)), few)
    assert Trainer().run(other, few).features_s == kept.features_s > 0
    assert "features_s" in kept.to_json()
    path = features_path(other, few)
    with np.load(path) as arrays:
        content = {name: arrays[name] for name in arrays if name != "seconds"}
    np.savez(path, **content)  # as older versions wrote it
    again = Trainer().run(other, few)
    assert np.isnan(again.features_s)
    assert "features_s" not in again.to_json()


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
