"""`harness explore`, `pretrain` and `doctor` on a user's own images: which dataset, and how its images are read."""

import numpy as np
import pytest
from changed_stores import make_older
from drawn_images import draw, draw_folder
from made_results import Made, make_results

from harness.cli import run
from harness.datasets import Origin, load_dataset
from harness.datasets.dataset import Dataset
from harness.results import load_results
from harness.results.opening import open_store

NAMES = tuple("abcdefghij")


@pytest.fixture(scope="module")
def mixed(tmp_path_factory, module_cache):
    """A folder whose images have several sizes, one of them unreadable; as many test images as made results have."""
    folder = draw_folder(tmp_path_factory.mktemp("images") / "mixed", classes=NAMES, train=2, test=30)
    draw(folder / "train" / "a" / "wide.png", 99, size=(12, 8))
    (folder / "train" / "a" / "broken.png").write_bytes(b"no image")
    return folder


@pytest.fixture(scope="module")
def module_cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HARNESS_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture
def dataset(mixed) -> Dataset:
    return load_dataset(mixed, image_size=4, skip_unreadable=True)


@pytest.fixture
def results(tmp_path, dataset):
    """Results that were made from these images."""
    folder = make_results(tmp_path / "results", Made(fingerprint=dataset.fingerprint))
    with open_store(folder) as store:
        store.add_dataset(dataset.fingerprint, dataset.origin)
    return folder


def drawn(folder) -> set[str]:
    return {path.stem for path in folder.glob("*.html")}


def test_a_results_folder_that_explore_makes_is_ignored_by_git_and_one_of_the_users_own_is_not(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own").mkdir()
    for more in ([], ["--results", "own"], ["--output", "other"]):
        assert run(["explore", "data", "--dataset", "digits", "--images", "10", *more]) == 0
    assert [path.parent.name for path in tmp_path.rglob(".gitignore")] == ["results"]


def test_explore_data_takes_the_options_of_images_and_tells_of_warnings(mixed, tmp_path, capsys):
    options = ["--image-size", "4", "--skip-unreadable"]

    assert run(["explore", "data", "--dataset", str(mixed), "--output", str(tmp_path), *options]) == 0

    assert "1 of 322 images were skipped as unreadable" in capsys.readouterr().err
    assert drawn(tmp_path) == {"samples-mixed", "counts-mixed"}


def test_explore_model_takes_the_options_of_images(mixed, tmp_path, capsys):
    options = ["--image-size", "16", "--skip-unreadable", "--output", str(tmp_path)]

    assert run(["explore", "model", "--dataset", str(mixed), *options]) == 0

    assert "14 x 14 x 32" in capsys.readouterr().out
    assert drawn(tmp_path) == {"model-baseline-mixed"}


@pytest.mark.parametrize(("place", "more"), [("suites", []), ("other", ["--suites", "other"])])
def test_explore_model_says_where_a_variant_is_not_declared(project, capsys, place, more):
    (project / place).mkdir()
    (project / place / "suite_a.py").write_text(
        "from harness import BASELINE, Suite\nSUITE = Suite('a', {'wide': BASELINE.replace(filters=(64, 128))})\n"
    )
    assert run(["explore", "model", "--variant", "wied", *more]) == 4
    assert capsys.readouterr().err == (
        f'error: variant "wied" is not declared in {place}: `harness list {place}` shows those that are, '
        '--suites PATH names another place; did you mean "wide"?\n'
    )


def test_explore_data_without_a_dataset_shows_the_one_that_the_results_used_last(results, mixed, capsys):
    assert run(["explore", "data", "--results", str(results)]) == 0
    assert drawn(results / "explore") == {"samples-mixed", "counts-mixed"}
    before = (results / "explore" / "samples-mixed.html").read_bytes()

    assert run(["explore", "data", "--results", str(results), "--dataset", "digits"]) == 0
    assert (results / "explore" / "samples-mixed.html").read_bytes() == before
    assert drawn(results / "explore") == {"samples-mixed", "counts-mixed", "samples-digits", "counts-digits"}


def test_explore_results_draws_what_was_won_from_images_of_the_size_they_were_read_with(results, tmp_path, capsys):
    assert run(["explore", "results", "--results", str(results), "--variant", "dropout:0.5"]) == 0

    assert any(stem.startswith("changes-dropout") for stem in drawn(results / "explore"))
    assert "no pictures of images won and lost" not in capsys.readouterr().err


def test_explore_results_takes_a_folder_that_was_moved(results, mixed, tmp_path, capsys):
    with open_store(results) as store:
        (fingerprint,) = store.datasets()
        store.add_dataset(fingerprint, Origin("/mnt/external/mixed", image_size=4, skip_unreadable=True))
    command = ["explore", "results", "--results", str(results), "--variant", "dropout:0.5"]

    assert run(command) == 0
    assert "no pictures of images won and lost: give --dataset" in capsys.readouterr().err
    assert run([*command, "--dataset", str(mixed), "--image-size", "5"]) == 4
    assert "its content differs (or its --image-size)" in capsys.readouterr().err
    assert run([*command, "--dataset", str(mixed)]) == 0
    assert any(stem.startswith("changes-dropout") for stem in drawn(results / "explore"))


def test_images_of_many_channels_are_no_pictures(tmp_path, capsys, module_cache):
    rng = np.random.default_rng(0)
    arrays = {f"x_{part}": rng.integers(0, 256, (300, 4, 4, 9), np.uint8) for part in ("train", "test")}
    np.savez(tmp_path / "bands.npz", **arrays, y_train=np.arange(300) % 10, y_test=np.arange(300) % 10)
    dataset = load_dataset(tmp_path / "bands.npz")
    folder = make_results(tmp_path / "results", Made(fingerprint=dataset.fingerprint))
    with open_store(folder) as store:
        store.add_dataset(dataset.fingerprint, dataset.origin)

    assert run(["explore", "data", "--results", str(folder)]) == 4
    assert "images have 9 channels: pictures can be drawn of 1, 3 or 4" in capsys.readouterr().err
    assert run(["explore", "results", "--results", str(folder), "--variant", "dropout:0.5"]) == 0
    assert "no pictures of images won and lost: they have 9 channels" in capsys.readouterr().err


def test_a_store_remembers_where_each_dataset_is_from_the_newest_last(tmp_path, results, dataset):
    with open_store(results) as store:
        store.add_dataset("0" * 16, Origin("digits"))
        store.add_dataset(dataset.fingerprint, dataset.origin)

    stored = load_results(results).datasets

    assert list(stored) == ["0" * 16, dataset.fingerprint]
    assert list(stored.values()) == [
        Origin("digits"),
        Origin(dataset.origin.source, image_size=4, skip_unreadable=True),
    ]


def test_a_store_begun_before_datasets_were_noted_is_read_and_written(results):
    make_older(results / "harness.sqlite", 1)

    assert load_results(results).datasets == {}
    with open_store(results) as store:
        store.add_dataset("0" * 16, Origin("digits"))
    assert list(load_results(results).datasets) == ["0" * 16]


def test_pretrain_takes_the_options_of_images_and_tells_of_warnings(mixed, tmp_path, capsys):
    options = ["--image-size", "32", "--skip-unreadable", "--output", str(tmp_path / "odd")]

    assert run(["pretrain", "--dataset", str(mixed), *options]) == 4

    said = capsys.readouterr().err
    assert "1 of 322 images were skipped as unreadable" in said
    assert "use a file name that ends in .weights.h5" in said


def test_pretrain_takes_classes_whose_names_hold_commas(tmp_path, capsys):
    folder = draw_folder(tmp_path / "fish", classes=("goldfish", "owl", "tench, Tinca tinca"))
    options = ["--dataset", str(folder), "--image-size", "32", "--output", str(tmp_path / "odd")]

    assert run(["pretrain", *options, "--classes", "tench, Tinca tinca,goldfish"]) == 4
    assert "use a file name that ends in .weights.h5" in capsys.readouterr().err
    assert run(["pretrain", *options, "--classes", "tench", "--classes", "owl"]) == 4
    assert 'class "tench" is not in fish: use goldfish, owl, tench, Tinca tinca' in capsys.readouterr().err
