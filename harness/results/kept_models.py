"""The models of trials, beside the store: a file each, named after the trial's key, whole or not there."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Set
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from harness.errors import InputError
from harness.files import own_folder, replaced, unwritable
from harness.results.trials import Trial

WHOLE, WEIGHTS_ALONE = ".keras", ".weights.h5"
"""How files end: of a model that Keras can build by itself, and of the weights of one that `build_model` must build."""

NOT_KEPT = ".not-kept.txt"
"""How the file ends that says why a trial's model could not be saved: the same trial would give the same again."""

SHAPE = "input_shape"
"""Attribute of a file of weights: height, width, channels."""

_KEY_LENGTH = 16
_UNSAFE = re.compile(r"[^\w.+-]+", re.ASCII)
_MAX_NAME = 80


@dataclass(frozen=True)
class KeptModel:
    """A trained model on its way from the process that trained it to its file.

    Attributes:
        data: What the file will hold; empty once it is written, or where there is none.
        ending: WHOLE or WEIGHTS_ALONE.
        trouble: Why there is no file; empty where there is one.
        lasting: Whether Keras cannot save the model, so that training it again would not help.
        probabilities: Its outputs for the test images, [N, classes]; kept beside it, as float16.
    """

    data: bytes = b""
    ending: str = ""
    trouble: str = ""
    lasting: bool = False
    probabilities: NDArray[np.float16] | None = None


def models_folder(results: Path) -> Path:
    """Return where a results folder's models are."""
    return results / "models"


def check_models_folder(results: Path) -> None:
    """Refuse a folder of models that cannot be written, before anything is trained for it; leaves nothing behind.

    Raises:
        InputError, HarnessError: Something else is in its place, it is a link out of the results, or it cannot be
            written.
    """
    folder = models_folder(results)
    try:
        if os.path.lexists(folder):
            with tempfile.TemporaryFile(dir=own_folder(folder)):
                pass
    except OSError as error:
        elsewhere = "remove what is in its place, or give --results another folder"
        raise unwritable(folder, error, elsewhere=elsewhere) from None


def write_model(results: Path, trial: Trial, variant: str, kept: KeptModel) -> Path:
    """Write a trial's model, or why it has none, in the place of an older one of it, and return the file.

    Raises:
        InputError: The folder is a link that leads out of the results.
        OSError: It cannot be written.
    """
    folder = own_folder(models_folder(results))
    name = _UNSAFE.sub("-", variant).strip(".-")[:_MAX_NAME]
    stem, key = f"{name}-seed-{trial.seed}-{trial.key[:_KEY_LENGTH]}", trial.key[:_KEY_LENGTH]
    if not kept.data:
        path = folder / f"{stem}{NOT_KEPT}"
        with replaced(path) as scratch:
            scratch.write_text(f"{kept.trouble}\n", encoding="utf-8")
        return path
    path = folder / f"{stem}{kept.ending}"
    older, said = kept_models(results).get(key), not_kept(results).get(key)
    if kept.probabilities is not None:
        with replaced(_probabilities_path(path)) as scratch, scratch.open("wb") as file:
            np.save(file, kept.probabilities, allow_pickle=False)
    with replaced(path) as scratch:
        scratch.write_bytes(kept.data)
    if older is not None and older != path:
        older.unlink(missing_ok=True)
        _probabilities_path(older).unlink(missing_ok=True)
    if said is not None:
        said.unlink(missing_ok=True)
    return path


def read_probabilities(path: Path, images: int, classes: int) -> NDArray[np.float16] | None:
    """Return the probabilities beside a model's file: [images, classes]; None where there are none.

    Raises:
        InputError: They are damaged, or of another size; names their file.
    """
    place = _probabilities_path(path)
    if not os.path.lexists(place):
        return None
    try:
        found = np.load(place, mmap_mode="r", allow_pickle=False)  # so that a false size takes no memory
        if found.dtype != np.float16 or found.shape != (images, classes):
            raise ValueError(f"{found.dtype} {found.shape} instead of float16 {(images, classes)}")
        return np.array(found)
    except (OSError, ValueError, EOFError) as error:
        raise InputError(
            f"{place} is damaged ({error}): remove it; --save-models makes it anew, once {path} is removed too"
        ) from None


def _probabilities_path(path: Path) -> Path:
    return path.with_name(path.name.removesuffix(WHOLE).removesuffix(WEIGHTS_ALONE) + ".probabilities.npy")


def kept_models(results: Path) -> dict[str, Path]:
    """Return the files of the models that a results folder has, by the first digits of their trials' keys."""
    return _by_key(models_folder(results), (WHOLE, WEIGHTS_ALONE))


def not_kept(results: Path) -> dict[str, Path]:
    """Return the files that say why a trial's model could not be saved, by the first digits of the trials' keys."""
    return _by_key(models_folder(results), (NOT_KEPT,))


def _by_key(folder: Path, endings: tuple[str, ...]) -> dict[str, Path]:
    found = {}
    for path in _files(folder):
        ending = next((one for one in endings if path.name.endswith(one)), "")
        key = path.name.removesuffix(ending).rpartition("-")[2] if ending else ""
        if len(key) == _KEY_LENGTH and not path.name.startswith("."):
            found[key] = path
    return found


def copy_models(source: Path, into: Path, keys: Set[str]) -> None:
    """Copy the models of trials of which another results folder has none.

    A link is not followed: a folder from elsewhere could show a private file through it.

    Args:
        source: A results folder.
        into: Another one.
        keys: Of the trials of which the source has a result.

    Raises:
        OSError: It cannot be written.
    """
    if models_folder(source).is_symlink():
        return
    wanted = {key[:_KEY_LENGTH] for key in keys} - kept_models(into).keys()
    said = not_kept(into)
    found = kept_models(source) | {key: path for key, path in not_kept(source).items() if key not in said}
    for key in sorted(wanted & found.keys()):
        for file in (_probabilities_path(found[key]), found[key]):
            if file.is_file() and not file.is_symlink():
                with replaced(own_folder(models_folder(into)) / file.name) as scratch:
                    shutil.copyfile(file, scratch)


def model_of(trial: Trial, kept: dict[str, Path]) -> Path | None:
    """Return a trial's file among those of `kept_models`."""
    return kept.get(trial.key[:_KEY_LENGTH])


def _files(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.is_file())
    except OSError:  # there is none, or it cannot be read: no model is found
        return []
