"""The embedded dataset."""

from pathlib import Path

import numpy as np
import pytest
import sklearn
from sklearn.datasets import load_digits as scans_of_digits

from harness.datasets import load_dataset
from harness.datasets.content import content_of
from harness.datasets.digits import enlarge
from harness.errors import HarnessError


@pytest.fixture(scope="module")
def digits():
    return load_dataset("digits")


def test_digits_has_a_thousand_train_and_797_test_images_of_32x32x3(digits):
    assert digits.train_images.shape == (1000, 32, 32, 3)
    assert digits.test_images.shape == (797, 32, 32, 3)
    assert digits.train_images.dtype == digits.test_images.dtype == np.uint8
    assert digits.train_labels.dtype == digits.test_labels.dtype == np.int64
    assert digits.classes == tuple("0123456789")
    assert digits.input_shape == (32, 32, 3)
    assert digits.name == digits.origin.source == "digits"


def test_digits_is_split_in_the_proportion_of_its_classes(digits):
    train, test = np.bincount(digits.train_labels), np.bincount(digits.test_labels)

    np.testing.assert_allclose(train, (train + test) * 1000 / 1797, atol=1)


def test_every_scan_is_in_train_or_test_exactly_once(digits):
    everything = np.concatenate([digits.train_images, digits.test_images])

    expected = enlarge(scans_of_digits().images.astype(np.int64))
    np.testing.assert_array_equal(
        sorted(image.tobytes() for image in everything), sorted(image.tobytes() for image in expected)
    )


def test_digits_has_the_same_bits_everywhere(digits):
    assert digits.fingerprint == load_dataset("digits").fingerprint == "1344c72c7946d55f"


def test_looking_at_the_digits_finds_nothing_odd(digits):
    content = content_of(digits.classes, digits.arrays)

    assert content.warnings == digits.warnings == ()
    np.testing.assert_array_equal(content.test_groups, digits.test_groups)


def test_without_the_file_of_scans_scikit_learn_is_asked(digits, monkeypatch):
    monkeypatch.setattr("harness.datasets.digits._FILE", "datasets/data/elsewhere.csv.gz")

    assert load_dataset("digits").fingerprint == digits.fingerprint


@pytest.mark.parametrize("kept", [20, 1000])
def test_a_damaged_file_of_scans_is_named_where_scikit_learn_cannot_read_it_either(tmp_path, monkeypatch, kept):
    whole = Path(sklearn.__path__[0], "datasets/data/digits.csv.gz").read_bytes()
    (tmp_path / "digits.csv.gz").write_bytes(whole[:kept])
    monkeypatch.setattr("harness.datasets.digits._FILE", str(tmp_path / "digits.csv.gz"))
    monkeypatch.setattr("sklearn.datasets.load_digits", lambda **_: np.loadtxt(tmp_path / "digits.csv.gz"))

    with pytest.raises(HarnessError, match=r"^scikit-learn's scans of digits cannot be read \(.*install"):
        load_dataset("digits")


def test_a_truncated_file_of_scans_is_read_by_scikit_learn(digits, tmp_path, monkeypatch):
    whole = Path(sklearn.__path__[0], "datasets/data/digits.csv.gz").read_bytes()
    (tmp_path / "digits.csv.gz").write_bytes(whole[: len(whole) // 2])
    monkeypatch.setattr("harness.datasets.digits._FILE", str(tmp_path / "digits.csv.gz"))

    assert load_dataset("digits").fingerprint == digits.fingerprint


def test_digits_uses_the_whole_range_of_a_byte():
    grey = enlarge(np.array([[[0, 16], [16, 16]]]))

    assert grey[0, 0, 0].tolist() == [0, 0, 0]
    assert grey[0, -1, -1].tolist() == [255, 255, 255]


def test_enlarging_interpolates_between_the_centres_of_pixels():
    row = enlarge(np.array([[[0, 16]]]))[0, 0, :, 0]

    # Positions 1/8, 3/8, 5/8 and 7/8 between the two centres; flat beyond them.
    np.testing.assert_array_equal(row, [0, 0, 32, 96, 159, 223, 255, 255])


def test_the_images_cannot_be_changed_by_accident(digits):
    with pytest.raises(ValueError, match="read-only"):
        digits.train_images[0, 0, 0, 0] = 1
