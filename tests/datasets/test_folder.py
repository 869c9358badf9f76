"""A folder of images as a dataset, and its cache."""

import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from drawn_images import draw, draw_folder
from PIL import Image

from harness.datasets import Dataset, DatasetRef, load_dataset
from harness.errors import HarnessError, InputError


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def folder(tmp_path):
    return draw_folder(tmp_path / "pets")


def entries(cache: Path) -> list[Path]:
    return list((cache / "datasets").glob("*/*"))


def test_a_folder_becomes_images_labels_and_classes_in_sorted_order(tmp_path):
    folder = draw_folder(tmp_path / "pets", classes=("dog", "Ant", "cat"))

    dataset = load_dataset(folder)

    assert dataset.classes == ("Ant", "cat", "dog")
    assert dataset.name == "pets"
    assert dataset.origin.source == str(folder)
    assert dataset.train_labels.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert dataset.test_labels.tolist() == [0, 0, 1, 1, 2, 2]
    assert dataset.input_shape == (8, 8, 3)
    assert dataset.warnings == ()
    for number in range(3):
        pixels = np.asarray(Image.open(folder / "train" / "cat" / f"{number}.png"))
        np.testing.assert_array_equal(dataset.train_images[3 + number], pixels)


@pytest.mark.parametrize("suffix", ["jpg", "png", "bmp", "gif", "webp", "tiff", "ppm"])
def test_every_usual_image_format_is_read(folder, suffix):
    path = draw(folder / "train" / "cat" / f"zz.{suffix}", 99)

    dataset = load_dataset(folder)

    np.testing.assert_array_equal(dataset.train_images[3], np.asarray(Image.open(path).convert("RGB")))


def test_a_second_load_maps_the_cache_and_gives_the_same(folder, cache):
    first, again = load_dataset(folder), load_dataset(folder)

    assert again.fingerprint == first.fingerprint
    assert again.origin.directory == first.origin.directory == entries(cache)[0]
    np.testing.assert_array_equal(again.test_images, first.test_images)
    assert not again.train_images.flags.writeable


def test_a_relative_path_and_a_link_to_the_folder_are_the_same_dataset(folder, tmp_path, monkeypatch, cache):
    (tmp_path / "link").symlink_to(folder)
    monkeypatch.chdir(tmp_path)

    paths = {load_dataset(given).origin.directory for given in (folder, "pets", "./pets/", "link")}

    assert len(paths) == 1
    assert len(entries(cache)) == 1


def test_the_entry_of_an_older_state_is_removed(folder, cache):
    load_dataset(folder)
    draw(folder / "train" / "cat" / "new.png", 99)
    load_dataset(folder)

    assert len(entries(cache)) == 1


def test_hidden_and_litter_files_are_not_images(folder):
    before = load_dataset(folder).fingerprint
    for name in (".DS_Store", "Thumbs.db", "desktop.ini", ".hidden.png"):
        (folder / "train" / "cat" / name).write_bytes(b"litter")
    (folder / "train" / ".ipynb_checkpoints").mkdir()
    (folder / "train" / "labels.txt").write_text("cat dog")
    (folder / "README.md").write_text("pets")

    assert load_dataset(folder).fingerprint == before


def test_links_to_images_elsewhere_are_followed(folder, tmp_path):
    target = draw(tmp_path / "store" / "far.png", 99)
    (folder / "train" / "cat" / "zz.png").symlink_to(target)

    np.testing.assert_array_equal(load_dataset(folder).train_images[3], np.asarray(Image.open(target)))


def test_image_size_resizes_all_images_to_a_square(folder):
    draw(folder / "train" / "cat" / "wide.png", 99, size=(40, 20))

    dataset = load_dataset(folder, image_size=16)

    assert dataset.train_images.shape == (7, 16, 16, 3)
    assert DatasetRef.of(dataset).open().fingerprint == dataset.fingerprint


def test_images_need_not_be_square(tmp_path):
    for number, name in enumerate(["train/a/0.png", "train/b/0.png", "test/a/0.png", "test/b/0.png"]):
        draw(tmp_path / "wide" / name, number, size=(12, 6))

    assert load_dataset(tmp_path / "wide").input_shape == (6, 12, 3)


@pytest.mark.parametrize("image_size", [0, -1, 1025])
def test_an_image_size_out_of_range_is_refused(folder, image_size):
    with pytest.raises(InputError, match=r"allowed is 1 to 1024"):
        load_dataset(folder, image_size=image_size)


def test_large_images_are_decoded_by_threads_in_their_order(tmp_path):
    rng = np.random.default_rng(0)
    for part, count in (("train", 220), ("test", 3)):
        for name in ("a", "b"):
            (tmp_path / "big" / part / name).mkdir(parents=True)
            for number in range(count):
                pixels = rng.integers(0, 256, (64, 64, 3), np.uint8)
                pixels[0, 0] = number % 256
                Image.fromarray(pixels).save(tmp_path / "big" / part / name / f"{number:03}.png", compress_level=0)

    dataset = load_dataset(tmp_path / "big")

    assert dataset.train_images[:, 0, 0, 0].tolist() == [*range(220), *range(220)]


def test_another_process_opens_the_reference(folder):
    dataset = load_dataset(folder)
    reference = pickle.dumps(DatasetRef.of(dataset))
    code = "import pickle, sys; print(pickle.load(sys.stdin.buffer).open().fingerprint, 'PIL' in sys.modules)"

    answer = subprocess.run([sys.executable, "-c", code], input=reference, capture_output=True, check=True)

    assert len(reference) < 2000
    assert answer.stdout.decode().split() == [dataset.fingerprint, "False"]


def test_a_reference_opens_again_from_the_images_where_the_cache_was_cleared(folder, cache):
    dataset = load_dataset(folder)
    for file in dataset.origin.directory.iterdir():
        file.unlink()
    dataset.origin.directory.rmdir()

    assert DatasetRef.of(dataset).open().fingerprint == dataset.fingerprint


def test_arrays_made_in_memory_reach_another_process_through_a_temporary_folder(folder):
    loaded = load_dataset(folder)
    made = Dataset.from_arrays(
        "made", ["a", "b"], (loaded.train_images, loaded.train_labels), (loaded.test_images, loaded.test_labels)
    )

    reference = pickle.loads(pickle.dumps(DatasetRef.of(made)))

    assert reference.open().fingerprint == made.fingerprint != loaded.fingerprint


def test_a_temporary_folder_goes_when_its_process_ends(tmp_path):
    code = (
        "import numpy as np; from harness.datasets import Dataset, DatasetRef;"
        "part = (np.zeros((2, 4, 4, 3), np.uint8), np.array([0, 1]));"
        "print(DatasetRef.of(Dataset.from_arrays('made', ['a', 'b'], part, part)).origin.directory)"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=True, env={**os.environ, "TMPDIR": str(tmp_path)}
    )

    directory = Path(answer.stdout.decode().strip())
    assert directory.parent == tmp_path
    assert not directory.exists()


def test_a_killed_process_leaves_a_temporary_folder_that_the_next_removes_and_a_living_one_keeps_its_own(tmp_path):
    code = (
        "import os, sys; import numpy as np; from harness.datasets import Dataset, DatasetRef;"
        "part = (np.zeros((2, 4, 4, 3), np.uint8), np.array([0, 1]));"
        "print(DatasetRef.of(Dataset.from_arrays('made', ['a', 'b'], part, part)).origin.directory, flush=True);"
        "sys.stdin.read(1) or os.kill(os.getpid(), 9)"
    )
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    command = [sys.executable, "-c", code]
    killed = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, env=environment, check=False)
    left = Path(killed.stdout.decode().strip())
    assert left.is_dir()

    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, text=True) as living:
        own = Path(living.stdout.readline().strip())
        assert not left.exists()
        subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, env=environment, check=False)
        assert (own / "meta.json").is_file()
        living.communicate("x")
    assert not own.exists()


def test_an_open_reference_to_vanished_arrays_is_a_clear_failure(folder):
    part = (np.zeros((2, 4, 4, 3), np.uint8), np.array([0, 1]))
    reference = DatasetRef.of(Dataset.from_arrays("made", ["a", "b"], part, part))
    for file in reference.origin.directory.iterdir():
        file.unlink()

    with pytest.raises(HarnessError, match="gone or damaged"):
        reference.open()


@pytest.mark.parametrize(
    ("images", "labels", "reason"),
    [
        (np.zeros((2, 4, 4, 3), np.float32), [0, 1], r"allowed is uint8 \[N, H, W, C\]"),
        (np.zeros((2, 4, 4), np.uint8), [0, 1], r"allowed is uint8 \[N, H, W, C\]"),
        (np.zeros((2, 4, 4, 3), np.uint8), [0, 1, 1], "one whole number per image"),
        (np.zeros((2, 4, 4, 3), np.uint8), [0, 2], r"allowed is 0\.\.1"),
    ],
)
def test_arrays_of_a_wrong_shape_or_type_are_refused(images, labels, reason):
    good = (np.zeros((2, 4, 4, 3), np.uint8), np.array([0, 1]))

    with pytest.raises(InputError, match=reason):
        Dataset.from_arrays("made", ["a", "b"], (images, np.array(labels)), good)


def test_the_fingerprint_depends_on_images_labels_classes_and_split():
    rng = np.random.default_rng(0)
    a = (rng.integers(0, 256, (4, 4, 4, 3), np.uint8), np.array([0, 1, 0, 1]))
    b = (rng.integers(0, 256, (4, 4, 4, 3), np.uint8), np.array([0, 1, 0, 1]))
    relabelled = (a[0], np.array([1, 1, 0, 1]))

    made = [
        Dataset.from_arrays("m", classes, train, test).fingerprint
        for classes, train, test in [
            (["x", "y"], a, b),
            (["x", "z"], a, b),
            (["x", "y"], b, a),
            (["x", "y"], relabelled, b),
        ]
    ]

    assert len(set(made)) == 4


def test_cifar10_from_its_folder_is_read_whole_and_mapped_again(cache):
    folder = os.environ.get("CIFAR10_DIR", "")
    if not Path(folder, "train").is_dir():
        pytest.skip("CIFAR10_DIR does not name a folder with CIFAR-10 as train/CLASS/ and test/CLASS/")

    first, second = load_dataset(folder), load_dataset(folder)
    assert first.train_images.shape == (50_000, 32, 32, 3)
    assert first.test_images.shape == (10_000, 32, 32, 3)
    assert np.bincount(first.train_labels).tolist() == [5000] * 10
    assert np.bincount(first.test_labels).tolist() == [1000] * 10
    assert " ".join(first.classes) == "airplane automobile bird cat deer dog frog horse ship truck"
    assert first.fingerprint == second.fingerprint
    assert second.origin.directory == first.origin.directory == entries(cache)[0]
