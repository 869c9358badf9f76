import pickle

import keras
import numpy as np
import pytest

from harness.errors import InputError
from harness.models import build_model, find_backbone, layer_table, split_backbone
from harness.models.backbones import imagenet_path
from harness.models.layers import BackbonePixels
from harness.variants import BASELINE, Variant, check_variant
from harness.variants.rules import BACKBONES

# Keras is called here by the tests themselves; where the harness calls it, this warning is hidden.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy keyword")

PIXELS = np.random.default_rng(0).random((4, 32, 32, 3), dtype=np.float32)
LABELS = np.eye(10, dtype=np.float32)[:4]
MOBILE = Variant(backbone="MobileNetV2", dense=(8,))


def train_a_step(model: keras.Model) -> dict[str, float]:
    model.run_eagerly = True
    result: dict[str, float] = model.train_on_batch(PIXELS, LABELS, return_dict=True)
    return result


def same(one: keras.Model, other: keras.Model) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(one.get_weights(), other.get_weights(), strict=True))


@pytest.fixture(scope="module")
def mobile() -> keras.Model:
    """A frozen MobileNetV2; what uses it leaves its weights alone."""
    return build_model(MOBILE, seed=1)


@pytest.mark.slow
@pytest.mark.parametrize("name", BACKBONES)
def test_every_backbone_builds_as_reckoned_with_seeded_weights_and_trains_only_its_head_unless_fine_tuned(name):
    variant = Variant(backbone=name, dense=(8,))
    frozen, tuned = build_model(variant, seed=1), build_model(variant.replace(fine_tune=True), seed=1)
    assert frozen.count_params() == check_variant(variant)
    assert same(frozen, tuned), "a global counter of Keras's shows in the weights"
    assert np.isfinite(train_a_step(frozen)["loss"])
    assert same(find_backbone(frozen), find_backbone(tuned))
    assert not same(frozen, tuned)
    features, head = split_backbone(frozen)
    expected = np.asarray(frozen(PIXELS, training=False))
    assert np.asarray(head(features(PIXELS, training=True))) == pytest.approx(expected, abs=1e-6)
    assert np.isfinite(train_a_step(tuned)["loss"])
    assert not same(find_backbone(tuned), find_backbone(frozen))


def test_resizing_and_preprocessing_stand_in_the_model(mobile):
    rows = {row.name: row for row in layer_table(mobile)}
    assert list(rows)[:2] == ["resize", "preprocess"]
    assert rows["resize"].output_shape == (96, 96, 3)
    assert rows["features"].output_shape == (1280,)
    assert len(layer_table(mobile, nested=True)) > 150


@pytest.mark.parametrize(("form", "mode"), [("caffe", "caffe"), ("tf", "tf")])
def test_pixels_are_prepared_as_keras_does(form, mode):
    expected = keras.applications.imagenet_utils.preprocess_input(PIXELS.copy() * 255, mode=mode)
    assert np.asarray(BackbonePixels(form)(PIXELS)) == pytest.approx(expected, abs=1e-4)


def test_features_computed_once_give_the_same_predictions_and_train_the_same_head(mobile):
    features, head = split_backbone(mobile)
    kept = features(PIXELS, training=False)
    assert kept.shape == (4, 1280)
    assert np.asarray(head(kept)) == pytest.approx(np.asarray(mobile(PIXELS, training=False)), abs=1e-6)
    assert head.optimizer is not mobile.optimizer
    assert type(head.optimizer) is type(mobile.optimizer)
    assert head.count_params() == 1280 * 8 + 8 + 8 * 10 + 10
    assert head.get_layer("output") is mobile.get_layer("output")


def test_another_seed_gives_other_weights(mobile):
    other = build_model(MOBILE, seed=2)
    assert not same(find_backbone(other), find_backbone(mobile))
    assert not np.array_equal(other.get_layer("output").get_weights()[0], mobile.get_layer("output").get_weights()[0])


def test_a_cnn_has_no_backbone_to_split():
    model = build_model(BASELINE.replace(filters=(2,), dense=()))
    for function in (split_backbone, find_backbone):
        with pytest.raises(InputError, match="no backbone"):
            function(model)


def test_from_scratch_batch_norm_trains_and_from_weights_it_does_not(mobile, tmp_path):
    path = tmp_path / "mobile.weights.h5"
    find_backbone(mobile).save_weights(path)
    scratch = build_model(MOBILE.replace(fine_tune=True), seed=1)
    tuned = build_model(MOBILE.replace(fine_tune=True, weights=path), seed=2)
    assert same(find_backbone(tuned), find_backbone(mobile))
    moved = {}
    for name, model in (("scratch", scratch), ("tuned", tuned)):
        norm = find_backbone(model).get_layer("bn_Conv1")
        before = np.asarray(norm.moving_mean)
        train_a_step(model)
        moved[name] = not np.array_equal(before, np.asarray(norm.moving_mean))
    assert moved == {"scratch": True, "tuned": False}
    assert not same(find_backbone(tuned), find_backbone(mobile))


def test_weights_that_were_saved_come_back_dropout_included(tmp_path):
    variant = Variant(backbone="EfficientNetB0", dense=())
    first = build_model(variant, seed=1)
    path = tmp_path / "net.weights.h5"
    find_backbone(first).save_weights(path)
    assert same(find_backbone(build_model(variant.replace(weights=path), seed=2)), find_backbone(first))


def test_weights_of_another_architecture_are_refused(mobile, tmp_path):
    path = tmp_path / "mobile.weights.h5"
    find_backbone(mobile).save_weights(path)
    with pytest.raises(InputError, match="does not hold weights of backbone EfficientNetB0"):
        build_model(Variant(backbone="EfficientNetB0", weights=path))


def test_weights_of_a_larger_network_are_refused_though_every_layer_finds_its_own(mobile, tmp_path):
    import h5py

    path = tmp_path / "mobile.weights.h5"
    find_backbone(mobile).save_weights(path)
    with h5py.File(path, "a") as file:
        file["layers/one_more/vars/0"] = np.ones(3)
    with pytest.raises(InputError, match="numbers"):
        build_model(MOBILE.replace(weights=path))


@pytest.mark.parametrize("content", [b"", b"no HDF5", pickle.dumps({"weights": [1, 2]})])
def test_39_a_file_that_only_calls_itself_weights_is_refused(content, tmp_path):
    path = tmp_path / "fake.weights.h5"
    path.write_bytes(content)
    with pytest.raises(InputError, match="does not hold weights"):
        build_model(MOBILE.replace(weights=path))


def test_imagenet_weights_are_looked_for_where_keras_keeps_them(monkeypatch):
    monkeypatch.setenv("KERAS_HOME", "cache")
    variant = Variant(backbone="MobileNetV2", weights="imagenet")
    for size, side in (((96, 96), 96), ((100, 100), 224), ((96, 128), 224)):
        name = f"mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_{side}_no_top.h5"
        path = imagenet_path(variant, size)
        assert (path.parent.as_posix(), path.name) == ("cache/models", name)


def test_mixed_precision_reaches_the_backbone_and_leaves_the_global_policy():
    model = build_model(MOBILE.replace(precision_policy="mixed_bfloat16"), seed=1)
    assert find_backbone(model).get_layer("Conv1").compute_dtype == "bfloat16"
    assert keras.config.dtype_policy().name == "float32"
    assert np.isfinite(train_a_step(model)["loss"])
