"""The models of trials, beside the store: a file each, named after the trial's key, whole or not there."""

from __future__ import annotations

import json
import re
import shutil
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from harness.errors import InputError
from harness.files import own_folder, replaced
from harness.results.trials import Trial

WHOLE, WEIGHTS_ALONE = ".keras", ".weights.h5"
"""How files end: of a model that Keras can build by itself, and of the weights of one that `build_model` must build."""

SHAPE = "input_shape"
"""Attribute of a file of weights: height, width, channels."""

_KEY_LENGTH = 16
_UNSAFE = re.compile(r"[^\w.+-]+", re.ASCII)
_MAX_NAME = 80
# Of a model's description: the largest network of keras.applications takes 1 MB.
_LONGEST_CONFIG = 2**25


@dataclass(frozen=True)
class KeptModel:
    """A trained model on its way from the process that trained it to its file.

    Attributes:
        data: What the file will hold; empty once it is written, or where there is none.
        ending: WHOLE or WEIGHTS_ALONE.
        trouble: Why there is no file; empty where there is one.
        probabilities: Its outputs for the test images, [N, classes]; kept beside it, as float16.
    """

    data: bytes = b""
    ending: str = ""
    trouble: str = ""
    probabilities: NDArray[np.float16] | None = None


def models_folder(results: Path) -> Path:
    """Return where a results folder's models are."""
    return results / "models"


def write_model(results: Path, trial: Trial, variant: str, kept: KeptModel) -> Path:
    """Write a trial's model, in the place of an older one of it, and return the file.

    Raises:
        InputError: The folder is a link that leads out of the results.
        OSError: It cannot be written.
    """
    folder = own_folder(models_folder(results))
    name = _UNSAFE.sub("-", variant).strip(".-")[:_MAX_NAME]
    path = folder / f"{name}-seed-{trial.seed}-{trial.key[:_KEY_LENGTH]}{kept.ending}"
    older = kept_models(results).get(trial.key[:_KEY_LENGTH])
    if kept.probabilities is not None:
        with replaced(_probabilities_path(path)) as scratch, scratch.open("wb") as file:
            np.save(file, kept.probabilities, allow_pickle=False)
    with replaced(path) as scratch:
        scratch.write_bytes(kept.data)
    if older is not None and older != path:
        older.unlink(missing_ok=True)
        _probabilities_path(older).unlink(missing_ok=True)
    return path


def read_probabilities(path: Path, images: int, classes: int) -> NDArray[np.float16]:
    """Return the probabilities beside a model's file: [images, classes].

    Raises:
        InputError: There are none, or of another size.
    """
    place = _probabilities_path(path)
    try:
        found = np.load(place, mmap_mode="r", allow_pickle=False)  # so that a false size takes no memory
        if found.dtype != np.float16 or found.shape != (images, classes):
            raise ValueError(f"{found.dtype} {found.shape} instead of float16 {(images, classes)}")
        return np.array(found)
    except (OSError, ValueError, EOFError) as error:
        raise InputError(
            f"{place} is damaged or gone ({error}): --save-models makes it anew, once {path} is removed"
        ) from None


def _probabilities_path(path: Path) -> Path:
    return path.with_name(path.name.removesuffix(WHOLE).removesuffix(WEIGHTS_ALONE) + ".probabilities.npy")


def kept_models(results: Path) -> dict[str, Path]:
    """Return the files of the models that a results folder has, by the first digits of their trials' keys."""
    found = {}
    for path in _files(models_folder(results)):
        ending = next((one for one in (WHOLE, WEIGHTS_ALONE) if path.name.endswith(one)), "")
        key = path.name.removesuffix(ending).rpartition("-")[2] if ending else ""
        if len(key) == _KEY_LENGTH and not path.name.startswith("."):
            found[key] = path
    return found


def copy_models(source: Path, into: Path) -> None:
    """Copy the models of trials of which another results folder has none; OSError where that cannot be written."""
    there = kept_models(into)
    for key, path in kept_models(source).items():
        if key not in there:
            for file in filter(Path.exists, (_probabilities_path(path), path)):
                with replaced(own_folder(models_folder(into)) / file.name) as scratch:
                    shutil.copyfile(file, scratch)


def model_of(trial: Trial, kept: dict[str, Path]) -> Path | None:
    """Return a trial's file among those of `kept_models`."""
    return kept.get(trial.key[:_KEY_LENGTH])


def loading_lines(path: Path, trial: Trial, classes: tuple[str, ...]) -> list[str]:
    """Return Python lines that load a trial's model and predict with it.

    Args:
        path: Its file.
        trial: The trial.
        classes: In the order of the model's outputs.

    Raises:
        InputError: The file is damaged.
    """
    names = [name if name.isprintable() else ascii(name) for name in classes[:12]]  # it is the end of a line of Python
    shown = ", ".join(names) + (f", ... ({len(classes)} in all)" if len(classes) > 12 else "")
    if path.name.endswith(WEIGHTS_ALONE):
        shape = _damaged_else(path, _shape_of_weights)
        what, variant = f"[N, {', '.join(map(str, shape))}]", f"harness.Variant.from_json({trial.variant.to_json()!r})"
        return [
            "import harness",
            f"model = harness.build_model({variant}, {shape}, {len(classes)})",
            f"model.load_weights({str(path)!r})",
            f"probabilities = model.predict(images / 255)  # images {what}, 0 to 255; of {shown}",
        ]
    config = _damaged_else(path, _config)
    found = list(_parts(config))
    modules = sorted({module for module, _ in _own_classes(found)})
    unregistered = sorted({module for module, registered in _own_classes(found) if not registered})
    shapes = (part.get("config", {}).get("batch_shape") for part in found if part.get("class_name") == "InputLayer")
    sizes = [size for size in next(shapes, None) or () if isinstance(size, int)]  # a file from elsewhere may hold texts
    what = f"[N, {', '.join(map(str, sizes))}]"
    own = "".join(f", custom_objects=vars({module})" for module in unregistered[:1])
    if len(unregistered) > 1:
        own = f", custom_objects={{{', '.join(f'**vars({module})' for module in unregistered)}}}"
    return [
        f"import {', '.join(['keras', *modules])}",
        f"model = keras.saving.load_model({str(path)!r}, compile=False{own})",
        f"probabilities = model.predict(images)  # images {what}, 0 to 255; of {shown}",
    ]


Read = TypeVar("Read")


def _damaged_else(path: Path, read: Callable[[Path], Read]) -> Read:
    try:
        return read(path)
    except (OSError, KeyError, ValueError, RecursionError, zipfile.BadZipFile) as error:
        raise InputError(f"{path} is damaged ({error}): remove it, and --save-models makes it anew") from None


def _config(path: Path) -> Any:
    with zipfile.ZipFile(path) as archive:
        if archive.getinfo("config.json").file_size > _LONGEST_CONFIG:
            raise ValueError("its description is too long")
        return json.loads(archive.read("config.json"))


def _shape_of_weights(path: Path) -> tuple[int, ...]:
    import h5py  # type: ignore[import-untyped]

    with h5py.File(path, "r") as file:
        return tuple(int(one) for one in file.attrs[SHAPE])


def _parts(config: Any) -> Iterator[dict[str, Any]]:
    """Yield every object of a model's description, the outer ones first."""
    if isinstance(config, dict):
        yield config
        config = list(config.values())
    if isinstance(config, list):
        for item in config:
            yield from _parts(item)


def _own_classes(parts: Sequence[dict[str, Any]]) -> Iterator[tuple[str, bool]]:
    """Yield the modules of classes that are not Keras's, and whether importing one makes Keras know the class."""
    for part in parts:
        module, name = part.get("module"), part.get("registered_name")
        if isinstance(module, str) and re.fullmatch(r"[A-Za-z_][\w.]*", module) and module.split(".")[0] != "keras":
            yield module, isinstance(name, str) and ">" in name


def _files(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.is_file())
    except OSError:  # there is none, or it cannot be read: no model is found
        return []
