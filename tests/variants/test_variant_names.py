import pytest

from harness.variants import BASELINE, Variant


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({}, "baseline"),
        ({"filters": (64, 128)}, "filters:64-128"),
        ({"l2": 0.001, "dropout": 0.5}, "dropout:0.5+l2:0.001"),
        ({"dense": ()}, "dense:none"),
        ({"batch_norm": True}, "batch_norm:true"),
        ({"augmentation": "shift+flip", "batch_size": 64}, "augmentation:flip+shift+batch_size:64"),
        ({"learning_rate": 1e-5}, "learning_rate:1e-05"),
        ({"backbone": "VGG16", "weights": "imagenet"}, "backbone:VGG16+weights:imagenet"),
        ({"model": "my.nets:resnet", "options": {"depth": 20}}, "model:my.nets:resnet+options.depth:20"),
        ({"model": "nets:resnet", "options": {"widths": [16, 32]}}, "model:nets:resnet+options.widths:16-32"),
    ],
)
def test_a_name_tells_the_differences(changes, name):
    assert BASELINE.replace(**changes).name == name


def test_a_long_name_is_cut_and_stays_unique():
    first = Variant(model="nets:build", options={f"option_{n}": n for n in range(30)})
    second = first.replace(options={**dict(first.options), "option_29": 0})
    assert len(first.name) <= 120
    assert first.name != second.name
    assert first.name[:60] == second.name[:60]


def test_two_paths_that_look_alike_once_made_safe_differ():
    one, other = (Variant(backbone="VGG16", weights=f"a{sign}b.weights.h5") for sign in "/ ")
    assert one.name != other.name
