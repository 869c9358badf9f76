"""A trial's model as a file's content: pixels from 0 to 255 in, probabilities out, and checked by loading it."""

from __future__ import annotations

import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from harness.datasets import Dataset
from harness.files import is_unwritable, unwritable
from harness.models.backbones import split_backbone
from harness.results.kept_models import SHAPE, WEIGHTS_ALONE, WHOLE, KeptModel
from harness.results.trials import Trial
from harness.training.prepared import build_for, restore_weights, weight_values
from harness.training.weights_files import write_weights
from harness.variants.user_code import describe

# So many images are predicted with what was loaded, and so far may a probability be off: a bfloat16 has 8 bits.
_IMAGES = 8
_TOLERANCE = 0.02
# A zip file tells times of no others; a clock may stand elsewhere.
_YEARS_OF_ZIP = range(1980, 2108)


def kept_model(
    trial: Trial, model: keras.Model, dataset: Dataset, images: NDArray[np.uint8], outputs: NDArray[np.float32]
) -> KeptModel:
    """Return a trained model as the content of a file; never raises what its saving raises.

    Keras's own format, with the division by 255 in the model. Where Keras cannot build it again by itself (a class
    without `get_config`, a lambda) the weights alone, for `build_model`.

    Args:
        trial: What was trained.
        model: With the weights that count; where features of a frozen backbone were kept, its head.
        dataset: What it was trained on.
        images: Test images, uint8 [N, H, W, C].
        outputs: The model's for them, [N, classes].
    """
    kept = _kept(trial, model, dataset, images, outputs)
    return replace(kept, probabilities=outputs.astype(np.float16)) if kept.data else kept


def _kept(
    trial: Trial, model: keras.Model, dataset: Dataset, images: NDArray[np.uint8], outputs: NDArray[np.float32]
) -> KeptModel:
    try:
        with tempfile.TemporaryDirectory(prefix="harness-model-") as folder:
            whole = _with_backbone(trial, model, dataset) if trial.variant.reuses_features else model
            first, expected = images[:_IMAGES], outputs[:_IMAGES]
            try:
                return _whole(whole, dataset, Path(folder), first, expected)
            except Exception as error:
                if is_unwritable(error):
                    raise  # of the disk, not of the model: weights alone would be less than there could be
                reason = describe(error)
            file = Path(folder) / f"model{WEIGHTS_ALONE}"
            try:
                with _without_optimizer(whole):
                    write_weights(whole, file)
            except Exception as error:
                if is_unwritable(error):
                    raise
                return _not_kept(f"{reason}; {describe(error)}", error)
            import h5py  # type: ignore[import-untyped]

            with h5py.File(file, "a") as opened:
                opened.attrs[SHAPE] = dataset.input_shape
            return KeptModel(file.read_bytes(), WEIGHTS_ALONE)
    except Exception as error:
        if not is_unwritable(error):
            return _not_kept(describe(error), error)
        return _not_kept(str(unwritable(tempfile.gettempdir(), error, elsewhere="set TMPDIR to another folder")), error)


def _not_kept(trouble: str, error: Exception) -> KeptModel:
    return KeptModel(trouble=trouble, lasting=not isinstance(error, (OSError, MemoryError)))  # the machine may recover


def _whole(
    model: keras.Model, dataset: Dataset, folder: Path, images: NDArray[np.uint8], expected: NDArray[np.float32]
) -> KeptModel:
    inputs = keras.Input(dataset.input_shape, name="images")
    pixels = keras.layers.Rescaling(1 / 255, dtype="float32", name="pixels_0_to_1")(inputs)
    file = folder / f"model{WHOLE}"
    with _without_optimizer(model):  # twice the weights' size, and of no use to who predicts
        whole = keras.Model(inputs, model(pixels, training=False), name="trained")
        if time.localtime(time.time()).tm_year in _YEARS_OF_ZIP:
            whole.save(file)
        else:
            _pack(whole, folder / "parts", file)
    loaded = keras.saving.load_model(file, compile=False, custom_objects=_custom_objects(model))
    found = np.asarray(keras.ops.convert_to_numpy(loaded(images.astype(np.float32), training=False)), np.float32)
    if not np.allclose(found, expected, atol=_TOLERANCE):
        raise ValueError("what is loaded predicts otherwise than what was saved")
    return KeptModel(file.read_bytes(), WHOLE)


def _pack(model: keras.Model, folder: Path, file: Path) -> None:
    """Make the archive that Keras makes, which fails by this clock: its files are of the first day that there is."""
    model.save(folder, zipped=False)
    with zipfile.ZipFile(file, "w") as archive:
        for part in sorted(one for one in folder.rglob("*") if one.is_file()):
            archive.writestr(zipfile.ZipInfo(part.relative_to(folder).as_posix()), part.read_bytes())


@contextmanager
def _without_optimizer(model: keras.Model) -> Iterator[None]:
    optimizer, compiled = model.optimizer, model.compiled
    model.optimizer, model.compiled = None, False
    try:
        yield
    finally:
        model.optimizer, model.compiled = optimizer, compiled


def _custom_objects(model: keras.Model) -> dict[str, Any]:
    """Return what a person gives who loads it: the content of the modules that its own classes are from."""
    modules = {type(part).__module__ for part in (model, *model._flatten_layers())}
    own = [sys.modules.get(name) for name in sorted(modules) if name.split(".")[0] not in ("keras", "harness")]
    return {name: item for module in own if module is not None for name, item in vars(module).items()}


def _with_backbone(trial: Trial, head: keras.Model, dataset: Dataset) -> keras.Model:
    """Return the whole model of a head that was trained on the features of a frozen backbone."""
    whole = build_for(trial.variant, dataset, seed=trial.seed)
    _, its_head = split_backbone(whole)
    restore_weights(its_head, weight_values(head))
    return whole
