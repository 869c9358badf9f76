"""Arrays as datasets: from memory, from an .npz file, from a user's own function."""

import pickle
import re
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest

from harness.cli import run
from harness.datasets import Dataset, DatasetRef, load_dataset
from harness.errors import HarnessError, InputError

RNG = np.random.default_rng(0)
TRAIN = (RNG.integers(0, 256, (8, 4, 4, 3), np.uint8), np.arange(8) % 2)
TEST = (RNG.integers(0, 256, (4, 4, 4, 3), np.uint8), np.arange(4) % 2)
KERAS = {"x_train": TRAIN[0], "y_train": TRAIN[1], "x_test": TEST[0], "y_test": TEST[1]}

OWN = """
import os
import sys
import numpy as np
import harness

def load(name="mine"):
    print("a library's greeting")
    rng = np.random.default_rng(0)
    part = lambda count: (rng.integers(0, 256, (count, 4, 4, 3), np.uint8), np.arange(count) % 2)
    return harness.Dataset.from_arrays(name, ["a", "b"], part(8), part(4))

def nothing(): pass
def a_tuple(): return 1, 2
def exits(): sys.exit(0)
def dies(): os._exit(0)
def kills(): os.kill(os.getpid(), 9)
def raises(): raise RuntimeError("no such table")
def needs(path): return path
def floats(): return harness.Dataset.from_arrays("f", ["a", "b"], (np.zeros((2, 4, 4, 3)), [0, 1]), None)
def itself(): return harness.load_dataset("own:itself")
def interrupts(): raise KeyboardInterrupt
limit = 3
"""


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refusal(given, **options) -> str:
    with pytest.raises(InputError) as caught:
        load_dataset(given, **options)
    return str(caught.value)


# In memory


@pytest.mark.parametrize(
    ("images", "labels", "way"),
    [
        (TRAIN[0] / 255, TRAIN[1], r"; multiply 0..1 by 255, then round and astype\(np.uint8\)$"),
        (TRAIN[0] * 1.0, TRAIN[1], r"N 1 or more; round and astype\(np.uint8\)$"),
        (
            TRAIN[0] / 64 - 2,
            TRAIN[1],
            r"; values run -2\.\.1\.\d+: undo the normalisation, so that they run 0\.\.255 again$",
        ),
        (TRAIN[0] / 127.5 - 1, TRAIN[1], r"N 1 or more; values run -1\.\.1: undo the normalisation"),
        (TRAIN[0] * 257.0, TRAIN[1], r"; values run 0\.\.6\S+: scale them to 0\.\.255, then round"),
        (TRAIN[0] / 60, TRAIN[1], r"; values run 0\.\.4\.\d+: scale them to 0\.\.255, then round"),
        (TRAIN[0] * np.nan, TRAIN[1], "; values that are NaN or infinite"),
        (TRAIN[0].astype(np.int64), TRAIN[1], r"N 1 or more; astype\(np.uint8\)$"),
        (TRAIN[0], TRAIN[1][:7], r"one whole number per image: 7 labels for 8 images$"),
        (
            TRAIN[0],
            np.array(["cat", "dog"])[TRAIN[1]],
            r"np\.unique\(labels, return_inverse=True\), those of train and",
        ),
        (TRAIN[0], TRAIN[1] * 1.0, r"one whole number per image; astype\(np\.int64\)$"),
        (TRAIN[0], np.eye(2)[TRAIN[1]], r"take argmax\(axis=1\) of one-hot labels"),
        (np.zeros((8, 3, 32, 32), np.uint8), TRAIN[1], r"looks like \[N, C, H, W\].*transpose\(0, 2, 3, 1\)"),
    ],
)
def test_arrays_of_another_convention_are_refused_with_the_way_to_ours(images, labels, way):
    with pytest.raises(InputError, match=way):
        Dataset.from_arrays("made", ["a", "b"], (images, labels), TEST)


def test_labels_may_be_a_column_as_keras_gives_those_of_cifar10():
    column = Dataset.from_arrays("made", ["a", "b"], (TRAIN[0], TRAIN[1][:, np.newaxis]), TEST)

    assert column.fingerprint == Dataset.from_arrays("made", ["a", "b"], TRAIN, TEST).fingerprint


@pytest.mark.parametrize("classes", [[], [5], ["a", "a"], ["a", ""], [0, 1]])
def test_class_names_are_two_texts_or_more_none_twice(classes):
    with pytest.raises(InputError, match="allowed are two names or more, none twice"):
        Dataset.from_arrays("made", classes, TRAIN, TEST)


def test_one_class_is_too_few():
    with pytest.raises(InputError, match=r"^made has one class, 'a': two or more are needed$"):
        Dataset.from_arrays("made", ["a"], TRAIN, TEST)


@pytest.mark.parametrize("name", ["", " ", None, 5])
def test_a_name_is_a_text(name):
    with pytest.raises(InputError, match="allowed is a text, which tables show"):
        Dataset.from_arrays(name, ["a", "b"], TRAIN, TEST)


def test_classes_without_images_are_named():
    dataset = Dataset.from_arrays("made", ["a", "b", "c"], TRAIN, TEST)

    assert dataset.warnings == ("1 of 3 classes has no image in train: c", "1 of 3 classes has no image in test: c")


# .npz


def test_an_npz_file_as_keras_keeps_mnist_is_read_and_opens_in_a_worker(here):
    np.savez(here / "mnist.npz", **KERAS | {"x_train": TRAIN[0][..., 0], "x_test": TEST[0][..., 0]})

    dataset = load_dataset("mnist.npz")

    assert (dataset.name, dataset.classes, dataset.input_shape) == ("mnist", ("0", "1"), (4, 4, 1))
    np.testing.assert_array_equal(dataset.train_images[..., 0], TRAIN[0][..., 0])
    assert dataset.origin.source == str(here / "mnist.npz")
    (here / "mnist.npz").unlink()
    assert pickle.loads(pickle.dumps(DatasetRef.of(dataset))).open().fingerprint == dataset.fingerprint


def test_an_npz_file_that_changed_is_another_dataset(here):
    np.savez(here / "a.npz", **KERAS)
    first, again = load_dataset("a.npz"), load_dataset("a.npz")
    np.savez(here / "a.npz", **KERAS | {"x_train": 255 - TRAIN[0]})

    assert again.origin.directory == first.origin.directory
    assert load_dataset("a.npz").fingerprint != first.fingerprint


@pytest.mark.parametrize("names", [np.array(["cat", "dog"]), np.array([b"cat", b"dog"])])
def test_an_npz_file_may_name_its_classes(here, names):
    np.savez(here / "pets.npz", **KERAS, classes=names)

    assert load_dataset(here / "pets.npz").classes == ("cat", "dog")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"images": TRAIN[0]}, "has no x_train, y_train, x_test, y_test (it has: images): write np.savez"),
        (
            KERAS | {"y_train": np.eye(3)[TRAIN[1]], "y_test": np.eye(3)[TEST[1]]},
            "take argmax(axis=1) of one-hot labels",
        ),
        (KERAS | {"y_train": TRAIN[1] * 0, "y_test": TEST[1] * 0}, "one class, '0': two or more are needed"),
        (KERAS | {"x_train": TRAIN[0] / 255}, "multiply 0..1 by 255"),
        (KERAS | {"y_train": np.array([{}] * 8)}, "as an .npz file of plain arrays: Object arrays cannot be loaded"),
        (KERAS | {"y_test": np.array([0, 1, 2, 10**9])}, "labels run 0..1000000000; allowed is 0..100000"),
        (KERAS | {"classes": np.array(["cat"])}, "two or more are needed"),
        (KERAS | {"y_train": np.array(3)}, "allowed is one whole number per image"),
    ],
)
def test_an_npz_file_of_other_arrays_is_refused_by_its_name(here, given, said):
    np.savez(here / "odd.npz", **given)

    message = refusal("odd.npz")

    assert "odd.npz" in message
    assert said in message


@pytest.mark.parametrize("content", [b"", b"no zip", b"PK\x03\x04 half a zip", b"\x93NUMPY\x01\x00"])
def test_a_file_that_is_no_npz_is_refused_by_its_name(here, content):
    (here / "broken.npz").write_bytes(content)

    assert "cannot read broken.npz as an .npz file of plain arrays" in refusal("broken.npz")


def test_a_lone_array_is_refused_by_its_name(here):
    np.save(here / "images.npy", TRAIN[0])
    (here / "images.npy").rename(here / "images.npz")

    assert "cannot read images.npz as an .npz file" in refusal("images.npz")


# A function


@pytest.fixture
def own(here):
    (here / "own.py").write_text(OWN)
    return here


def test_a_users_own_function_gives_a_dataset_that_opens_in_a_worker(own, capfd):
    dataset, again = load_dataset("own:load"), load_dataset("own:load")

    assert (dataset.name, dataset.classes, dataset.input_shape) == ("mine", ("a", "b"), (4, 4, 3))
    assert dataset.fingerprint == again.fingerprint
    assert dataset.origin.source == "own:load"
    assert dataset.origin.directory == again.origin.directory
    assert "own" not in sys.modules
    assert "a library's greeting" not in capfd.readouterr().out
    assert pickle.loads(pickle.dumps(DatasetRef.of(dataset))).open().fingerprint == dataset.fingerprint


def test_the_example_of_the_documentation_is_a_dataset(here):
    page = (Path(__file__).parents[2] / "docs" / "data.md").read_text(encoding="utf-8")
    (here / "my_data.py").write_text(re.search(r"```python\n(.*?)```", page, re.DOTALL)[1])

    dataset = load_dataset("my_data:small_digits")

    assert (dataset.name, dataset.input_shape, len(dataset.train_labels)) == ("small-digits", (8, 8, 1), 1000)
    assert dataset.warnings == ()


def test_an_edited_function_gives_another_fingerprint(own):
    first = load_dataset("own:load").fingerprint
    (own / "own.py").write_text(OWN.replace("default_rng(0)", "default_rng(1)"))

    assert load_dataset("own:load").fingerprint != first


def test_two_projects_functions_of_one_name_keep_their_own_arrays(own, monkeypatch):
    first = load_dataset("own:load")
    (own / "other").mkdir()
    (own / "other" / "own.py").write_text(OWN.replace("default_rng(0)", "default_rng(1)"))
    monkeypatch.chdir(own / "other")

    second = load_dataset("own:load")

    assert second.fingerprint != first.fingerprint
    assert (first.origin.directory / "meta.json").is_file()


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("own:nothing", "it returned None: return harness.Dataset.from_arrays(name, classes, (train_images"),
        ("own:a_tuple", "it returned a tuple: return harness.Dataset.from_arrays"),
        ("own:exits", "it called sys.exit(0) ({here}/own.py, line 15: def exits(): sys.exit(0))"),
        ("own:dies", "its process ended with exit code 0 before it returned"),
        ("own:kills", "its process ended by signal 9 before it returned"),
        ("own:raises", "RuntimeError: no such table ({here}/own.py, line 18"),
        ("own:interrupts", "KeyboardInterrupt"),
        ("own:itself", "it loads itself"),
        ("own:needs", "TypeError: needs() missing 1 required positional argument: 'path'"),
        ("own:floats", "multiply 0..1 by 255, then round"),
        ("own:laod", 'own.py has no function "laod"; did you mean "load"?'),
        ("own:limit", 'own.py has no function "limit"'),
        ("owm:load", 'there is no module "owm" in the current folder ({here})'),
        ("arguments:load", "it called sys.exit(2)"),
        ("missing:load", "ModuleNotFoundError: No module named 'not_installed' ({here}/missing.py, line 1"),
        ("broken:load", "SyntaxError: '(' was never closed ({here}/broken.py, line 1"),
    ],
)
def test_a_function_that_gives_no_dataset_is_refused_with_its_name_and_line(own, target, said):
    (own / "arguments.py").write_text(
        "import argparse\np = argparse.ArgumentParser()\np.add_argument('x')\np.parse_args()\n"
    )
    (own / "missing.py").write_text("import not_installed\n")
    (own / "broken.py").write_text("f(\n")

    message = refusal(target)

    assert message.startswith(f'dataset "{target}": ')
    assert said.format(here=own) in message


def test_a_temporary_folder_that_cannot_be_written_is_said(own, monkeypatch):
    (own / "in the way").write_text("")
    monkeypatch.setattr(tempfile, "tempdir", str(own / "in the way"))

    with pytest.raises(HarnessError, match=r"no temporary folder can be made .*; set TMPDIR to a folder with room"):
        load_dataset("own:load")


def test_an_image_size_for_arrays_is_refused(own):
    assert "own:load has a size of its own" in refusal("own:load", image_size=8)


def test_a_folder_wins_over_a_function_of_the_same_name(own):
    (own / "own:load").mkdir()

    assert "neither train/ nor test/" in refusal("own:load")


def test_a_harness_command_takes_a_function(own, capfd):
    assert run(["explore", "data", "--dataset", "own:load", "--output", "pictures"]) == 0

    said = capfd.readouterr()
    assert said.out.splitlines()[-1].split() == ["b", "3", "1", "2"]
    assert "a library's greeting" in said.err
