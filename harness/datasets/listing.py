"""What lies in a dataset folder, found out without opening an image."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from harness.errors import InputError

Part = Literal["train", "test"]
PARTS: tuple[Part, Part] = ("train", "test")

_EXPECTED = "expected is a folder with train/CLASS/*.png and test/CLASS/*.png (or .jpg, ...), two classes or more"
_IMAGE_SUFFIXES = {".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff"}
# What desktops leave in folders; with names that begin with a dot they are not looked at.
_LITTER = {"thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r", "__macosx", "@eadir"}
_HIGHEST_NAMES_SHOWN = 5


class ImageFile(NamedTuple):
    """A file in a class folder: its path relative to the dataset's folder, its label and its size."""

    relative: str
    label: int
    size_bytes: int


@dataclass(frozen=True)
class Listing:
    """A checked dataset folder.

    Attributes:
        root: Its absolute path.
        classes: Sorted by code point, as Keras sorts them.
        train: Files of train, by class and then by name.
        test: Files of test.
        state: Changes whenever a file is added, removed, renamed or written.
    """

    root: Path
    classes: tuple[str, ...]
    train: tuple[ImageFile, ...]
    test: tuple[ImageFile, ...]
    state: str


def list_folder(root: Path) -> Listing:
    """List a folder's images and refuse what is no dataset.

    Every visible file in a class folder counts as an image. Symbolic links are followed, also out of the folder:
    the user's own links to a shared store of images are common, and nothing is ever written through them.

    Raises:
        InputError: No train or test, no images, an empty class, a single class, classes that differ, a folder or
            a device among the images, a name that is not text.
    """
    root = root.resolve()
    folders = {part: _class_folders(root, part) for part in PARTS if (root / part).is_dir()}
    if len(folders) < len(PARTS):
        raise InputError(f"dataset {shown(root)} has {_what_is_there(root, folders)}; {_EXPECTED}")
    train_classes, test_classes = folders["train"], folders["test"]
    if not train_classes and not test_classes:
        raise InputError(f"dataset {shown(root)} has no class folders in train/ and test/; {_EXPECTED}")
    if train_classes != test_classes:
        raise InputError(_difference(root, train_classes, test_classes))
    if len(train_classes) == 1:
        raise InputError(f'dataset {shown(root)} has a single class, "{shown(train_classes[0])}"; {_EXPECTED}')
    state = hashlib.sha256()
    train, test = (_images(root, part, train_classes, state) for part in PARTS)
    refuse_empty_classes(root, train_classes, train, test)
    return Listing(root, train_classes, train, test, state.hexdigest())


def refuse_empty_classes(
    root: Path, classes: tuple[str, ...], train: tuple[ImageFile, ...], test: tuple[ImageFile, ...]
) -> None:
    """Refuse classes without an image in train or in test."""
    if not train and not test:
        raise InputError(f"dataset {shown(root)} has no images in its {len(classes)} classes; {_EXPECTED}")
    for part, files in zip(PARTS, (train, test), strict=True):
        missing = set(range(len(classes))) - {file.label for file in files}
        if missing:
            names = _names(f"{part}/{classes[label]}" for label in sorted(missing))
            raise InputError(f"dataset {shown(root)} has no image in {names}; every class needs one in train and test")


def shown(path: Path | str) -> str:
    """Return a path or name as messages show it: control characters and undecodable bytes escaped."""
    text = str(path)
    return text if text.isprintable() else text.encode("unicode_escape", "surrogatepass").decode("ascii")


def _class_folders(root: Path, part: Part) -> tuple[str, ...]:
    """Return the names of the class folders in train or test; loose images there are refused."""
    classes = []
    for entry in _visible(root / part):
        if entry.is_dir():
            classes.append(entry.name)
        elif Path(entry.name).suffix.lower() in _IMAGE_SUFFIXES:
            raise InputError(f"image {shown(entry.path)} lies outside a class folder; {_EXPECTED}")
    return tuple(sorted(classes))


def _images(root: Path, part: Part, classes: tuple[str, ...], state: hashlib._Hash) -> tuple[ImageFile, ...]:
    files = []
    for label, name in enumerate(classes):
        for entry in sorted(_visible(root / part / name), key=lambda entry: entry.name):
            relative = f"{part}/{name}/{entry.name}"
            try:
                facts = entry.stat()
            except OSError:
                # A dangling link, say: found unreadable when its turn to be decoded comes.
                files.append(ImageFile(relative, label, 0))
                state.update(f"{relative}\0missing\n".encode())
                continue
            if not stat.S_ISREG(facts.st_mode):
                kind = "a folder" if stat.S_ISDIR(facts.st_mode) else "no regular file"
                raise InputError(f"{shown(root / relative)} is {kind}; allowed in a class folder are image files")
            files.append(ImageFile(relative, label, facts.st_size))
            # ctime too: a tool that writes other content of the same size and sets mtime back cannot hide it.
            line = f"{relative}\0{facts.st_size}\0{facts.st_mtime_ns}\0{facts.st_ctime_ns}\n"
            state.update(line.encode())
    return tuple(files)


def _visible(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            found = [e for e in entries if not e.name.startswith(".") and e.name.lower() not in _LITTER]
    except OSError as error:
        raise InputError(f"cannot read folder {shown(folder)}: {error.strerror}") from error
    for entry in found:
        if not entry.name.isascii() and not _is_text(entry.name):
            raise InputError(f"the name of {shown(entry.path)} is not valid UTF-8; rename it")
    return found


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _what_is_there(root: Path, folders: dict[Part, tuple[str, ...]]) -> str:
    if folders:
        (part, classes), *_ = folders.items()
        other = "test" if part == "train" else "train"
        return f"{part}/ ({len(classes)} classes) but no {other}/"
    found = sorted(entry.name for entry in _visible(root))
    if "data_batch_1" in found:
        return "CIFAR-10 as Python files, which --dataset cifar10 loads through Keras"
    return f"neither train/ nor test/ (found: {_names(found) or 'nothing'})"


def _difference(root: Path, train: tuple[str, ...], test: tuple[str, ...]) -> str:
    only_train, only_test = sorted(set(train) - set(test)), sorted(set(test) - set(train))
    parts = [
        f"only in {part}: {_names(names)}" for part, names in (("train", only_train), ("test", only_test)) if names
    ]
    return f"dataset {shown(root)} has other classes in train than in test; {'; '.join(parts)}"


def _names(names: Iterable[str]) -> str:
    everything = [shown(name) for name in names]
    more = len(everything) - _HIGHEST_NAMES_SHOWN
    return ", ".join(everything[:_HIGHEST_NAMES_SHOWN]) + (f" and {more} more" if more > 0 else "")
