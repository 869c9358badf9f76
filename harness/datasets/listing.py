"""What lies in a dataset folder, found out without opening an image."""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from harness.datasets.content import PARTS, Part, count, listed
from harness.errors import InputError

_EXPECTED = "expected is a folder with train/CLASS/*.png and test/CLASS/*.png (or .jpg, ...), two classes or more"
_IMAGE_SUFFIXES = {".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff"}
ARCHIVE_SUFFIXES = {".tar", ".tgz", ".gz", ".bz2", ".xz", ".zst", ".zip", ".7z", ".rar"}
# What desktops, file servers and notebooks leave in folders.
_LITTER = {"thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r", "__macosx", "@eadir", "lost+found"}
_HIDDEN_LITTER = {".ipynb_checkpoints", ".appledouble", ".git", ".svn", ".dvc", ".cache", ".trashes", ".ds_store"}
_VALIDATION_NAMES = {"val", "valid", "validation", "dev"}


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
        classes: In Unicode's form NFC, sorted by code point, as Keras sorts them.
        train: Files of train, by class and then by name.
        test: Files of test.
        state: Changes whenever a file is added, removed, renamed or written.
        notes: What lies there and is not used, and classes whose names look alike.
    """

    root: Path
    classes: tuple[str, ...]
    train: tuple[ImageFile, ...]
    test: tuple[ImageFile, ...]
    state: str
    notes: tuple[str, ...]


def list_folder(root: Path) -> Listing:
    """List a folder's images and refuse what is no dataset.

    Every visible file in a class folder counts as an image. Symbolic links are followed, also out of the folder:
    the user's own links to a shared store of images are common, and nothing is ever written through them.

    Raises:
        InputError: No train or test, no images, an empty class, a single class, classes that differ, a link to a
            folder that is not there, a folder or a device among the images, a name that is not text.
    """
    root = root.resolve()
    unused: list[str] = []
    there = {part: _class_folders(root, part, unused) for part in PARTS if _is_folder(root / part)}
    if len(there) < len(PARTS):
        raise InputError(f"dataset {shown(root)} has {_what_is_there(root, there)}; {_EXPECTED}")
    train, test = there["train"], there["test"]
    if not train and not test:
        raise InputError(f"dataset {shown(root)} has no class folders in train/ and test/; {_EXPECTED}")
    if train.keys() != test.keys():
        aside = f"; not used: {_names(unused)}" if unused else ""
        raise InputError(_difference(root, set(train), set(test)) + aside)
    classes = tuple(sorted(train))
    if len(classes) == 1:
        raise InputError(f'dataset {shown(root)} has a single class, "{shown(classes[0])}"; {_EXPECTED}')
    state = hashlib.sha256()
    hidden: list[str] = []
    train_files, test_files = (_images(root, part, there[part], state, hidden) for part in PARTS)
    refuse_empty_classes(root, classes, train_files, test_files)
    notes = (*_notes(root, classes, unused, hidden), *_alike(classes))
    return Listing(root, classes, train_files, test_files, state.hexdigest(), notes)


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


def _is_folder(path: Path) -> bool:
    """Whether there is a folder; a link to one that is not there is refused, since it would vanish without a word."""
    try:
        return stat.S_ISDIR(path.stat().st_mode)
    except OSError as error:
        if path.is_symlink():
            raise InputError(
                f"{shown(path)} is a link to {shown(path.readlink())}, which cannot be reached ({error.strerror}): "
                "mount or restore what it points to, or remove the link"
            ) from error
        if isinstance(error, FileNotFoundError | NotADirectoryError):
            return False
        raise InputError(f"cannot read {shown(path)}: {error.strerror}") from error


def _exists(folder: Path) -> bool:
    with contextlib.suppress(OSError):
        return folder.is_dir()
    return False


def _class_folders(root: Path, part: Part, unused: list[str]) -> dict[str, str]:
    """Return the folders in train or test by the names of their classes; what else lies there is refused or noted."""
    folders: dict[str, str] = {}
    for entry in sorted(_entries(root / part), key=lambda entry: entry.name):
        name = unicodedata.normalize("NFC", entry.name)
        suffix = Path(name).suffix.lower()
        if name.startswith("."):
            # ._ and .# are what macOS and Emacs leave beside files.
            is_litter = name.lower() in _HIDDEN_LITTER or name.startswith(("._", ".#"))
            if not is_litter and (entry.is_symlink() or _exists(Path(entry.path))):
                unused.append(f"{part}/{entry.name} (hidden)")
        elif _is_folder(Path(entry.path)):
            if name in folders:
                raise InputError(
                    f"{shown(root / part)} has two folders for the class {shown(name)}, whose names differ only in "
                    "their Unicode form (NFC and NFD): put their images into one"
                )
            folders[name] = entry.name
        elif suffix in _IMAGE_SUFFIXES:
            raise InputError(f"image {shown(entry.path)} lies outside a class folder; {_EXPECTED}")
        elif suffix in ARCHIVE_SUFFIXES:
            raise InputError(f"{shown(entry.path)} is an archive beside the class folders: unpack it, or move it away")
        else:
            unused.append(f"{part}/{entry.name}")
    return folders


def _images(
    root: Path, part: Part, folders: Mapping[str, str], state: hashlib._Hash, hidden: list[str]
) -> tuple[ImageFile, ...]:
    files = []
    for label, name in enumerate(sorted(folders)):
        entries = _entries(root / part / folders[name])
        for entry in sorted(entries, key=lambda entry: (unicodedata.normalize("NFC", entry.name), entry.name)):
            relative = f"{part}/{folders[name]}/{entry.name}"
            if entry.name.startswith("."):
                if Path(entry.name).suffix.lower() in _IMAGE_SUFFIXES and not entry.name.startswith("._"):
                    hidden.append(relative)
                continue
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


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    """Return what lies in a folder, but for litter; names that are not text are refused."""
    try:
        with os.scandir(folder) as entries:
            there = [entry for entry in entries if entry.name.lower() not in _LITTER]
    except OSError as error:
        raise InputError(f"cannot read folder {shown(folder)}: {error.strerror}") from error
    for entry in there:
        if not entry.name.isascii() and not _is_text(entry.name):
            raise InputError(f"the name of {shown(entry.path)} is not valid UTF-8; rename it")
    return there


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _notes(root: Path, classes: tuple[str, ...], unused: list[str], hidden: list[str]) -> list[str]:
    notes = []
    used = [(root / part).lstat() for part in PARTS]
    siblings = [
        entry.name
        for entry in _entries(root)
        # Where case does not count, Train is train.
        if not entry.name.startswith(".")
        and not any(os.path.samestat(entry.stat(follow_symlinks=False), it) for it in used)
    ]
    for name in sorted(siblings):
        folder = root / name
        there = _exists(folder) or folder.is_symlink()
        if there and (name.lower() in _VALIDATION_NAMES or any(_exists(folder / one) for one in classes)):
            notes.append(
                f"{shown(name)}/ beside train/ and test/ is not used: validation images are drawn from train, anew for "
                "each seed"
            )
    if unused:
        notes.append(f"not used, since not a class folder: {_names(unused)}")
    if hidden:
        are = "is" if len(hidden) == 1 else "are"
        notes.append(f"{count(len(hidden), 'hidden image')} {are} not used, the first: {shown(hidden[0])}")
    return notes


def _what_is_there(root: Path, there: Mapping[Part, object]) -> str:
    names = sorted(entry.name for entry in _entries(root) if not entry.name.startswith("."))
    listing = f"(found: {_names(names) or 'nothing'})"
    if there:
        ((part, folders),) = there.items()
        other = "test" if part == "train" else "train"
        assert isinstance(folders, dict)
        return f"{part}/ ({len(folders)} classes) but no {other}/ {listing}"
    for inside in (root.parent, *(root / name for name in names)):
        if all(_exists(inside / part) for part in PARTS):
            return f"neither train/ nor test/; {shown(inside)} has both: give that one {listing}"
    return f"neither train/ nor test/ {listing}"


def _difference(root: Path, train: set[str], test: set[str]) -> str:
    only = {"train": sorted(train - test), "test": sorted(test - train)}
    parts = [f"only in {part}: {_names(names)}" for part, names in only.items() if names]
    twins = [(a, b) for a in only["train"] for b in only["test"] if _look(a) == _look(b)]
    if twins:
        a, b = twins[0]
        parts.append(f"{shown(a)!r} and {shown(b)!r} differ only in case, spaces or Unicode form: rename one")
    return f"dataset {shown(root)} has other classes in train than in test; {'; '.join(parts)}"


def _alike(classes: tuple[str, ...]) -> list[str]:
    """Note classes that a reader would take for one."""
    by_look: dict[str, list[str]] = {}
    for name in classes:
        by_look.setdefault(_look(name), []).append(repr(shown(name)))
    return [
        f"classes {' and '.join(names)} differ only in case, spaces or Unicode form; they are kept apart"
        for names in by_look.values()
        if len(names) > 1
    ]


def _look(name: str) -> str:
    letters = unicodedata.normalize("NFKC", name).casefold()
    return "".join(letter for letter in letters if letter.isprintable() and not letter.isspace())


def _names(names: Iterable[str]) -> str:
    return listed([shown(name) for name in names])
