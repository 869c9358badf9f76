"""Test images that show the same picture are found, kept as groups, and told of."""

import io
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from scipy import ndimage

from harness import Dataset, load_dataset
from harness.datasets.near import (
    _block_means,
    _box_means,
    _Candidates,
    _candidates,
    _directions,
    _equal,
    _Look,
    _moved,
    _parts,
    _ranks,
    _sureness,
    near_pairs,
)

EDGE = 32


def scene(seed: int) -> np.ndarray:
    """Return a picture with forms of every size, as photographs have them: [40, 40, 3]."""
    rng = np.random.default_rng(seed)
    layers = [
        np.asarray(
            Image.fromarray(rng.integers(0, 256, (side, side, 3), np.uint8)).resize((40, 40), Image.Resampling.BICUBIC)
        )
        for side in (3, 6, 12, 24)
    ]
    return np.average(layers, axis=0, weights=(8, 4, 2, 1)).astype(np.uint8)


def taken(picture: np.ndarray, down: int = 0, right: int = 0) -> np.ndarray:
    return picture[4 + down : 4 + down + EDGE, 4 + right : 4 + right + EDGE]


def jpeg(image: np.ndarray, quality: int) -> np.ndarray:
    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file))


def resized(image: np.ndarray) -> np.ndarray:
    smaller = Image.fromarray(image).resize((24, 24), Image.Resampling.BICUBIC)
    return np.asarray(smaller.resize((EDGE, EDGE), Image.Resampling.BICUBIC))


@pytest.fixture(scope="module")
def scenes() -> np.ndarray:
    return np.stack([taken(scene(seed)) for seed in range(60)])


CHANGES = {
    "jpeg": lambda picture: jpeg(taken(picture), 40),
    "darker": lambda picture: (taken(picture) * 0.6).astype(np.uint8),
    "other colours": lambda picture: (taken(picture) * (1.0, 0.8, 0.6)).astype(np.uint8),
    "resized": lambda picture: resized(taken(picture)),
    "moved": lambda picture: taken(picture, 2, -3),
    "moved and saved anew": lambda picture: jpeg(taken(picture, -1, 2), 60),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_picture_is_known_again_when_it_is(scenes, change):
    images = np.concatenate([scenes, CHANGES[change](scene(7))[np.newaxis]])

    pairs = near_pairs(images, np.arange(61) % 4)

    assert list(zip(*pairs, strict=True)) == [(7, 60)]


@pytest.mark.parametrize("change", list(CHANGES)[:4])
def test_a_picture_is_known_again_among_others(scenes, change):
    """Among images of another part; there it is looked for where it stands, as a copy does."""
    others = np.stack([taken(scene(100)), CHANGES[change](scene(7)), taken(scene(101))])

    pairs = near_pairs(scenes, np.arange(60) % 4, (others, np.arange(3) % 4))

    assert list(zip(*pairs, strict=True)) == [(7, 1)]


@pytest.mark.parametrize(("down", "right"), [(3, 3), (3, -3), (-3, 3), (0, 3), (-3, 0)])
def test_a_picture_moved_by_a_tenth_of_its_side_is_found_wherever_it_went_and_whichever_comes_first(
    scenes, down, right
):
    moved = taken(scene(7), down, right)[np.newaxis]

    after = near_pairs(np.concatenate([scenes, moved]), np.arange(61) % 4)
    before = near_pairs(np.concatenate([moved, scenes]), np.arange(61) % 4)

    assert list(zip(*after, strict=True)) == [(7, 60)]
    assert list(zip(*before, strict=True)) == [(0, 8)]


def test_pictures_larger_than_what_is_looked_at_are_compared_by_means(scenes):
    """70 x 100 pixels: blocks of 3 x 4, and what does not divide is cut off."""
    large = np.stack([np.asarray(Image.fromarray(one).resize((100, 70))) for one in scenes[:20]])
    again = np.stack([jpeg(large[7], 40), np.full((70, 100, 3), 90, np.uint8)])

    pairs = near_pairs(np.concatenate([large, again]), np.arange(22) % 4)

    assert list(zip(*pairs, strict=True)) == [(7, 20)]


def test_what_is_found_hangs_on_no_part_in_which_it_is_computed(scenes, monkeypatch):
    images = np.concatenate([scenes, np.stack([change(scene(9)) for change in CHANGES.values()])])
    labels = np.arange(len(images)) % 4
    whole = near_pairs(images, labels)

    monkeypatch.setattr("harness.datasets.near._PAIRS_AT_ONCE", 7 * len(images))

    assert [part.tolist() for part in near_pairs(images, labels)] == [part.tolist() for part in whole]
    assert 9 in whole.firsts


def test_thousands_of_pictures_are_looked_at_to_the_last_and_each_has_all_its_copies():
    """2,200 small ones of noise, which are like no other, and 12 copies of the last."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (2200, 8, 8, 1), np.uint8)
    copies = np.repeat(images[-1:], 12, axis=0)
    labels = np.r_[np.arange(2200) % 10, np.full(12, 2199 % 10)]

    pairs = near_pairs(np.concatenate([images, copies]), labels)

    assert sorted(set(pairs.firsts.tolist())) == list(range(2199, 2211))
    assert len(pairs.firsts) == 13 * 12 / 2


def test_copies_among_more_images_than_are_looked_at_at_once_are_found_where_they_stand():
    """Of two parts: numbers are of each part's own."""
    rng = np.random.default_rng(1)
    images = rng.integers(0, 256, (1100, 16, 16, 3), np.uint8)

    pairs = near_pairs(images, np.arange(1100) % 7, (images[[1099, 1000, 3]], np.array([0, 6, 3])))

    assert sorted(zip(*pairs, strict=True)) == [(3, 2), (1000, 1), (1099, 0)]


def test_what_is_looked_at_is_grey_its_detail_and_as_of_how_many_numbers_that_is():
    """White noise is of about half as many as it has pixels, one wave of two, and a flat image of none."""
    noise = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 1)).astype(np.uint8)
    wave = np.broadcast_to(100 + 50 * np.cos(np.arange(32) * np.pi / 2), (1, 32, 32))[..., None].astype(np.uint8)
    flat = np.full((1, 32, 32, 1), 90, np.uint8)

    look = _Look.at(np.concatenate([noise, wave, flat]))

    assert look.grey[..., None] == pytest.approx(np.concatenate([noise, wave, flat]).astype(float))
    assert look.detail == pytest.approx(look.grey - _box_means(look.grey))
    assert (look.details[:2] > 400).all()
    assert (look.details[:2] < 600).all()
    assert look.details[2] == pytest.approx(2, abs=0.7)
    assert look.details[3] == 0


def test_means_over_blocks_and_surroundings_are_numpys_and_scipys():
    images = np.random.default_rng(0).integers(0, 256, (1003, 7, 11, 3), np.uint8)
    blocks = images[:, :6, :10].reshape(1003, 3, 2, 5, 2, 3).mean(axis=(2, 4, 5))
    assert _block_means(images, 3, 5) == pytest.approx(blocks, rel=1e-5)
    grey = images[:20, :, :, 0].astype(np.float32)
    assert _box_means(grey) == pytest.approx(ndimage.uniform_filter(grey, (0, 5, 5), mode="nearest"), rel=1e-4)


@pytest.mark.parametrize(("down", "right"), [(0, 0), (2, 0), (0, 3), (1, -2), (-3, 1)])
def test_an_image_is_moved_and_its_edges_repeated(down, right):
    grey = np.random.default_rng(0).random((4, 6, 9)).astype(np.float32)
    assert _moved(grey, down, right) == pytest.approx(ndimage.shift(grey, (0, -down, -right), order=0, mode="nearest"))


def test_directions_are_numpys():
    rows = np.random.default_rng(0).normal(size=(5, 64)).astype(np.float32) / 1000  # shorter than 1
    centred = rows - rows.mean(axis=1, keepdims=True)
    expected = centred / np.linalg.norm(centred, axis=1, keepdims=True)
    assert _directions(rows) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(("contrast", "pairs"), [(9, []), (11, [(0, 1)])])
def test_an_image_is_known_by_cells_that_lie_ten_of_256_from_their_mean(contrast, pairs):
    stripes = np.where(np.arange(EDGE)[:, None] % 8 < 4, contrast, -contrast) + np.zeros(EDGE)
    twice = np.repeat((90 + stripes).astype(np.uint8)[np.newaxis, ..., np.newaxis], 2, axis=0)

    assert list(zip(*near_pairs(twice, np.zeros(2, int)), strict=True)) == pairs


@given(st.lists(st.integers(0, 4), max_size=12))
def test_a_rank_is_how_many_equal_ones_stand_before(numbers):
    expected = [numbers[:place].count(one) for place, one in enumerate(numbers)]
    assert _ranks(np.array(numbers, np.int64)).tolist() == expected


def test_a_picture_moved_among_others_is_none_of_these(scenes):
    others = taken(scene(7), 2, 2)[np.newaxis]
    assert not len(near_pairs(scenes, np.arange(60) % 4, (others, np.array([3]))).firsts)


@pytest.mark.parametrize(("height", "width", "step"), [(32, 32, 2), (32, 16, 1), (16, 32, 1), (25, 25, 2), (33, 64, 1)])
def test_images_are_moved_by_a_sixteenth_of_the_shorter_side_that_is_looked_at(height, width, step):
    assert _Look.at(np.zeros((1, height, width, 1), np.uint8)).step == step


def test_at_most_32_pixels_of_a_side_are_looked_at():
    look = _Look.at(np.zeros((1, 65, 33, 3), np.uint8))
    assert look.grey.shape == (1, 21, 16)
    assert look.grey.dtype == look.detail.dtype == look.details.dtype == np.float32


@pytest.mark.parametrize("way", [(0, 2), (2, 0), (2, 2), (2, -2)])
def test_of_each_way_the_one_in_which_a_pair_is_most_alike_is_known(scenes, way):
    look = _Look.at(np.stack([taken(scene(7)), taken(scene(7), *way), scenes[3]]))
    found = _candidates(look, look, 2)
    assert [part.tolist() for part in found[:3]] == [[0], [1], [list(way)]]


def test_of_an_image_sixteen_copies_among_others_are_looked_at_and_within_its_own_those_of_either(scenes):
    copies = np.repeat(scenes[:1], 20, axis=0)
    assert len(near_pairs(scenes[:1], np.zeros(1, int), (copies, np.zeros(20, int))).firsts) == 16
    assert len(near_pairs(copies, np.zeros(20, int)).firsts) == 20 * 19 / 2


@pytest.mark.parametrize(("most", "pairs"), [(4, 1), (3, 0)])
def test_more_pairs_than_are_compared_give_none(scenes, monkeypatch, most, pairs):
    monkeypatch.setattr("harness.datasets.near.MOST_PAIRS", most)
    found = near_pairs(np.repeat(scenes[:1], 2, axis=0), np.zeros(2, int))
    assert len(found.firsts) == len(found.seconds) == pairs
    assert found.firsts.dtype == np.int64


def correlation(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.corrcoef(one.ravel(), other.ravel())[0, 1])


def test_sureness_is_fishers_z_of_the_details_that_both_have(scenes):
    """Of the poorer one; where a pair may be moved, the best of nine places about it, without the edges."""
    look = _Look.at(np.stack([taken(scene(7)), jpeg(taken(scene(7), 1, 2), 30), scenes[3]]))
    pair = _Candidates(np.array([0, 0]), np.array([1, 2]), np.zeros((2, 2), int), np.ones(2, np.float32))
    expected = [
        np.arctanh(max(correlation(look.detail[0], look.detail[other]), 0)) * np.sqrt(look.details[[0, other]].min())
        for other in (1, 2)
    ]
    assert _sureness(look, look, pair, 0) == pytest.approx(expected, rel=1e-3, abs=1e-3)
    moved = pair._replace(moved=np.array([[0, 2], [0, 2]]))
    expected = [
        np.arctanh(
            max(
                correlation(look.detail[0, 3 + y : 29 + y, 3 + x : 29 + x], look.detail[other, 3:29, 3:29])
                for y in (-1, 0, 1)
                for x in (1, 2, 3)
            )
        )
        * np.sqrt(look.details[[0, other]].min())
        for other in (1, 2)
    ]
    assert _sureness(look, look, moved, 2) == pytest.approx(expected, rel=1e-3)
    same = _sureness(look, look, pair._replace(seconds=np.array([0, 0])), 0)
    assert same == pytest.approx(np.arctanh(0.9999) * np.sqrt(look.details[[0, 0]]), rel=1e-3)


def test_only_where_they_stand_are_images_equal_in_all_that_they_show(scenes):
    look = _Look.at(scenes[:2])
    moved = np.array([[0, 0], [0, 2], [2, 0], [0, 0], [0, 0]])
    alike = np.array([0.999, 0.999, 0.999, 0.999, 0.99], np.float32)
    found = _Candidates(np.zeros(5, int), np.array([0, 0, 0, 1, 0]), moved, alike)
    assert _equal(look, look, found).tolist() == [True, False, False, False, False]


def test_parts_are_all_of_it_and_each_once():
    assert [list(range(5))[part] for part in _parts(5, 2)] == [[0, 1], [2, 3], [4]]


def test_pictures_of_one_kind_are_not_one_picture():
    digits = load_dataset("digits")

    assert (digits.test_groups == np.arange(797)).all()
    assert digits.warnings == ()


def test_a_drawing_saved_anew_is_known_again_among_its_like():
    digits = load_dataset("digits")
    images = np.concatenate([digits.test_images[:300], jpeg(digits.test_images[7], 50)[np.newaxis]])
    labels = np.r_[digits.test_labels[:300], digits.test_labels[7]]

    assert list(zip(*near_pairs(images, labels), strict=True)) == [(7, 300)]


def test_flat_images_are_nobodys_copies(scenes):
    flat = np.stack([np.full((EDGE, EDGE, 3), value, np.uint8) for value in (0, 90, 91, 255)])

    assert not len(near_pairs(np.concatenate([flat, scenes]), np.arange(64) % 4).firsts)


def five_of_one_and_a_copy(scenes: np.ndarray) -> Dataset:
    again = [change(scene(3)) for change in list(CHANGES.values())[:4]]
    test = np.concatenate([scenes[:20], again, scenes[11:12]])
    return Dataset.from_arrays(
        "scenes", ["a", "b"], (scenes[30:], np.arange(30) % 2), (test, np.r_[np.arange(20) % 2, 1, 1, 1, 1, 1])
    )


def test_a_picture_and_its_changed_and_exact_copies_are_one_group_each(scenes):
    dataset = five_of_one_and_a_copy(scenes)

    assert dataset.test_groups.tolist() == [*range(20), 3, 3, 3, 3, 11]
    assert dataset.warnings == (
        "1 of the 25 test images is a copy of another: what is there twice weighs twice "
        "(the first: test image 24, test image 11)",
        "7 of 25 test images are near-duplicates: counted as 2 in intervals (the first: test image 3, test image 20)",
    )


def test_the_groups_are_kept_with_the_images_and_made_anew_where_they_are_damaged(scenes, tmp_path):
    dataset = five_of_one_and_a_copy(scenes)
    np.savez(
        tmp_path / "scenes.npz",
        x_train=dataset.train_images,
        y_train=dataset.train_labels,
        x_test=dataset.test_images,
        y_test=dataset.test_labels,
    )

    first = load_dataset(tmp_path / "scenes.npz", cache=tmp_path / "cache")
    (meta,) = (tmp_path / "cache").rglob("meta.json")
    kept = json.loads(meta.read_text())
    kept["alike"] = kept["alike"][:1]
    meta.write_text(json.dumps(kept))
    again = load_dataset(tmp_path / "scenes.npz", cache=tmp_path / "cache")

    assert first.test_groups.tolist() == again.test_groups.tolist() == dataset.test_groups.tolist()
    assert "checksum error" in again.warnings[0]
    assert load_dataset(tmp_path / "scenes.npz", cache=tmp_path / "cache").warnings == first.warnings


def test_too_many_images_to_compare_are_said_to_be():
    images = np.arange(32_000 * 4, dtype=np.uint8).reshape(32_000, 2, 2, 1)
    dataset = Dataset.from_arrays("many", ["a", "b"], (images[:4], np.arange(4) % 2), (images, np.arange(32_000) % 2))

    assert (
        "32,000 test and 32,000 test images are too many to look for near copies: exact ones alone were found"
    ) in dataset.warnings
