"""Arrays as a dataset: of an .npz file, or of a function of the user's own that returns a `Dataset`."""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import re
import shutil
import subprocess
import sys
import traceback
import zipfile
from pathlib import Path

import numpy as np

from harness.datasets.cache import (
    Filled,
    entry_path,
    filled_with,
    open_entry,
    open_or_make,
    temporary_directory,
    write_entry,
)
from harness.datasets.dataset import Dataset, Origin
from harness.datasets.listing import shown
from harness.errors import HarnessError, InputError, nearest

TARGET = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*")
"""What "module:function" looks like."""

# Names the functions under way to the processes that they start.
_LOADING = "HARNESS_LOADING"
_HIGHEST_LABEL = 100_000
_ARRAYS = ("x_train", "y_train", "x_test", "y_test")
_WAY = "return harness.Dataset.from_arrays(name, classes, (train_images, train_labels), (test_images, test_labels))"


def load_npz(path: Path, *, cache: Path | None = None) -> Dataset:
    """Load an .npz file with x_train, y_train, x_test and y_test, as Keras keeps MNIST; nothing in it is unpickled.

    Images are uint8 [N, H, W] or [N, H, W, C], labels whole numbers; `classes` may hold their names.

    Raises:
        InputError: It cannot be read, an array is missing, or one has a wrong shape or type.
    """
    try:
        facts = path.stat()
    except OSError as error:
        raise InputError(f"cannot read {shown(path)}: {error.strerror}") from error
    source = str(path.resolve())
    entry = entry_path(cache, source, f"{facts.st_size} {facts.st_mtime_ns} {facts.st_ctime_ns}")

    def fill(directory: Path) -> Filled:
        return filled_with(_read_npz(path))(directory)

    return open_or_make(entry, fill, path.stem, Origin(source, cache=cache))


def _read_npz(path: Path) -> Dataset:
    try:
        _refuse_bomb(path)
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in (*_ARRAYS, "classes") if name in file}
            names = list(file)
    except InputError:
        raise
    except Exception as error:  # whatever the bytes hold, an archive's reader may raise anything
        raise InputError(f"cannot read {shown(path)} as an .npz file of plain arrays: {error}") from error
    missing = [name for name in _ARRAYS if name not in arrays]
    if missing:
        raise InputError(
            f"{shown(path)} has no {', '.join(missing)} (it has: {', '.join(map(shown, names)) or 'nothing'}): write "
            f"np.savez(file, {', '.join(f'{name}=...' for name in _ARRAYS)}), or {_WAY} from a function of your own "
            "(--dataset module:function)"
        )
    try:
        parts = [
            (images[..., np.newaxis] if images.ndim == 3 else images, labels)
            for images, labels in ((arrays["x_train"], arrays["y_train"]), (arrays["x_test"], arrays["y_test"]))
        ]
        highest = max(
            (int(labels.max()) for _, labels in parts if labels.size and labels.dtype.kind in "iu"), default=1
        )
        names = arrays.get("classes", np.arange(min(highest, _HIGHEST_LABEL) + 1)).reshape(-1)
        if len(names) > _HIGHEST_LABEL + 1:
            raise InputError(f"classes has {len(names):,} names: at most {_HIGHEST_LABEL + 1:,} are allowed")
        classes = [name.decode(errors="replace") if isinstance(name, bytes) else str(name) for name in names.tolist()]
        return Dataset.from_arrays(path.stem, classes, *parts)
    except InputError as error:
        raise InputError(f"{shown(path)}: {error}") from error


def _refuse_bomb(path: Path) -> None:
    """Refuse an archive whose arrays this machine cannot hold, before any is unpacked."""
    import psutil

    with zipfile.ZipFile(path) as archive:
        size = sum(member.file_size for member in archive.infolist())
    held = psutil.virtual_memory().available
    if size > held:
        raise InputError(
            f"{shown(path)} unpacks to {size / 2**20:,.0f} MiB, and {held / 2**20:,.0f} MiB of memory are free: give a "
            f"folder of images, or {_WAY} from a function of your own"
        )


def load_function(target: str, *, cache: Path | None = None) -> Dataset:
    """Call "module:function" in a process of its own, and keep the dataset that it returns.

    In its own process it can start TensorFlow, take a GPU or end everything without harm to this one.

    Raises:
        InputError: Module or function is missing; it raised, exited, died, or returned something else.
        HarnessError: No room for the arrays.
    """
    try:
        scratch = temporary_directory()
    except OSError as error:
        raise HarnessError(f"no temporary folder can be made ({error}); set TMPDIR to a folder with room") from error
    try:
        # What a library prints on standard output would stand among our tables.
        code = f"from {__name__} import _answer; _answer()"
        command = [sys.executable, "-c", code, target, str(scratch), json.dumps([*sys.path, str(Path.cwd())])]
        loading = os.environ.get(_LOADING, "")
        if target in loading.split():
            raise InputError(f'dataset "{target}": it loads itself')
        environment = {**os.environ, _LOADING: f"{loading} {target}"}
        ended = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=2, check=False, env=environment).returncode
        try:
            answer = json.loads((scratch / "answer.json").read_text(encoding="utf-8"))
        except OSError:
            how = f"with exit code {ended}" if ended >= 0 else f"by signal {-ended}"
            answer = {"error": f"its process ended {how} before it returned"}
        if "error" in answer:
            raise InputError(f'dataset "{target}": {answer["error"]}')
        dataset = open_entry(scratch, answer["name"], Origin())
        # Of another project's module of the same name, nothing is replaced.
        entry = entry_path(cache, f"{target}\n{Path.cwd()}", dataset.fingerprint)
        return open_or_make(entry, filled_with(dataset), dataset.name, Origin(target, cache=cache))
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _answer() -> None:
    """Be the process of `load_function`: call the function, write what it returned or what went wrong."""
    target, folder, path = sys.argv[1:]
    sys.argv[1:] = []  # a module that reads its arguments gets none of ours
    sys.path[:] = json.loads(path)
    directory = Path(folder)
    answer: dict[str, str] = {}
    try:
        result = _call(target)
        if isinstance(result, Dataset):
            write_entry(directory, filled_with(result))
            answer["name"] = result.name
        else:
            answer["error"] = f"it returned {'None' if result is None else f'a {type(result).__name__}'}: {_WAY}"
    except InputError as error:
        answer["error"] = str(error)
    except SystemExit as error:
        answer["error"] = f"it called sys.exit({'' if error.code is None else repr(error.code)}){_place(error)}: {_WAY}"
    except BaseException as error:
        text = error.msg if isinstance(error, SyntaxError) else " ".join(str(error).split())[:300]
        answer["error"] = f"{type(error).__name__}: {text}{_place(error)}"
    (directory / "answer.json").write_text(json.dumps(answer), encoding="utf-8")
    # Threads of a library must not keep this process.
    with contextlib.suppress(Exception):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(0)


def _call(target: str) -> object:
    module_name, _, name = target.partition(":")
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name and f"{module_name}.".startswith(f"{error.name}."):
            raise InputError(
                f'there is no module "{error.name}" in the current folder ({Path.cwd()}) or among what is installed'
            ) from error
        raise
    function = getattr(module, name, None)
    if not callable(function):
        names = [one for one, value in vars(module).items() if callable(value) and not one.startswith("_")]
        raise InputError(f'{module.__file__} has no function "{name}"{nearest(name, names)}')
    return function()


def _place(error: BaseException) -> str:
    """Return the last line of the user's own that led to an error."""
    if isinstance(error, SyntaxError) and error.lineno:
        return f" ({error.filename}, line {error.lineno})"
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.filename != __file__ and not frame.filename.startswith("<") and "site-packages" not in frame.filename
    ]
    return f" ({frames[-1].filename}, line {frames[-1].lineno}: {frames[-1].line})" if frames else ""
