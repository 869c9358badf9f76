"""A dataset as a folder of image files, which `load_dataset` reads back bit for bit."""

from __future__ import annotations

import shutil
from pathlib import Path

from harness.datasets.dataset import Dataset
from harness.errors import InputError
from harness.files import unwritable


def write_folder(dataset: Dataset, folder: Path) -> None:
    """Write train/CLASS/NUMBER.png and test/CLASS/NUMBER.png, without loss.

    Args:
        dataset: Its class names become names of folders.
        folder: Made; it must not exist, or be empty.

    Raises:
        InputError: The folder is not empty, or a class cannot be a folder's name.
        HarnessError: It cannot be written; what was is removed then.
    """
    from PIL import Image

    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder} is not empty: name a new folder for the images")
    for name in dataset.classes:
        if name in (".", "..") or "/" in name or "\0" in name:
            raise InputError(f"class {name!r} cannot be a folder's name: rename it first")
    parts = (("train", dataset.train_images, dataset.train_labels), ("test", dataset.test_images, dataset.test_labels))
    try:
        for part, images, labels in parts:
            for name in dataset.classes:
                (folder / part / name).mkdir(parents=True)
            for number, (image, label) in enumerate(zip(images, labels, strict=True)):
                Image.fromarray(image).save(folder / part / dataset.classes[label] / f"{number:06}.png")
    except OSError as error:
        told = unwritable(folder, error, elsewhere="choose another folder")
        for part, _, _ in parts:
            shutil.rmtree(folder / part, ignore_errors=True)
        raise told from error
