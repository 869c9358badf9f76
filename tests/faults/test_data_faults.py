"""Faulty data: what is refused before any work, with which words, and what is only warned of."""

import json
import os
import stat
import subprocess
import sys
import warnings
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from drawn_images import draw, draw_folder
from PIL import Image

from harness.datasets import DatasetRef, Origin, load_dataset
from harness.datasets.cache import Filled, open_or_make, save_arrays
from harness.datasets.cifar10 import channels_last
from harness.errors import HarnessError, InputError

pytestmark = pytest.mark.usefixtures("cache")


def refusal(given, **options) -> str:
    with pytest.raises(InputError) as caught:
        load_dataset(given, **options)
    assert caught.value.exit_code == 4
    return str(caught.value)


def load_cifar10_in_a_new_process(keras_home: Path, cache: Path) -> str:
    """Load cifar10 where nothing answers, and return what is said."""
    code = (
        "from harness.datasets import load_dataset\n"
        "from harness.errors import InputError\n"
        "try: load_dataset('cifar10')\n"
        "except InputError as error: print('REFUSED', error)\n"
    )
    nowhere = "http://127.0.0.1:9"
    answer = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={
            **os.environ,
            "KERAS_HOME": str(keras_home),
            "HARNESS_CACHE": str(cache),
            "https_proxy": nowhere,
            "HTTPS_PROXY": nowhere,
            "no_proxy": "",
            "TF_CPP_MIN_LOG_LEVEL": "3",
        },
    )
    assert answer.stdout.startswith("REFUSED "), answer
    return answer.stdout


# 14


def test_14_without_a_network_cifar10_tells_the_offline_ways_and_leaves_nothing(tmp_path, cache):
    keras_home = tmp_path / "keras"
    keras_home.mkdir()

    said = load_cifar10_in_a_new_process(keras_home, cache)

    assert "cannot download CIFAR-10 from https://www.cs.toronto.edu/" in said
    assert f"save it as {keras_home}/datasets/cifar-10-batches-py-target_archive" in said
    assert "--dataset DIR" in said
    assert list((keras_home / "datasets").rglob("*")) == []
    assert [path for path in cache.rglob("*") if path.is_file() and path.suffix != ".lock"] == []


def test_14_keras_images_come_out_channels_last_under_either_configuration():
    images = np.arange(2 * 32 * 32 * 3, dtype=np.uint8).reshape(2, 32, 32, 3)

    np.testing.assert_array_equal(channels_last(images), images)
    np.testing.assert_array_equal(channels_last(images.transpose(0, 3, 1, 2)), images)


# 15


def test_15_a_damaged_cifar10_archive_is_a_checksum_error_and_is_kept(tmp_path, cache):
    archive = tmp_path / "keras" / "datasets" / "cifar-10-batches-py-target_archive"
    archive.parent.mkdir(parents=True)
    archive.write_bytes(b"half an archive")

    said = load_cifar10_in_a_new_process(tmp_path / "keras", cache)

    assert f"checksum error: {archive} is damaged or incomplete" in said
    assert "delete it" in said
    assert archive.read_bytes() == b"half an archive"


@pytest.mark.parametrize("victim", ["train_images.npy", "train_labels.npy", "test_images.npy", "test_labels.npy"])
def test_15_a_flipped_byte_in_the_cache_is_a_checksum_error_and_the_cache_is_made_anew(folder, victim):
    whole = load_dataset(folder)
    damaged = whole.origin.directory / victim
    content = bytearray(damaged.read_bytes())
    content[-1] ^= 1
    damaged.write_bytes(content)

    repaired = load_dataset(folder)

    assert repaired.fingerprint == whole.fingerprint
    assert len(repaired.warnings) == 1
    assert "checksum error" in repaired.warnings[0]
    assert str(whole.origin.directory) in repaired.warnings[0]
    assert load_dataset(folder).warnings == ()


@pytest.mark.parametrize("content", [b"", b"not a .npy file", b"\x93NUMPY\x01\x00"])
def test_15_a_truncated_cache_file_is_made_anew(folder, content):
    whole = load_dataset(folder)
    (whole.origin.directory / "test_images.npy").write_bytes(content)

    repaired = load_dataset(folder)

    assert repaired.fingerprint == whole.fingerprint
    assert "checksum error" in repaired.warnings[0]


def test_15_a_cache_without_its_description_is_made_anew(folder):
    whole = load_dataset(folder)
    (whole.origin.directory / "meta.json").write_text(json.dumps({"classes": 3}))

    assert load_dataset(folder).fingerprint == whole.fingerprint


def test_15_a_worker_whose_cache_file_is_damaged_reads_the_images_again(folder):
    whole = load_dataset(folder)
    (whole.origin.directory / "test_images.npy").write_bytes(b"")

    assert DatasetRef.of(whole).open().fingerprint == whole.fingerprint


# 13, for this cache


def test_13_what_a_killed_load_left_in_the_cache_is_removed_by_the_next(tmp_path):
    entry = tmp_path / "cache" / "datasets" / "source" / "state"
    code = (
        "import os, sys; from pathlib import Path; from harness.datasets import Origin\n"
        "from harness.datasets.cache import open_or_make\n"
        "open_or_make(Path(sys.argv[1]), lambda directory: os.kill(os.getpid(), 9), 'made', Origin())\n"
    )
    killed = subprocess.run([sys.executable, "-c", code, str(entry)], check=False)
    left = list(entry.parent.iterdir())
    images, labels = np.zeros((2, 4, 4, 3), np.uint8), np.array([0, 1])

    def fill(directory: Path) -> Filled:
        save_arrays(directory, (images, labels, images, labels))
        return Filled(("a", "b"))

    made = open_or_make(entry, fill, "made", Origin())

    assert killed.returncode == -9
    assert len(left) == 1
    assert left != [entry]
    assert list(entry.parent.iterdir()) == [entry]
    assert made.classes == ("a", "b")


def test_13_of_two_processes_that_load_one_folder_one_decodes_it(folder, tmp_path):
    code = (
        "import sys; from harness.datasets import folder, load_dataset\n"
        "decode = folder.decode\n"
        "def counted(path, **options): print('decoded'); return decode(path, **options)\n"
        "folder.decode = counted\n"
        "load_dataset(sys.argv[1])\n"
    )
    both = [
        subprocess.Popen([sys.executable, "-c", code, str(folder)], stdout=subprocess.PIPE, text=True) for _ in range(2)
    ]

    said = [process.communicate()[0] for process in both]

    # The first image is looked at once more than the others, for its size.
    assert sorted(one.count("decoded") for one in said) == [0, 11]


def test_13_an_interrupted_load_leaves_no_entry(folder, cache):
    (folder / "test" / "dog" / "1.png").write_bytes(b"no image")
    refusal(folder)

    assert [path for path in cache.rglob("*") if path.is_file() and path.suffix != ".lock"] == []


# 11, for this cache


def test_11_a_cache_that_cannot_be_written_is_a_warning_and_workers_still_open_the_data(folder, tmp_path):
    (tmp_path / "a_file").write_text("in the way")

    dataset = load_dataset(folder, cache=tmp_path / "a_file")

    assert len(dataset.warnings) == 1
    assert "cannot be written" in dataset.warnings[0]
    assert "HARNESS_CACHE" in dataset.warnings[0]
    assert DatasetRef.of(dataset).open().fingerprint == dataset.fingerprint
    assert DatasetRef.of(dataset).origin.directory.exists()


def test_8_no_room_in_cache_and_temporary_folder_is_a_clear_failure(folder, tmp_path):
    (tmp_path / "a_file").write_text("in the way")
    code = (
        "import sys, tempfile; from harness.datasets import load_dataset; from harness.errors import HarnessError\n"
        "tempfile.tempdir = sys.argv[2]\n"
        "try: load_dataset(sys.argv[1], cache=sys.argv[2])\n"
        "except HarnessError as error: print(error.exit_code, error)\n"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code, str(folder), str(tmp_path / "a_file")], capture_output=True, text=True, check=True
    )

    assert answer.stdout.startswith("1 no room for the decoded images: neither")


# 16


@pytest.mark.parametrize("content", [b"", b"text", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0"])
def test_16_an_unreadable_image_is_refused_by_its_name(folder, content):
    (folder / "train" / "dog" / "1.png").write_bytes(content)

    assert f"cannot read image {folder}/train/dog/1.png" in refusal(folder)
    assert "by --skip-unreadable" in refusal(folder)


def test_16_a_truncated_image_is_refused_by_its_name(folder):
    path = folder / "test" / "cat" / "0.png"
    path.write_bytes(path.read_bytes()[:-60])

    assert f"cannot read image {path}" in refusal(folder)


def test_16_a_text_file_among_the_images_is_refused_by_its_name(folder):
    (folder / "train" / "cat" / "labels.txt").write_text("cat")

    assert "train/cat/labels.txt: not an image" in refusal(folder)


def test_16_a_dangling_link_is_refused_by_its_name(folder):
    (folder / "train" / "cat" / "gone.png").symlink_to(folder / "nowhere.png")

    assert "train/cat/gone.png: [Errno 2]" in refusal(folder)


def test_16_unreadable_images_are_skipped_with_a_count_only_when_asked(folder):
    (folder / "train" / "cat" / "0.png").write_bytes(b"no image")
    (folder / "train" / "dog" / "2.png").write_bytes(b"")

    dataset = load_dataset(folder, skip_unreadable=True)

    assert dataset.train_labels.tolist() == [0, 0, 1, 1]
    np.testing.assert_array_equal(dataset.train_images[0], np.asarray(Image.open(folder / "train/cat/1.png")))
    assert dataset.warnings == load_dataset(folder, skip_unreadable=True).warnings
    assert dataset.warnings[0].startswith("2 of 10 images were skipped as unreadable, the first: ")
    assert f"{folder}/train/cat/0.png" in dataset.warnings[0]
    assert DatasetRef.of(dataset).open().fingerprint == dataset.fingerprint


def test_16_a_class_whose_every_image_was_skipped_is_refused(folder):
    for number in range(2):
        (folder / "test" / "dog" / f"{number}.png").write_bytes(b"no image")

    assert "no image in test/dog" in refusal(folder, skip_unreadable=True)


def test_16_a_pipe_among_the_images_is_refused_and_does_not_block(folder):
    os.mkfifo(folder / "train" / "cat" / "pipe.png")

    assert "pipe.png is no regular file" in refusal(folder)


def test_16_a_folder_among_the_images_is_refused(folder):
    (folder / "train" / "cat" / "more").mkdir()

    assert "train/cat/more is a folder; allowed in a class folder are image files" in refusal(folder)


def test_16_an_image_outside_a_class_folder_is_refused(folder):
    draw(folder / "train" / "stray.png", 99)

    assert "train/stray.png lies outside a class folder" in refusal(folder)


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root reads everything")
def test_16_an_image_without_read_permission_is_refused(folder):
    (folder / "train" / "cat" / "0.png").chmod(stat.S_IWUSR)

    assert "train/cat/0.png" in refusal(folder)


# 17


def test_17_an_empty_class_is_refused(folder):
    for path in (folder / "test" / "dog").iterdir():
        path.unlink()

    assert "has no image in test/dog" in refusal(folder)


def test_17_a_single_class_is_refused(tmp_path):
    assert 'a single class, "cat"' in refusal(draw_folder(tmp_path / "one", classes=("cat",)))


@pytest.mark.parametrize(("there", "missing"), [("train", "test"), ("test", "train")])
def test_17_train_without_test_and_the_reverse_are_refused(folder, there, missing):
    (folder / missing).rename(folder / "other")

    said = refusal(folder)

    assert f"{there}/ (2 classes) but no {missing}/" in said
    assert "expected is a folder with train/CLASS/*.png and test/CLASS/*.png" in said


def test_17_class_folders_without_train_and_test_are_refused_with_what_was_found(tmp_path):
    draw(tmp_path / "flat" / "cat" / "0.png", 1)
    draw(tmp_path / "flat" / "dog" / "0.png", 2)

    assert "neither train/ nor test/ (found: cat, dog)" in refusal(tmp_path / "flat")


def test_17_an_empty_folder_and_one_without_images_are_refused(tmp_path):
    for part in ("train", "test"):
        for name in ("cat", "dog"):
            (tmp_path / "blank" / part / name).mkdir(parents=True)
    (tmp_path / "empty").mkdir()
    (tmp_path / "bare" / "train").mkdir(parents=True)
    (tmp_path / "bare" / "test").mkdir()

    assert "has no images in its 2 classes" in refusal(tmp_path / "blank")
    assert "found: nothing" in refusal(tmp_path / "empty")
    assert "has no class folders" in refusal(tmp_path / "bare")


# 18


def test_18_classes_that_differ_between_train_and_test_are_refused_and_listed(folder):
    draw(folder / "train" / "ant" / "0.png", 98)
    draw(folder / "test" / "bee" / "0.png", 99)

    said = refusal(folder)

    assert "only in train: ant" in said
    assert "only in test: bee" in said


def test_18_a_long_list_of_differing_classes_is_cut(folder):
    for number in range(20):
        draw(folder / "train" / f"extra{number:02}" / "0.png", 100 + number)

    assert "extra04 and 15 more" in refusal(folder)


# 19


def test_19_the_same_image_in_train_and_test_is_a_warning_with_the_count(folder):
    for number in range(2):
        copy = (folder / "train" / "cat" / f"{number}.png").read_bytes()
        (folder / "test" / "cat" / f"copy{number}.png").write_bytes(copy)
    Image.open(folder / "train" / "dog" / "0.png").save(folder / "test" / "dog" / "copy.bmp")

    dataset = load_dataset(folder)

    assert dataset.warnings == (
        "3 of the 7 test images are also in train: accuracy on them is no sign of learning "
        "(the first: test/cat/copy0.png, train/cat/0.png)",
    )
    assert load_dataset(folder).warnings == dataset.warnings
    assert DatasetRef.of(dataset).open().warnings == dataset.warnings


def test_19_an_image_twice_in_train_or_in_test_is_a_warning_with_the_count(folder):
    for part in ("train", "test"):
        (folder / part / "cat" / "a{0}.png").write_bytes((folder / part / "cat" / "0.png").read_bytes())

    assert load_dataset(folder).warnings == (
        "1 of the 7 train images is a copy of another: where one falls into validation, validation flatters "
        "(the first: train/cat/a{0}.png, train/cat/0.png)",
        "1 of the 5 test images is a copy of another: what is there twice weighs twice "
        "(the first: test/cat/a{0}.png, test/cat/0.png)",
    )


@pytest.mark.parametrize("part", ["train", "test"])
def test_19_an_image_under_two_classes_is_named(folder, part):
    (folder / part / "dog" / "again.png").write_bytes((folder / "train" / "cat" / "0.png").read_bytes())

    assert (
        f"1 image is under two classes: one of the labels is wrong (the first: {part}/dog/again.png, train/cat/0.png)"
    ) in load_dataset(folder).warnings


# 20


def saved_pixel(folder: Path, image: Image.Image, suffix: str = "png") -> list[int]:
    """Put an image of one colour first in train and return the RGB value that it is loaded with."""
    image.save(folder / "train" / "cat" / f"!first.{suffix}")
    loaded = load_dataset(folder).train_images[0]
    assert (loaded == loaded[0, 0]).all()
    return loaded[0, 0].tolist()


def test_20_grey_and_black_and_white_images_become_rgb(folder):
    assert saved_pixel(folder, Image.new("L", (8, 8), 77)) == [77, 77, 77]
    assert saved_pixel(folder, Image.new("1", (8, 8), 1)) == [255, 255, 255]


def test_20_transparent_images_are_laid_on_white(folder):
    assert saved_pixel(folder, Image.new("RGBA", (8, 8), (10, 20, 30, 255))) == [10, 20, 30]
    assert saved_pixel(folder, Image.new("RGBA", (8, 8), (10, 20, 30, 0))) == [255, 255, 255]
    assert saved_pixel(folder, Image.new("LA", (8, 8), (0, 51))) == [204, 204, 204]


def test_20_palette_images_become_rgb_and_their_transparent_colour_white(folder):
    palette = Image.new("P", (8, 8), 1)
    palette.putpalette([0, 0, 0, 200, 100, 50])
    assert saved_pixel(folder, palette) == [200, 100, 50]

    palette.info["transparency"] = 1
    assert saved_pixel(folder, palette) == [255, 255, 255]


@pytest.mark.parametrize(("wide", "narrow"), [(0, 0), (257, 1), (32896, 128), (65535, 255)])
def test_20_16_bit_grey_is_scaled_to_8_bits(folder, wide, narrow):
    assert saved_pixel(folder, Image.fromarray(np.full((8, 8), wide, np.uint16))) == [narrow] * 3


def test_20_cmyk_becomes_rgb(folder):
    assert saved_pixel(folder, Image.new("CMYK", (8, 8), (0, 0, 0, 0)), "tiff") == [255, 255, 255]


def test_20_floating_point_and_32_bit_images_are_refused_by_name(folder):
    path = folder / "train" / "cat" / "odd.tiff"
    Image.new("F", (8, 8), 0.5).save(path)
    assert f"cannot read image {path}: its pixels are floating-point numbers" in refusal(folder)

    Image.new("I", (8, 8), 100_000).save(path)
    assert f"cannot read image {path}: its grey values run 100000..100000" in refusal(folder)


def test_20_mixed_sizes_are_refused_with_two_files_and_the_way_out(folder):
    draw(folder / "test" / "dog" / "1.png", 99, size=(9, 8))

    said = refusal(folder)

    assert f"{folder}/test/dog/1.png is 9x8" in said
    assert f"{folder}/train/cat/0.png is 8x8" in said
    assert "load_dataset(folder, image_size=8)" in said


def test_20_photos_are_refused_unless_a_size_is_given(tmp_path):
    for number, name in enumerate(["train/a/0.jpg", "train/b/0.jpg", "test/a/0.jpg", "test/b/0.jpg"]):
        draw(tmp_path / "photos" / name, number, size=(300, 200))

    assert "is 300x200; allowed without a resize is at most 256x256" in refusal(tmp_path / "photos")
    assert load_dataset(tmp_path / "photos", image_size=32).input_shape == (32, 32, 3)


# 21


def test_21_data_changed_between_two_runs_has_another_fingerprint(folder):
    before = load_dataset(folder)
    draw(folder / "train" / "cat" / "0.png", 99)

    assert load_dataset(folder).fingerprint != before.fingerprint


def test_21_a_change_that_keeps_size_and_modification_time_is_seen(folder):
    path = folder / "train" / "cat" / "0.bmp"
    draw(path, 98)
    before, facts = load_dataset(folder), path.stat()
    draw(path, 99)
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    assert path.stat().st_size == facts.st_size

    assert load_dataset(folder).fingerprint != before.fingerprint


@pytest.mark.parametrize("change", ["add", "remove", "move"])
def test_21_an_image_added_removed_or_moved_to_another_class_is_seen(folder, change):
    before = load_dataset(folder).fingerprint
    if change == "add":
        draw(folder / "train" / "cat" / "new.png", 99)
    elif change == "remove":
        (folder / "train" / "cat" / "0.png").unlink()
    else:
        (folder / "train" / "cat" / "0.png").rename(folder / "train" / "dog" / "9.png")

    assert load_dataset(folder).fingerprint != before


def test_21_a_worker_refuses_data_that_changed_since_the_run_began(folder):
    reference = DatasetRef.of(load_dataset(folder))
    draw(folder / "train" / "cat" / "0.png", 99)
    load_dataset(folder)

    with pytest.raises(HarnessError, match="changed while it was in use"):
        reference.open()


# 28, for datasets


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("digit", 'unknown dataset "digit"; allowed is digits, cifar10 or a folder'),
        ("digit", 'did you mean "digits"?'),
        ("CIFAR-10", 'did you mean "cifar10"?'),
        ("./no/such/folder", "there is no folder ./no/such/folder; allowed is digits"),
        ("", "unknown dataset"),
        ("a\0b", "unknown dataset"),
        ("x" * 5000, "unknown dataset"),
        ("~nobody-has-this-name/x", "there is no folder ~nobody-has-this-name/x"),
    ],
)
def test_28_an_unknown_dataset_is_refused_with_the_nearest_name(given, said):
    message = refusal(given)

    assert said in message
    assert len(message) < 500
    assert message.isprintable()


# 35, for names in a dataset folder


@pytest.mark.parametrize("name", ["<script>", "new\nline", "=1+1", "émoji 🐈", "'; DROP TABLE x; --", "n" * 200])
def test_35_hostile_class_names_are_kept_as_they_are(tmp_path, name):
    folder = draw_folder(tmp_path / "odd", classes=("cat", name))

    dataset = load_dataset(folder)

    assert set(dataset.classes) == {"cat", name}
    assert load_dataset(folder).classes == dataset.classes


def test_35_a_name_that_is_no_text_is_refused(folder):
    (folder / "train" / os.fsdecode(b"caf\xe9")).mkdir()

    said = refusal(folder)

    assert "is not valid UTF-8; rename it" in said
    assert said.isprintable()


def test_35_a_hostile_file_name_in_a_message_is_escaped(folder):
    (folder / "train" / "cat" / "a\x1b[31m\n.png").write_bytes(b"no image")

    assert refusal(folder).isprintable()


# 37


@pytest.mark.parametrize("name", ["pets.zip", "pets.tar.gz", "pets"])
def test_37_an_archive_is_refused_and_never_unpacked(tmp_path, name):
    with zipfile.ZipFile(tmp_path / name, "w") as archive:
        archive.writestr("../escaped/train/cat/0.png", b"")

    assert "is an archive; unpack it first" in refusal(tmp_path / name)
    assert not (tmp_path.parent / "escaped").exists()


def test_37_another_file_is_refused_too(tmp_path):
    (tmp_path / "images.csv").write_text("a,b")

    assert "is a file; give the folder" in refusal(tmp_path / "images.csv")


# 38


def png_of_zeros(path: Path, width: int, height: int) -> None:
    """Write a grey PNG of any size, which takes no more memory than a row."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        check = zlib.crc32(kind + content)
        return len(content).to_bytes(4, "big") + kind + content + check.to_bytes(4, "big")

    header = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([8, 0, 0, 0, 0])
    packer = zlib.compressobj(9)
    rows = b"".join(packer.compress(bytes(width + 1)) for _ in range(height)) + packer.flush()
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b""))


@pytest.mark.parametrize(("width", "height"), [(50_001, 1000), (10_000, 10_000), (60_000, 60_000)])
@pytest.mark.parametrize("options", [{}, {"image_size": 32}, {"image_size": 32, "skip_unreadable": True}])
def test_38_an_image_above_50_megapixels_is_refused_before_it_is_decoded(folder, width, height, options):
    # The last one does not even have its pixels: only its header may be looked at.
    png_of_zeros(folder / "train" / "cat" / "bomb.png", width, height if height < 60_000 else 0)
    if height == 60_000:
        content = bytearray((folder / "train" / "cat" / "bomb.png").read_bytes())
        content[20:24] = height.to_bytes(4, "big")
        content[29:33] = zlib.crc32(content[12:29]).to_bytes(4, "big")
        (folder / "train" / "cat" / "bomb.png").write_bytes(content)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        said = refusal(folder, **options)

    assert f"image {folder}/train/cat/bomb.png is" in said
    assert "allowed is at most 50 megapixels" in said


def test_38_an_image_of_exactly_50_megapixels_is_loaded_when_a_size_is_given(folder):
    png_of_zeros(folder / "train" / "cat" / "large.png", 50_000, 1000)

    assert load_dataset(folder, image_size=8).train_images[3].max() == 0
