"""`harness pretrain`: a part of a dataset, a backbone trained on it, its weights taken up by a variant."""

import numpy as np
import pytest

from harness import Variant, load_dataset
from harness.budgets import BUDGETS
from harness.cli import run
from harness.datasets import Dataset
from harness.datasets.subset import select_classes
from harness.datasets.writing import write_folder
from harness.errors import InputError
from harness.models import build_model, find_backbone
from harness.results.records import Record
from harness.results.trials import Environment, Trial
from harness.training.pretraining import chance_trouble


def test_selected_classes_keep_their_images_and_get_new_labels(digits):
    part = select_classes(digits, ["7", "2"])
    assert part.classes == ("7", "2")
    assert np.array_equal(part.train_images, digits.train_images[np.isin(digits.train_labels, [2, 7])])
    old = digits.train_labels[np.isin(digits.train_labels, [2, 7])]
    assert np.array_equal(part.train_labels, np.where(old == 7, 0, 1))
    assert part.fingerprint != select_classes(digits, ["2", "7"]).fingerprint


def test_fewer_images_are_the_same_share_of_each_class(digits):
    part = select_classes(digits, ["0", "1", "2"], images=30)
    assert np.bincount(part.train_labels).tolist() == [10, 10, 10]
    assert len(part.test_labels) == 30


@pytest.mark.parametrize(
    ("classes", "images", "message"),
    [
        (["0", "sevn"], None, 'class "sevn" is not in digits: use 0, 1'),
        (["0", "0"], None, "named twice"),
        (["0"], None, "1 class is not enough"),
        (["0", "1", "2"], 2, "at least one for each of the 3 classes"),
    ],
)
def test_a_part_that_is_none_is_refused(digits, classes, images, message):
    with pytest.raises(InputError, match=message):
        select_classes(digits, classes, images=images)


def test_a_written_folder_is_read_back_bit_for_bit(digits, tmp_path):
    part = select_classes(digits, ["3", "8"], images=20)
    write_folder(part, tmp_path / "new")
    again = load_dataset(tmp_path / "new", cache=tmp_path / "cache")
    assert again.classes == part.classes
    for label in (0, 1):
        assert np.array_equal(
            again.train_images[again.train_labels == label], part.train_images[part.train_labels == label]
        )
    assert len(again.test_labels) == 20


def test_a_folder_with_something_in_it_is_left_alone(digits, tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(InputError, match="is not empty"):
        write_folder(select_classes(digits, ["3", "8"], images=4), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


@pytest.fixture(scope="module")
def pretrained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pretrained")
    arguments = ["--classes", "0,1,2", "--images", "30", "--epochs", "1", "--output", str(folder / "w.weights.h5")]
    others = ["--others", str(folder / "others"), "--other-images", "28"]
    assert run(["pretrain", *arguments, *others]) == 0
    return folder


@pytest.mark.slow
def test_pretraining_writes_weights_that_a_variant_takes_up(pretrained):
    assert {path.name for path in pretrained.iterdir()} == {"w.weights.h5", "others"}
    variant = Variant(backbone="MobileNetV2", weights=str(pretrained / "w.weights.h5"), dense=())
    one, other = (find_backbone(build_model(variant, classes=7, seed=seed)) for seed in (1, 2))
    drawn = find_backbone(build_model(variant.replace(weights=None), classes=7, seed=1))
    kernels = [model.get_layer("Conv1").get_weights()[0] for model in (one, other, drawn)]
    assert np.array_equal(kernels[0], kernels[1])
    assert not np.array_equal(kernels[0], kernels[2])


@pytest.mark.slow
def test_the_other_classes_are_a_dataset_to_transfer_to(pretrained, tmp_path):
    others = load_dataset(pretrained / "others", cache=tmp_path)
    assert others.classes == ("3", "4", "5", "6", "7", "8", "9")
    assert isinstance(others, Dataset)
    assert len(others.train_labels) == len(others.test_labels) == 28


@pytest.mark.slow
def test_weights_of_another_content_are_another_trial(pretrained, tmp_path):
    from harness.variants.sources import source_fingerprint

    path = pretrained / "w.weights.h5"
    copy = tmp_path / "w.weights.h5"
    copy.write_bytes(path.read_bytes() + b"\0")
    variant = Variant(backbone="MobileNetV2", weights=str(path))
    assert source_fingerprint(variant) != source_fingerprint(variant.replace(weights=str(copy)))


@pytest.mark.parametrize(("right", "told"), [(0.0, True), (0.1, True), (0.11, True), (0.15, False), (1.0, False)])
def test_a_pretraining_that_learned_nothing_is_told(digits, right, told):
    environment = Environment("cpu", "tensorflow", 1, ())
    trial = Trial(Variant(), "", "digits", digits.fingerprint, 1, BUDGETS["smoke"], environment)
    record = Record(trial, "ok", accuracy=right)

    said = chance_trouble(record, digits)

    assert said.startswith(f"test accuracy {right:.3f} may be chance") == told
    assert bool(said) == told
