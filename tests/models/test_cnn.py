import hashlib
import subprocess
import sys

import keras
import numpy as np
import pytest

from harness.models import build_model, layer_table
from harness.variants import BASELINE, check_variant
from harness.variants.rules import ACTIVATIONS, OPTIMIZERS

SHAPE = (12, 12, 3)
CLASSES = 4
SMALL = BASELINE.replace(filters=(4, 8), dense=(8,))
PIXELS = np.random.default_rng(0).random((8, *SHAPE), dtype=np.float32)
LABELS = np.eye(CLASSES, dtype=np.float32)[np.arange(8) % CLASSES]


def weights_sha(model: keras.Model) -> str:
    return hashlib.sha256(b"".join(value.tobytes() for value in model.get_weights())).hexdigest()


def small(seed: int | None = 1, **changes: object) -> keras.Model:
    return build_model(SMALL.replace(**changes), SHAPE, CLASSES, seed=seed)


def train_a_step(model: keras.Model) -> dict[str, float]:
    model.run_eagerly = True  # tracing would take longer than the step
    result: dict[str, float] = model.train_on_batch(PIXELS, LABELS, return_dict=True)
    return result


def test_the_baseline_is_the_tutorials_layer_for_layer():
    model = build_model(BASELINE)
    assert model.count_params() == 315_722
    rows = [(row.kind, row.output_shape, row.params) for row in layer_table(model)]
    assert rows == [
        ("Conv2D", (30, 30, 32), 896),
        ("MaxPooling2D", (15, 15, 32), 0),
        ("Conv2D", (13, 13, 64), 18_496),
        ("MaxPooling2D", (6, 6, 64), 0),
        ("Flatten", (2304,), 0),
        ("Dense", (128,), 295_040),
        ("Dense", (10,), 1_290),
    ]
    activations = [layer.activation.__name__ for layer in model.layers if hasattr(layer, "activation")]
    assert activations == ["relu", "relu", "relu", "softmax"]


def test_the_baseline_is_compiled_as_the_tutorials():
    model = build_model(BASELINE)
    assert type(model.optimizer) is keras.optimizers.Adam
    assert float(model.optimizer.learning_rate) == pytest.approx(0.001)
    assert model.loss == "categorical_crossentropy"
    assert set(train_a_step(small())) == {"loss", "accuracy", "precision", "recall"}


def test_layers_have_readable_names():
    model = small(batch_norm=True, dropout=0.5, augmentation="shift+flip", dense=(8, 4))
    assert [row.name for row in layer_table(model)] == [
        "flip", "shift",
        "conv_1", "batch_norm_1", "activation_1", "pool_1",
        "conv_2", "batch_norm_2", "activation_2", "pool_2",
        "flatten", "dropout_1", "dense_1", "dropout_2", "dense_2", "output",
    ]  # fmt: skip


VARIANTS = [
    {"filters": (4,)},
    {"filters": (4, 4, 4), "pooling": "none"},
    {"kernel_size": 1},
    {"kernel_size": 9},
    {"dense": ()},
    {"dense": (8, 4)},
    {"dense": (), "dropout": 0.5},
    {"pooling": "average"},
    {"pooling": "sum"},
    {"pooling": "none"},
    {"batch_norm": True},
    {"dropout": 0.5},
    {"l1": 0.01},
    {"l1": 0.01, "l2": 0.01},
    {"precision_policy": "mixed_bfloat16"},
    {"precision_policy": "mixed_float16"},
    {"precision_policy": "mixed_bfloat16", "batch_norm": True, "pooling": "sum", "augmentation": "mixed"},
    *({"activation": name} for name in ACTIVATIONS),
    *({"optimizer": name} for name in OPTIMIZERS),
]


@pytest.mark.parametrize("changes", VARIANTS, ids=lambda changes: SMALL.replace(**changes).name)
def test_every_knob_builds_as_reckoned_and_learns_from_a_batch(changes):
    model = small(**changes)
    assert model.count_params() == check_variant(SMALL.replace(**changes), SHAPE, CLASSES)
    before = [value.copy() for value in model.get_weights()]
    assert np.isfinite(train_a_step(model)["loss"])
    after = model.get_weights()
    assert all(np.isfinite(value).all() for value in after)
    moved = [not np.array_equal(old, new) for old, new in zip(before, after, strict=True)]
    assert moved[0]
    assert moved[-1]


def test_the_same_seed_gives_the_same_weights_whatever_was_built_before():
    first = weights_sha(small())
    small(dropout=0.5, augmentation="mixed", seed=2)
    keras.utils.set_random_seed(5)
    assert weights_sha(small()) == first
    assert weights_sha(small(seed=2)) != first


def test_another_process_gives_the_same_weights():
    code = (
        "import hashlib; from harness.models import build_model; from harness.variants import BASELINE;"
        "model = build_model(BASELINE, seed=3);"
        "print(hashlib.sha256(b''.join(value.tobytes() for value in model.get_weights())).hexdigest())"
    )
    other = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert other.stdout.split()[-1] == weights_sha(build_model(BASELINE, seed=3))


def test_the_same_seed_gives_the_same_training_with_dropout_and_augmentation():
    shas = []
    for _ in range(2):
        model = small(dropout=0.5, augmentation="flip+erasing", batch_norm=True)
        for _ in range(3):
            train_a_step(model)
        shas.append(weights_sha(model))
    assert shas[0] == shas[1]


def test_variants_share_the_weights_of_the_layers_they_share():
    plain, other = small(), small(dropout=0.5, batch_norm=False, dense=(8, 4))
    assert np.array_equal(plain.get_layer("conv_1").get_weights()[0], other.get_layer("conv_1").get_weights()[0])


def test_without_a_seed_two_builds_differ_unless_keras_is_seeded():
    assert weights_sha(small(seed=None)) != weights_sha(small(seed=None))
    keras.utils.set_random_seed(7)
    first = weights_sha(small(seed=None))
    keras.utils.set_random_seed(7)
    assert weights_sha(small(seed=None)) == first


def test_building_with_a_seed_leaves_global_generators_alone():
    np.random.seed(3)
    before = np.random.get_state()[1].copy()
    small(augmentation="mixed", dropout=0.5, precision_policy="mixed_bfloat16")
    assert np.array_equal(np.random.get_state()[1], before)
    assert keras.config.dtype_policy().name == "float32"


def test_sum_pooling_is_average_pooling_times_its_area():
    from harness.models.layers import SumPooling2D

    sums = keras.ops.convert_to_numpy(SumPooling2D(2)(PIXELS))
    assert sums.shape == (8, 6, 6, 3)
    assert sums[0, 0, 0] == pytest.approx(PIXELS[0, :2, :2].sum(axis=(0, 1)), rel=1e-6)


def test_penalties_reach_every_kernel_and_no_bias():
    model = small(l1=0.5, l2=0.25)
    kernels = [layer.kernel for layer in model.layers if hasattr(layer, "kernel")]
    assert len(kernels) == 4
    expected = sum(0.5 * np.abs(np.asarray(k)).sum() + 0.25 * (np.asarray(k) ** 2).sum() for k in kernels)
    assert float(sum(model.losses)) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision_keeps_weights_and_output_in_float32(policy):
    model = small(precision_policy=policy)
    assert model.get_layer("conv_1").compute_dtype == policy.removeprefix("mixed_")
    assert {weight.dtype for weight in model.weights} == {"float32"}
    assert model.get_layer("output").compute_dtype == "float32"
    assert model(PIXELS).dtype == "float32"
    scaled = isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer)
    assert scaled == (policy == "mixed_float16")


def test_outputs_are_probabilities():
    assert np.asarray(small()(PIXELS)).sum(axis=1) == pytest.approx(np.ones(8), abs=1e-6)
