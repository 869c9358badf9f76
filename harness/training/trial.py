"""The life of a trial, top to bottom: split, train, choose the weights that count, read the test set once."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import keras
import numpy as np
from numpy.typing import NDArray

from harness.datasets import Dataset
from harness.models.builders import user_errors
from harness.models.precision import computed_in
from harness.models.state import known_state
from harness.noise import quiet_libraries
from harness.results.records import EpochMetrics, Record
from harness.results.trials import Trial
from harness.training.averaging import mean_of_epoch
from harness.training.checkpoints import Checkpoints, TrialState
from harness.training.evaluation import measure, predictions_of
from harness.training.finalized import check_one_mean, finalized
from harness.training.gpus import require_gpu
from harness.training.inputs import Inputs, InputSource
from harness.training.keeping import kept_model
from harness.training.measured import MEASURED, check_measured
from harness.training.memory import PeakMemory
from harness.training.prepared import Epoch, PreparedModel, restore_weights, weight_values
from harness.training.split import split_images
from harness.variants.sources import BuildError, source_fingerprint
from harness.variants.user_code import contained

# Streams of random numbers that a trial's seed opens; numbered, so that adding one moves no other.
_SHUFFLING_STREAM = 1


class Trainer:
    """Trains trials one after another in this process, keeping the model from seed to seed of a variant.

    With `checkpoints` a trial goes on from the furthest state kept of it, and leaves its own.
    """

    def __init__(self, checkpoints: Checkpoints | None = None) -> None:
        self._inputs = InputSource()
        self._prepared: PreparedModel | None = None
        self._checkpoints = checkpoints

    @property
    def model(self) -> keras.Model:
        """The model of the last trial, with the weights that made its test figures."""
        if self._prepared is None:
            raise ValueError("no trial was run yet")
        return self._prepared.epoch.model

    @quiet_libraries()
    def run(self, trial: Trial, dataset: Dataset, *, stop: Callable[[], bool] = lambda: False) -> Record:
        """Train and measure one trial.

        Args:
            trial: What to run.
            dataset: The images that `trial.fingerprint` names.
            stop: Asked after each epoch; True ends the trial with KeyboardInterrupt.

        Raises:
            HarnessError: The variant cannot be built on this dataset, the user's builder failed, or the trial names a
                GPU that this process has not.
        """
        require_gpu(trial.environment)
        own = trial.variant.model
        with known_state(trial.seed if own else None), contained(), user_errors(own):
            if own and source_fingerprint(trial.variant) != trial.source:
                raise BuildError(f'model "{own}" was edited after this run began: run again')
            return self._run(trial, dataset, stop)

    def _run(self, trial: Trial, dataset: Dataset, stop: Callable[[], bool]) -> Record:
        started = time.perf_counter()
        memory = PeakMemory(trial.environment.device)
        inputs = self._inputs.of(trial, dataset)
        averaging = trial.budget.tested_weights == "averaged"
        if self._prepared is None or not self._prepared.fits(trial.variant, dataset, inputs, averaging=averaging):
            self._prepared = None  # frees the old model before the new one is built
            self._prepared = PreparedModel(trial.variant, dataset, inputs, seed=trial.seed, averaging=averaging)
        for baseline in trial.against if trial.variant.model else ():
            self._prepared.reads.check(trial.variant, baseline)
        epoch = self._prepared.start(trial.seed)
        train, validation, test = split_images(dataset, trial.budget, trial.seed)
        train, validation = inputs.rows(train), inputs.rows(validation)
        epoch.compile_for(len(train), len(validation))
        build_s = time.perf_counter() - started

        shuffling = np.random.default_rng([trial.seed, _SHUFFLING_STREAM])
        progress = self._checkpoints.load(trial, epoch.model) if self._checkpoints else TrialState()
        history, best, weights = progress.history, progress.best, progress.weights
        for number in range(1, trial.budget.epochs + 1):
            order = train[shuffling.permutation(len(train))]
            if number <= len(history):
                continue  # behind it already; drawing the order keeps the stream in step
            training, seconds = _train(epoch, order)
            if number == 1:
                check_measured(trial.variant.model, epoch.model, "train_step")
                if averaging and trial.variant.model:
                    check_one_mean(trial.variant.model, epoch.model)
            with _tested_weights(trial, epoch, inputs, order):
                validated = epoch.evaluate(validation)
                if number == 1:
                    check_measured(trial.variant.model, epoch.model, "test_step")
                metrics = _metrics(training, validated, seconds)
                history.append(metrics)
                if not _finite(metrics):
                    return _diverged(trial, history, f"loss or a metric was not finite in epoch {number}")
                chosen = trial.budget.tested_weights == "best"
                if not chosen or not best or _rank(metrics) > _rank(history[best - 1]):
                    best, weights = number, weight_values(epoch.model)
            if stop():
                raise KeyboardInterrupt
        total_s = progress.seconds + time.perf_counter() - started
        if self._checkpoints:
            self._checkpoints.save(trial, epoch.model, TrialState(history, best, weights, total_s))
        if weights is not None:
            restore_weights(epoch.model, weights)

        outputs = epoch.predict(inputs.test)
        if not np.isfinite(outputs).all():
            return _diverged(trial, history, "a prediction on the test images was not finite")
        labels = dataset.test_labels[test]
        predictions = predictions_of(outputs, labels)
        result = measure(predictions, outputs, labels)
        return Record(
            trial=trial,
            status="ok",
            epoch=best,
            history=tuple(history),
            accuracy=result.accuracy,
            precision=result.precision,
            recall=result.recall,
            macro_f1=result.macro_f1,
            loss=result.loss,
            params=self._prepared.count_params(),
            build_s=build_s,
            train_time_s=sum(metrics.seconds for metrics in history),
            total_s=progress.seconds + time.perf_counter() - started,
            peak_memory_mib=memory.mib(),
            features_s=inputs.features_s,
            precision_policy=_own_precision(trial, epoch.model),
            predictions=predictions,
            model=kept_model(trial, epoch.model, dataset, dataset.test_images[test], outputs)
            if trial.keep_model
            else None,
        )


def _own_precision(trial: Trial, model: keras.Model) -> str:
    """Return what a user's own model computes in, where that is not what its variant says; else nothing."""
    found = computed_in(model) if trial.variant.model else trial.variant.precision_policy
    return "" if found == trial.variant.precision_policy else found


def _tested_weights(
    trial: Trial, epoch: Epoch, inputs: Inputs, order: NDArray[np.int64]
) -> AbstractContextManager[None]:
    """Give the model the weights that count after an epoch, for as long as it is measured."""
    if trial.budget.tested_weights == "averaged":
        return mean_of_epoch(epoch, inputs, order)
    return finalized(epoch.model) if trial.variant.model else nullcontext()  # our optimizers end with what they train


def _train(epoch: Epoch, order: NDArray[np.int64]) -> tuple[dict[str, float], float]:
    started = time.perf_counter()
    training = epoch.train(order)
    return training, time.perf_counter() - started


def _metrics(training: dict[str, float], validated: dict[str, float], seconds: float) -> EpochMetrics:
    return EpochMetrics(
        **{name: training[name] for name in MEASURED},
        **{f"val_{name}": validated[name] for name in MEASURED},
        seconds=seconds,
    )


def _rank(metrics: EpochMetrics) -> tuple[float, float]:
    # On few validation images accuracies tie often; the loss then decides, and after it the earlier epoch.
    return metrics.val_accuracy, -metrics.val_loss


def _finite(metrics: EpochMetrics) -> bool:
    return math.isfinite(metrics.loss) and math.isfinite(metrics.val_loss)


def _diverged(trial: Trial, history: list[EpochMetrics], message: str) -> Record:
    return Record(trial=trial, status="diverged", message=message, history=tuple(history))
