"""Files that are whole or not there: a reader never sees half a page, and a failure leaves the old one."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TypeGuard

from harness.errors import HarnessError, InputError

# A scratch file is taken for left over when its process is gone and this old; whoever made it, after a day. The process
# may run on another machine, whose numbers say nothing here.
_LEFT_S, _LEFT_BY_ANYONE_S = 3600.0, 86400.0

# What to do against each error that a disk may give. Where its rights are the fault, another place helps.
_DISK_ERRORS = {
    errno.ENOSPC: "free some space",
    errno.EDQUOT: "free some space",
    errno.EIO: "look whether the disk is well",
    errno.EFBIG: "raise the limit on the size of this process's files (`ulimit -f`), or of this disk's",
}
_PLACE_ERRORS = (
    errno.EROFS,
    errno.EACCES,
    errno.EPERM,
    errno.ENOTDIR,
    errno.EEXIST,
    errno.EISDIR,
    errno.ENAMETOOLONG,
    errno.ELOOP,
    errno.EINVAL,
)


def expanded(path: str | Path) -> Path:
    """Return a path with the home that its ~ stands for; where one's own is not known, one at which nothing can be.

    (A process has none where neither HOME nor the system's list of users names it, as in some containers.) Any path
    of ours with a ~ goes through this, also in a program that imports the harness; `ensure_home` is for libraries.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError:
        first, *rest = Path(path).parts
        return Path(os.devnull, *rest) if first == "~" else Path(path)


def ensure_home() -> None:
    """Give this process, and those that it starts, a home in which nothing can be, where it has none.

    Libraries fail as they are imported otherwise: Altair, once all is trained. Our commands and the pytest
    plugin call it as they begin; a program that imports the harness keeps its environment.
    """
    try:
        Path.home()
    except RuntimeError:
        os.environ["HOME"] = os.devnull


def own_folder(folder: Path) -> Path:
    """Make a folder where it is missing and return it; what is written into it stays inside of the folder above.

    Raises:
        InputError: It is a link to somewhere else, as a results folder from elsewhere may hold.
        OSError: It cannot be made.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if folder.is_symlink() and not folder.resolve().is_relative_to(folder.parent.resolve()):
        raise InputError(
            f"{folder} is a link to {folder.resolve()}, outside of {folder.parent}, where nothing is written: remove "
            "the link, or name another folder to write to"
        )
    return folder


def ignore_in_git(folder: Path) -> None:
    """Tell git to ignore what is in a folder that the harness has just made; raises OSError."""
    replace_text(folder / ".gitignore", "# Made by cnn-harness: keeps results out of git.\n*\n")


@contextlib.contextmanager
def replaced(path: Path) -> Iterator[Path]:
    """Yield a scratch path beside `path`, with its ending; what was written there takes its place, unless this raises.

    What a killed process left of the same file is removed.

    Raises:
        OSError: The folder cannot be written, or nothing was; its `filename` is set.
    """
    scratch = path.with_name(f".{os.getpid()}-{path.name}")
    try:
        scratch.unlink(missing_ok=True)  # a link, say, that a folder from elsewhere holds
        _remove_left_over(path)
        yield scratch
        scratch.replace(path)
    except OSError as error:
        if error.filename in (None, str(scratch), scratch):  # a failed write names no file
            error.filename, error.filename2 = str(path), None
        raise
    finally:
        with contextlib.suppress(OSError):
            scratch.unlink(missing_ok=True)


@contextlib.contextmanager
def named(path: Path) -> Iterator[None]:
    """Let the error of a disk name this file or folder, which a person asked for, whatever was written of it."""
    try:
        yield
    except OSError as error:
        error.filename, error.filename2 = str(path), None
        raise


def replace_text(path: Path, text: str) -> Path:
    """Write a UTF-8 text file in one step, in place of whatever file, link or pipe is there, and return its path."""
    with replaced(path) as scratch:
        scratch.write_text(text, encoding="utf-8")
    return path


def write_asked(path: Path, text: str) -> Path:
    """Write a file that a person named, as `replace_text` does; a pipe or device, as /dev/stdout, takes it as it is."""
    if path.exists() and not path.is_file() and not path.is_dir():
        path.write_text(text, encoding="utf-8")
        return path
    return replace_text(path, text)


def unwritable(path: str | Path | None, error: OSError, *, elsewhere: str, kept: str = "") -> HarnessError:
    """Return the error of a file or folder that cannot be written: why, on which disk, what to do.

    Args:
        path: What was to be written; None where that may be standard output, whose disk nobody knows.
        error: Why it was not.
        elsewhere: What to do where another place or other rights help; InputError then.
        kept: What is safe when the disk is full or fails.
    """
    what, place = ("standard output, or a file,", "") if path is None else (path, f"; {disk_of(Path(path))}")
    reason = f"{what} cannot be written ({error.strerror or error}{place})"
    if error.errno in _DISK_ERRORS:
        return HarnessError("; ".join(filter(None, (f"{reason}: {_DISK_ERRORS[error.errno]}", kept))))
    return InputError(f"{reason}: {elsewhere}")


def is_unwritable(error: BaseException) -> TypeGuard[OSError]:
    """Whether an error is one of a disk or of rights on it, which `unwritable` can tell of."""
    if not isinstance(error, OSError):
        return False
    return error.errno in _DISK_ERRORS or (error.errno in _PLACE_ERRORS and error.filename is not None)


def disk_of(path: Path) -> str:
    """Return which disk a file is on, or would be, and how much of it is free."""
    place = next((one for one in (path, *path.absolute().parents) if _exists(one)), Path("/"))
    mount = place.resolve()
    while not mount.is_mount():
        mount = mount.parent
    try:
        usage = shutil.disk_usage(mount)
    except OSError:
        return f"disk of {mount}"
    return f"disk of {mount}, {usage.free / 2**20:,.0f} of {usage.total / 2**20:,.0f} MiB free"


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:
        return False


def _remove_left_over(path: Path) -> None:
    with contextlib.suppress(OSError):  # the writing says what is wrong with the folder
        for left in path.parent.iterdir():
            number = left.name.removeprefix(".").removesuffix(f"-{path.name}")
            if left.name != f".{number}-{path.name}" or not number.isdecimal() or int(number) == os.getpid():
                continue
            age = time.time() - left.stat().st_mtime
            if age > (_LEFT_BY_ANYONE_S if _runs(int(number)) else _LEFT_S):
                left.unlink()


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True
