"""Images that would vanish, or would not be what their files seem: refused, or counted and named."""

import os
import struct
import unicodedata
import zlib

import numpy as np
import pytest
from drawn_images import draw, draw_folder
from PIL import Image

from harness.budgets import BUDGETS
from harness.datasets import Dataset, load_dataset
from harness.errors import InputError
from harness.pictures import class_counts
from harness.training.split import split_images

pytestmark = pytest.mark.usefixtures("cache")


def refusal(given, **options) -> str:
    with pytest.raises(InputError) as caught:
        load_dataset(given, **options)
    return str(caught.value)


# Class folders that vanish


@pytest.mark.parametrize("parts", [("train", "test"), ("train",), ("test",)])
def test_a_class_folder_that_is_a_link_to_nowhere_is_refused_by_its_name(folder, parts):
    for part in parts:
        (folder / part / "owl").symlink_to("/mnt/external/owl")

    assert f"{folder}/{parts[0]}/owl is a link to /mnt/external/owl, which cannot be reached" in refusal(folder)


def test_links_that_lead_in_a_circle_are_refused_by_their_name(folder):
    (folder / "train" / "owl").symlink_to("owl")

    assert f"{folder}/train/owl is a link to owl, which cannot be reached (Too many levels" in refusal(folder)


def test_a_train_folder_or_a_dataset_that_is_a_link_to_nowhere_is_refused_by_its_name(folder, tmp_path):
    (folder / "test").rename(tmp_path / "elsewhere")
    (folder / "test").symlink_to("/mnt/external/test")
    (tmp_path / "all").symlink_to("/mnt/external")

    assert f"{folder}/test is a link to /mnt/external/test, which cannot be reached" in refusal(folder)
    assert f"{tmp_path}/all is a link to /mnt/external, which is not there" in refusal(tmp_path / "all")


def test_a_linked_class_folder_whose_mount_is_empty_is_refused(folder, tmp_path):
    (tmp_path / "mount").mkdir()
    for part in ("train", "test"):
        (folder / part / "owl").symlink_to(tmp_path / "mount")

    assert "has no image in train/owl" in refusal(folder)


def test_hidden_class_folders_and_images_are_counted_and_named(folder):
    draw(folder / "train" / ".owl" / "0.png", 90)
    for number in range(3):
        draw(folder / "test" / "dog" / f".{number}.png", 91 + number)
    (folder / "train" / "cat" / "._0.png").write_bytes(b"what macOS leaves beside every file on a foreign disk")
    (folder / "train" / ".ipynb_checkpoints").mkdir()

    assert load_dataset(folder).warnings == (
        "not used, since not a class folder: train/.owl (hidden)",
        "3 hidden images are not used, the first: test/dog/.0.png",
    )


def test_a_class_that_is_hidden_in_one_part_is_named_where_classes_differ(folder):
    draw(folder / "train" / ".owl" / "0.png", 90)
    draw(folder / "test" / "owl" / "0.png", 91)

    assert "only in test: owl; not used: train/.owl (hidden)" in refusal(folder)


def test_a_hidden_link_to_nowhere_is_named_and_an_editors_lock_is_not(folder):
    (folder / "train" / ".owl").symlink_to("/mnt/external/owl")
    (folder / "train" / ".#notes").symlink_to("me@here.123:456")

    assert load_dataset(folder).warnings == ("not used, since not a class folder: train/.owl (hidden)",)


def test_what_lies_beside_class_folders_is_named(folder):
    (folder / "train" / "owl").write_text("/mnt/external/owl")  # what git writes for a link where it can make none
    (folder / "test" / "labels.csv").write_text("a,b")

    assert load_dataset(folder).warnings == ("not used, since not a class folder: train/owl, test/labels.csv",)


def test_a_class_that_is_an_archive_still_is_refused(folder):
    (folder / "train" / "owl.zip").write_bytes(b"")

    assert f"{folder}/train/owl.zip is an archive beside the class folders: unpack it" in refusal(folder)


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_a_class_has_one_name_whatever_unicode_form_its_folders_have(tmp_path, form):
    usual = draw_folder(tmp_path / "usual", classes=("café", "dog"))
    mixed = draw_folder(tmp_path / "mixed", classes=("café", "dog"))
    decomposed = unicodedata.normalize("NFD", "café")
    for part in ("train",) if form == "NFC" else ("train", "test"):
        (mixed / part / "café").rename(mixed / part / decomposed)

    dataset = load_dataset(mixed)

    assert dataset.classes == (unicodedata.normalize("NFC", "café"), "dog")
    assert dataset.fingerprint == load_dataset(usual).fingerprint


def test_two_folders_of_one_class_in_two_unicode_forms_are_refused(tmp_path):
    folder = draw_folder(tmp_path / "pets", classes=("café", unicodedata.normalize("NFD", "café")))

    assert "two folders for the class café, whose names differ only in their Unicode form" in refusal(folder)


@pytest.mark.parametrize(("one", "other"), [("Cat", "cat"), ("cat ", "cat"), ("cat\u200b", "cat"), ("ﬁsh", "fish")])
def test_classes_whose_names_look_alike_are_named(tmp_path, one, other):
    folder = draw_folder(tmp_path / "pets", classes=(one, other, "dog"))
    (warning,) = load_dataset(folder).warnings
    assert "differ only in case, spaces or Unicode form; they are kept apart" in warning

    (folder / "train" / one).rename(folder / "train" / "gone")
    (folder / "test" / other).rename(folder / "test" / "gone")
    said = refusal(folder)

    assert "has other classes in train than in test" in said
    assert "differ only in case, spaces or Unicode form: rename one" in said
    assert said.isprintable()


def test_classes_that_differ_are_not_taken_for_one(tmp_path):
    assert load_dataset(draw_folder(tmp_path / "signs", classes=("1", "-1", "+1", "1_"))).warnings == ()


@pytest.mark.parametrize("name", ["val", "valid", "Validation", "holdout"])
def test_a_validation_folder_beside_train_is_said_to_be_unused(folder, name):
    draw(folder / name / "cat" / "0.png", 99)
    (folder / "docs").mkdir()

    assert load_dataset(folder).warnings == (
        f"{name}/ beside train/ and test/ is not used: validation images are drawn from train, anew for each seed",
    )


def test_a_validation_folder_that_is_a_link_is_said_to_be_unused(folder):
    (folder / "val").symlink_to("test")
    (folder / "valid").symlink_to("/mnt/external/valid")

    assert [warning.partition("/")[0] for warning in load_dataset(folder).warnings] == ["val", "valid"]


def test_one_folder_under_two_classes_is_named(folder):
    for part in ("train", "test"):
        (folder / part / "owl").symlink_to("cat")

    assert (
        "5 images are under two classes: one of the labels is wrong (the first: train/owl/0.png, train/cat/0.png)"
    ) in load_dataset(folder).warnings


def test_a_validation_folder_is_said_again_by_a_load_from_the_cache_and_not_once_it_is_gone(folder):
    draw(folder / "val" / "cat" / "0.png", 99)
    first, again = load_dataset(folder), load_dataset(folder)
    (folder / "val").rename(folder.parent / "val")

    assert first.warnings == again.warnings
    assert len(first.warnings) == 1
    assert load_dataset(folder).warnings == ()


def test_what_was_found_instead_of_train_and_test_is_named(folder):
    (folder / "test").rename(folder / "valid")

    assert "but no test/ (found: train, valid)" in refusal(folder)
    assert f"{folder} has both" not in refusal(folder / "train")


def test_the_folder_above_or_below_that_holds_train_and_test_is_named(folder):
    assert f"neither train/ nor test/; {folder} has both: give that one" in refusal(folder / "train")
    assert f"neither train/ nor test/; {folder} has both: give that one" in refusal(folder.parent)


# Splits


def one_image_each(tmp_path, **more):
    return load_dataset(draw_folder(tmp_path / "tiny", classes=("a", "b", "c"), train=1, test=1), **more)


def test_a_split_that_leaves_no_validation_image_is_refused(tmp_path):
    dataset = one_image_each(tmp_path)

    with pytest.raises(InputError, match="no image is left for validation: each class of tiny has a single train"):
        split_images(dataset, BUDGETS["quick"], 1)
    _, validation, test = split_images(dataset, BUDGETS["quick"].override(protocol="tutorial"), 1)
    assert len(validation) == len(test) == 3
    assert [count.validation for count in class_counts(dataset)] == [0, 0, 0]


def test_a_budget_that_draws_one_image_of_each_class_says_so():
    images, labels = np.zeros((1200, 1, 1, 3), np.uint8), np.repeat(np.arange(600), 2)
    dataset = Dataset.from_arrays("many", [str(label) for label in range(600)], (images, labels), (images, labels))

    with pytest.raises(InputError, match=r"among the 512 that budget smoke uses.*use a larger --budget"):
        split_images(dataset, BUDGETS["smoke"], 1)
    assert len(split_images(dataset, BUDGETS["quick"], 1)[1]) == 600


def test_classes_without_an_image_for_validation_are_named(folder):
    for name in ("owl", "ant"):
        draw(folder / "train" / name / "0.png", ord(name[0]))
        draw(folder / "test" / name / "0.png", ord(name[1]))

    assert load_dataset(folder).warnings == (
        "2 of 4 classes have a single train image, and so none for validation: ant, owl",
    )


# Copies that are not quite


def smooth(seed: int, size=(48, 32)) -> Image.Image:
    """Return a picture with large and small forms, as photographs have them."""
    rng = np.random.default_rng(seed)
    picture = Image.fromarray(rng.integers(0, 256, (4, 6, 3), np.uint8)).resize(size, Image.Resampling.BICUBIC)
    return Image.blend(picture, Image.fromarray(rng.integers(0, 256, (*size[::-1], 3), np.uint8)), 0.1)


@pytest.mark.parametrize("how", ["jpeg", "resized", "darker", "exact"])
def test_a_test_image_that_is_a_train_image_saved_anew_is_named(tmp_path, how):
    seed = 0
    for part in ("train", "test"):
        for name in ("a", "b"):
            (tmp_path / "photos" / part / name).mkdir(parents=True)
            for number in range(20):
                seed += 1
                smooth(seed).save(tmp_path / "photos" / part / name / f"{number}.png")
    again = {
        "jpeg": smooth(7),
        "resized": smooth(7).resize((96, 64), Image.Resampling.BICUBIC).resize((48, 32), Image.Resampling.BOX),
        "darker": smooth(7).point(lambda value: value * 3 // 4),
        "exact": smooth(7),
    }[how]
    again.save(tmp_path / "photos" / "test" / "a" / ("again.jpg" if how == "jpeg" else "again.png"), quality=60)

    warnings = load_dataset(tmp_path / "photos").warnings

    if how == "exact":
        assert warnings == (
            "1 of the 41 test images is also in train: accuracy on it is no sign of learning "
            "(the first: test/a/again.png, train/a/6.png)",
        )
    else:
        assert warnings == (
            "1 of the 41 test images looks like one in train, saved anew: accuracy on it is no sign of learning "
            f"(the first: test/a/again.{'jpg' if how == 'jpeg' else 'png'}, train/a/6.png)",
        )


# Values


def save(path, pixels, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **options)


def test_16_bit_images_that_hold_12_bits_are_counted_and_named(folder):
    rng = np.random.default_rng(0)
    for number in range(2):
        save(folder / "train" / "cat" / f"wide{number}.png", rng.integers(0, 4096, (8, 8), np.uint16))
    save(folder / "train" / "cat" / "whole.png", rng.integers(0, 65536, (8, 8), np.uint16))

    assert load_dataset(folder).warnings == (
        "2 of 13 images are of 16 bits, the values in less than a quarter of the range (12 bits in 16?), so nearly "
        "black: scale them first (the first: train/cat/wide0.png)",
    )


@pytest.mark.parametrize(("channels", "colour"), [(3, 2), (2, 4), (4, 6)])
def test_16_bit_colours_that_hold_12_bits_are_counted_whatever_their_transparency(folder, channels, colour):
    """Pillow writes no PNG of 16 bits with several channels."""
    pixels = np.random.default_rng(0).integers(0, 4096, (8, 8, channels)).astype(">u2")

    def chunk(kind: bytes, content: bytes) -> bytes:
        return len(content).to_bytes(4, "big") + kind + content + zlib.crc32(kind + content).to_bytes(4, "big")

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 8, 8, 16, colour, 0, 0, 0))
    rows = zlib.compress(b"".join(b"\0" + row.tobytes() for row in pixels))
    path = folder / "train" / "cat" / "wide.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", rows) + chunk(b"IEND", b""))

    assert load_dataset(folder).warnings[0].startswith("1 of 11 images is of 16 bits, the values in less than a")


@pytest.mark.parametrize("part", ["train", "test"])
def test_a_class_whose_images_hold_0_and_1_is_named(folder, part):
    rng = np.random.default_rng(0)
    for path in (folder / part / "dog").iterdir():
        save(path, rng.integers(0, 2, (8, 8, 3), np.uint8))

    (warning,) = load_dataset(folder).warnings

    assert warning.startswith(f"the {part} images of dog fill only 0..1 of 0..255: if they hold 0..1, or 12 bits in 16")


def test_images_that_all_hold_a_part_of_the_range_are_said_to():
    rng = np.random.default_rng(0)
    part = rng.integers(0, 17, (10, 8, 8, 3), np.uint8), np.arange(10) % 2
    rest = rng.integers(0, 17, (10, 8, 8, 3), np.uint8), np.arange(10) % 2

    warnings = Dataset.from_arrays("scans", ["a", "b"], part, rest).warnings

    assert [warning.partition(":")[0] for warning in warnings] == [
        f"the {part} images of every class fill only 0..16 of 0..255" for part in ("train", "test")
    ]


def test_low_contrast_is_no_mistake_of_scale():
    grey = np.random.default_rng(0).integers(100, 130, (20, 8, 8, 3), np.uint8)
    labels = np.arange(10) % 2

    assert Dataset.from_arrays("fog", ["a", "b"], (grey[:10], labels), (grey[10:], labels)).warnings == ()


def test_few_bits_and_palettes_become_the_whole_range(folder):
    black_or_white = Image.fromarray(np.random.default_rng(0).integers(0, 2, (8, 8), np.uint8) * 255)
    palette = black_or_white.convert("P", palette=Image.Palette.ADAPTIVE, colors=4)
    black_or_white.convert("1").save(folder / "train" / "cat" / "!1.png")
    palette.save(folder / "train" / "cat" / "!2.png", bits=2)

    dataset = load_dataset(folder)

    for image in dataset.train_images[:2]:
        np.testing.assert_array_equal(image[..., 0], np.asarray(black_or_white))
    assert all("fill" not in warning for warning in dataset.warnings)


# A camera's mark


def photo(path, orientation, size=(8, 8)):
    """Save a JPEG whose upper left is white and the rest black, to be shown as `orientation` says."""
    pixels = np.zeros((size[1], size[0], 3), np.uint8)
    pixels[: size[1] // 2, : size[0] // 2] = 255
    exif = Image.Exif()
    exif[0x0112] = orientation
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, exif=exif, quality=100)


@pytest.mark.parametrize(("orientation", "corner"), [(3, (-1, -1)), (6, (0, -1)), (8, (-1, 0)), (2, (0, -1))])
@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tiff"])
def test_a_photo_is_turned_upright_and_counted(folder, orientation, corner, suffix):
    photo(folder / "train" / "cat" / f"!photo.{suffix}", orientation)
    photo(folder / "train" / "cat" / f"!plain.{suffix}", 1)

    dataset = load_dataset(folder)

    assert dataset.train_images[0][corner].min() > 200
    assert dataset.train_images[1][0, 0].min() > 200
    assert dataset.warnings == (
        "1 of 12 images is turned upright, as the mark (EXIF) of the camera says "
        f"(the first: train/cat/!photo.{suffix})",
    )


@pytest.mark.parametrize("mark", [b"Exif\0\0no directory of tags", b"Exif\0\0", 9, 0])
def test_a_broken_mark_of_a_camera_turns_nothing(folder, mark):
    photo(folder / "train" / "cat" / "!photo.jpg", mark) if isinstance(mark, int) else Image.new("RGB", (8, 8)).save(
        folder / "train" / "cat" / "!photo.jpg", exif=mark
    )

    dataset = load_dataset(folder)

    assert len(dataset.train_images) == 7
    assert not any("upright" in warning for warning in dataset.warnings)


def test_photos_that_stand_and_lie_have_one_size_when_upright(tmp_path):
    for part in ("train", "test"):
        for name in ("a", "b"):
            photo(tmp_path / "photos" / part / name / "0.jpg", 1, (12, 8))
            photo(tmp_path / "photos" / part / name / "1.jpg", 8, (8, 12))

    assert load_dataset(tmp_path / "photos").input_shape == (8, 12, 3)
    photo(tmp_path / "photos" / "train" / "a" / "2.jpg", 8, (12, 8))
    assert "photos/train/a/2.jpg is 8x12 but" in refusal(tmp_path / "photos")


def test_files_of_several_pictures_are_counted_and_named(folder):
    frames = [Image.fromarray(np.full((8, 8), value, np.uint8)) for value in (10, 200)]
    frames[0].save(folder / "train" / "cat" / "film.gif", save_all=True, append_images=frames[1:])
    frames[0].save(folder / "train" / "cat" / "pages.tiff", save_all=True, append_images=frames[1:])

    assert load_dataset(folder).warnings[0] == (
        "2 of 12 images are of a file with several pictures (an animation, pages), of which the first counts "
        "(the first: train/cat/film.gif)"
    )


# Names of datasets


@pytest.mark.parametrize(
    ("given", "near"),
    [
        ("pest", "pets"),
        ("Pets_", "pets"),
        ("pets/e/smal", "pets/e/small"),
        ("pet/e/small", "pets/e/small"),
    ],
)
def test_a_folder_that_is_not_there_is_refused_with_the_nearest_one(folder, monkeypatch, given, near):
    monkeypatch.chdir(folder.parent)
    (folder / "e" / "small").mkdir(parents=True)

    assert f"there is no folder {given}; did you mean {near}? allowed is digits, cifar10" in refusal(given)


@pytest.mark.parametrize("name", ["digits", "cifar10"])
def test_an_image_size_for_a_dataset_that_has_its_own_is_refused(name):
    assert f"--image-size is 64: {name} has a size of its own; it is for a folder of images" in refusal(
        name, image_size=64
    )


def test_cifar10_as_pickles_is_refused_without_a_circle(tmp_path):
    (tmp_path / "cifar-10-batches-py").mkdir()
    (tmp_path / "cifar-10-batches-py" / "data_batch_1").write_bytes(b"")

    said = refusal(tmp_path / "cifar-10-batches-py")

    assert "a pickle can run code: save the archive they came from (cifar-10-python.tar.gz) as" in said
    assert "datasets/cifar-10-batches-py-target_archive and use --dataset cifar10" in said
    assert "--dataset module:function" in said


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root reads everything")
def test_a_folder_that_cannot_be_read_is_refused(folder):
    (folder / "train").chmod(0)
    try:
        assert "cannot read" in refusal(folder)
    finally:
        (folder / "train").chmod(0o755)
