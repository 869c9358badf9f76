"""A model that is built and traced once and then serves every seed of its variant."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

import keras
import numpy as np
from numpy.typing import NDArray

from harness.datasets import Dataset
from harness.models import build_head_model, build_model
from harness.noise import quiet_libraries
from harness.training.features import BACKBONE_BATCH
from harness.training.fit_epoch import EVALUATION_BATCH, FitEpoch
from harness.training.inputs import Inputs, picture_inputs
from harness.variants import Variant
from harness.variants.reads import Reads


class Epoch(Protocol):
    """What a backend offers: `TensorFlowEpoch`, `XlaEpoch`, `JaxEpoch` or `FitEpoch`."""

    model: keras.Model
    evaluation_batch: int
    """Images at once where nothing is trained."""

    def train(self, order: NDArray[np.integer]) -> dict[str, float]:
        """Train one epoch."""
        ...

    def run_block(self, order: NDArray[np.integer]) -> None:
        """Train without reading metrics; back when the device has finished."""
        ...

    def settle(self, limit_s: float) -> None:
        """Train a little until steps take no longer than later ones, at most about that long."""
        ...

    def trace(self) -> None:
        """Trace what can be traced ahead."""
        ...

    def compile_for(self, trained: int, evaluated: int) -> None:
        """Compile what must know how many images an epoch trains and evaluates, so that its time holds none of it."""
        ...

    def mean_weights(self) -> list[NDArray[np.float32]]:
        """Return the mean of each trainable variable over the last epoch's steps, where it was made with averaging."""
        ...

    def evaluate(self, indices: NDArray[np.integer]) -> dict[str, float]:
        """Return loss and metrics."""
        ...

    def predict(self, images: NDArray[Any]) -> NDArray[np.float32]:
        """Return the outputs."""
        ...


class PreparedModel:
    """A compiled model with its compiled epoch, put back to a seed's first state before each trial.

    Tracing costs about a second, a reset 0.05 s. A reset model equals a fresh build bit for bit, since every variable
    of the model, its optimizer, metrics and seed generators is put back.
    """

    def __init__(
        self, variant: Variant, dataset: Dataset, inputs: Inputs | None = None, *, seed: int, averaging: bool = False
    ) -> None:
        self.variant = variant
        self.dataset = dataset
        self.inputs = inputs or picture_inputs(dataset)
        self.averaging = averaging
        self.reads = Reads()
        self.epoch = self._compile(self._build(seed))
        self._optimizer_start = variable_values(self.epoch.model.optimizer.variables)
        self._seed: int | None = seed

    def start(self, seed: int) -> Epoch:
        """Return the epoch with the model as a fresh build with that seed would be."""
        if self._seed != seed:
            fresh = self._build(seed)
            assign_values(self.epoch.model.variables, variable_values(fresh.variables))
            assign_values(self.epoch.model.optimizer.variables, self._optimizer_start)
            self.epoch.model.reset_metrics()
        self._seed = None  # training moves the state away from that seed's start
        return self.epoch

    def fits(self, variant: Variant, dataset: Dataset, inputs: Inputs, *, averaging: bool) -> bool:
        """Whether this serves that variant on that dataset, reading these inputs, with a mean of its weights or not.

        A user's own model serves one trial: what it keeps besides its variables (a network that depends on the seed,
        random numbers without a generator, attributes) cannot be put back.
        """
        same_data = self.dataset is dataset and self.inputs is inputs
        return not variant.model and self.variant == variant and same_data and self.averaging == averaging

    def count_params(self) -> int:
        """Return the parameters of the whole model: a backbone counts whose features are kept."""
        return int(self.epoch.model.count_params()) + (self.inputs.backbone_params or 0)

    def _build(self, seed: int) -> keras.Model:
        if self.inputs.backbone_params is None:
            return build_for(self.variant, self.dataset, seed=seed, reads=self.reads)
        channels = self.inputs.values.shape[1]
        return build_head_model(self.variant, channels, len(self.dataset.classes), seed=seed)

    def _compile(self, model: keras.Model) -> Epoch:
        epoch = make_epoch(model, self.variant, self.dataset, self.inputs, averaging=self.averaging)
        epoch.trace()
        return epoch


def build_for(variant: Variant, dataset: Dataset, *, seed: int | None, reads: Reads | None = None) -> keras.Model:
    """Return a variant's compiled model for a dataset's images and classes."""
    return build_model(variant, dataset.input_shape, len(dataset.classes), seed=seed, reads=reads)


def make_epoch(
    model: keras.Model, variant: Variant, dataset: Dataset, inputs: Inputs | None = None, *, averaging: bool = False
) -> Epoch:
    """Return the backend's way to train a model on some inputs; by default the dataset's train pictures."""
    inputs = inputs or picture_inputs(dataset)
    runs_backbone = variant.backbone is not None and inputs.backbone_params is None
    return _backend_epoch(model)(
        model,
        inputs.values,
        inputs.labels,
        classes=len(dataset.classes),
        batch_size=variant.batch_size,
        evaluation_batch=BACKBONE_BATCH if runs_backbone else EVALUATION_BATCH,
        averaging=averaging,
    )


def _backend_epoch(model: keras.Model) -> Callable[..., Epoch]:
    if keras.backend.backend() == "tensorflow":
        if model.jit_compile:
            from harness.training.xla_epoch import XlaEpoch

            return XlaEpoch
        from harness.training.tensorflow_epoch import TensorFlowEpoch

        return TensorFlowEpoch
    if keras.backend.backend() == "jax":
        import jax

        # On a CPU `fit` keeps the device busy, and gives the bits it always gave.
        if jax.default_backend() != "cpu":
            from harness.training.jax_epoch import JaxEpoch

            return JaxEpoch
    return FitEpoch


def weight_values(model: keras.Model) -> list[NDArray[np.generic]]:
    """Return a copy of every weight, moving averages included."""
    return variable_values(model.weights)


def restore_weights(model: keras.Model, values: list[NDArray[np.generic]]) -> None:
    """Put back what `weight_values` returned."""
    assign_values(model.weights, values)


@quiet_libraries()
def variable_values(variables: Iterator[keras.Variable] | list[keras.Variable]) -> list[NDArray[np.generic]]:
    """Return a copy of each variable's value."""
    return [np.array(keras.ops.convert_to_numpy(keras.ops.convert_to_tensor(variable))) for variable in variables]


def assign_values(variables: Sequence[keras.Variable], values: Sequence[NDArray[np.generic]]) -> None:
    """Give each variable its value."""
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
