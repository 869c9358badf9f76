"""The lines of Python that load a kept model: what its file says of it is read, and nothing of it is run."""

from __future__ import annotations

import json
import keyword
import sys
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from harness.errors import InputError
from harness.results.kept_models import SHAPE, WEIGHTS_ALONE
from harness.results.trials import Trial
from harness.variants.sources import builder_files

# Of a model's description: the largest network of keras.applications takes 1 MB.
_LONGEST_CONFIG = 2**25
_LONGEST_CAUSE = 200
# Where the classes of a plain variant are from that are not Keras's.
_OUR_LAYERS = "harness.models.layers"


def loading_lines(path: Path, trial: Trial, classes: tuple[str, ...]) -> list[str]:
    """Return Python lines that load a trial's model and predict with it.

    They import Keras, the harness and, for a variant with a builder, modules that the builder is made of: never what
    the file alone names.

    Args:
        path: Its file.
        trial: The trial.
        classes: In the order of the model's outputs.

    Raises:
        InputError: The file is damaged, or its classes are a builder's that is not found; names the file.
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
    sizes, foreign = _damaged_else(path, _described)
    modules, unregistered = _to_import(path, trial, foreign)
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
    except Exception as error:  # whatever a file from elsewhere holds: it is named
        raise InputError(f"{path} is damaged ({_cause(error)}): remove it, and --save-models makes it anew") from None


def _cause(error: Exception) -> str:
    return " ".join(str(error).split())[:_LONGEST_CAUSE] or type(error).__name__


def _described(path: Path) -> tuple[list[int], list[tuple[str, bool]]]:
    """Return the sizes of a model's input, and the modules of its classes that are not Keras's (see `_foreign`)."""
    with zipfile.ZipFile(path) as archive:
        if archive.getinfo("config.json").file_size > _LONGEST_CONFIG:
            raise ValueError("its description is too long")
        parts = list(_parts(json.loads(archive.read("config.json"))))
    return _input_sizes(parts), list(_foreign(parts))


def _input_sizes(parts: Sequence[dict[str, Any]]) -> list[int]:
    config = next((part.get("config") for part in parts if part.get("class_name") == "InputLayer"), None)
    shape = config.get("batch_shape") if isinstance(config, dict) else None
    if not isinstance(shape, list) or any(size is not None and type(size) is not int for size in shape):
        raise ValueError("its description has no input layer with a shape")
    return [size for size in shape if size is not None]


def _shape_of_weights(path: Path) -> tuple[int, ...]:
    import h5py  # type: ignore[import-untyped]

    with h5py.File(path, "r") as file:
        shape = np.asarray(file.attrs[SHAPE])
    if shape.shape != (3,) or shape.dtype.kind not in "iu":
        raise ValueError(f"its {SHAPE} is not height, width and channels")
    return tuple(int(one) for one in shape)


def _parts(config: Any) -> Iterator[dict[str, Any]]:
    """Yield every object of a model's description, the outer ones first."""
    if isinstance(config, dict):
        yield config
        config = list(config.values())
    if isinstance(config, list):
        for item in config:
            yield from _parts(item)


def _foreign(parts: Sequence[dict[str, Any]]) -> Iterator[tuple[str, bool]]:
    """Yield the modules of classes that are not Keras's, and whether importing one makes Keras know the class."""
    for part in parts:
        module, name = part.get("module"), part.get("registered_name")
        if isinstance(module, str) and module.split(".")[0] != "keras":
            yield module, isinstance(name, str) and ">" in name


def _to_import(path: Path, trial: Trial, foreign: Sequence[tuple[str, bool]]) -> tuple[list[str], list[str]]:
    """Return the modules to import before a model is loaded, and those that its classes are to be looked up in."""
    ours = {module for module, _ in foreign if module == _OUR_LAYERS}
    others = [one for one in foreign if one[0] != _OUR_LAYERS]
    builder = (trial.variant.model or "").partition(":")[0]
    if not others or not _can_be_imported(builder):
        return sorted(ours), []
    try:
        files = builder_files(trial.variant.model or "")
    except InputError as error:
        raise InputError(f"{path} holds classes of one's own: {error}") from None
    # What is of another package is imported by the builder.
    found = [(module if module in files and _can_be_imported(module) else builder, known) for module, known in others]
    return sorted(ours | {module for module, _ in found}), sorted({module for module, known in found if not known})


def _can_be_imported(module: str) -> bool:
    names = module.split(".")
    known = sys.stdlib_module_names | {"keras", "harness"}
    return names[0] not in known and all(name.isidentifier() and not keyword.iskeyword(name) for name in names)
