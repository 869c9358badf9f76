import pytest

from harness.errors import InputError
from harness.variants import BASELINE, Variant, check_variant
from harness.variants.sizes import backbone_input_size, block_sizes, machine_memory_bytes


def test_the_baselines_parameters_are_known_without_keras():
    assert check_variant(BASELINE) == 315_722


def test_four_blocks_fit_32x32_and_pad_only_where_they_must():
    blocks = block_sizes(BASELINE.replace(filters=(8, 8, 8, 8)), (32, 32, 3))
    assert [block.pooled for block in blocks] == [(15, 15), (6, 6), (2, 2), (1, 1)]
    assert [block.padding for block in blocks] == ["valid", "valid", "valid", "same"]


def test_without_pooling_a_deep_model_keeps_its_pixels():
    blocks = block_sizes(BASELINE.replace(filters=(8,) * 8, pooling="none"), (32, 32, 3))
    assert blocks[-1].pooled == (16, 16)


@pytest.mark.parametrize(
    ("picture", "size"),
    [((32, 32, 3), (96, 96)), ((96, 128, 3), (96, 128)), ((300, 150, 3), (224, 150))],
)
def test_pictures_are_resized_into_what_backbones_support(picture, size):
    assert backbone_input_size(Variant(backbone="InceptionV3"), picture) == size


def test_memory_is_that_of_this_machine():
    assert 2**28 < machine_memory_bytes() < 2**50


@pytest.mark.parametrize("picture", [(32, 32), (0, 32, 3), (32, -1, 3)])
def test_a_shape_that_is_no_pictures_is_refused(picture):
    with pytest.raises(InputError, match="input_shape"):
        check_variant(BASELINE, picture)


def test_fewer_than_two_classes_are_refused():
    with pytest.raises(InputError, match="classes: 1 is not allowed"):
        check_variant(BASELINE, classes=1)
