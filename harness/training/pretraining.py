"""A backbone trained on one dataset, its weights kept for transfer to another."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Callable
from pathlib import Path

from harness.budgets import BUDGETS, Budget
from harness.datasets import Dataset
from harness.errors import HarnessError, InputError
from harness.files import replaced, unwritable
from harness.models import find_backbone
from harness.results.records import Record
from harness.results.trials import Environment, Trial
from harness.statistics.guess import right_by_guess
from harness.training.split import split_images
from harness.training.trial import Trainer
from harness.training.weights_files import write_weights
from harness.variants import Variant
from harness.variants.sizes import check_variant
from harness.variants.sources import source_fingerprint

ENDING = ".weights.h5"
_CHANCE_P = 0.05


def check_pretraining(variant: Variant, dataset: Dataset, output: Path) -> None:
    """Refuse what cannot be trained or written, before hours of training.

    Raises:
        InputError: The variant has no backbone that is trained, or it does not fit the pictures or this machine;
            no image is left for validation; `output` does not end in .weights.h5, exists already, or its folder is
            missing or not writable.
    """
    if not (variant.backbone and variant.fine_tune):
        raise InputError(f'variant "{variant.name}" trains no backbone: give it backbone= and fine_tune=True')
    check_variant(variant, dataset.input_shape, len(dataset.classes))
    split_images(dataset, BUDGETS["quick"], seed=1)
    if not output.name.endswith(ENDING) or output.name == ENDING:
        raise InputError(f"output is {output}: use a file name that ends in {ENDING}")
    if output.exists():
        raise InputError(f"{output} exists: name another file, or remove it first")
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=output.parent).close()
    except OSError as error:
        raise InputError(f"{output.parent} cannot be written ({error.strerror}): name another folder") from None


def pretrain(
    variant: Variant,
    dataset: Dataset,
    output: Path,
    *,
    seed: int,
    budget: Budget,
    environment: Environment,
    notify: Callable[[int], None] = lambda epoch: None,
) -> Record:
    """Train a variant with a backbone, write the backbone's weights of the best validation epoch; return the record.

    Args:
        variant: With `backbone` and `fine_tune`.
        dataset: What to learn from.
        output: A .weights.h5 file, written whole or not at all.
        seed, budget, environment: As for any trial.
        notify: Called with the number of each epoch behind it.

    Raises:
        InputError: As for `check_pretraining`.
        HarnessError: Training diverged, or the file cannot be written.
    """
    check_pretraining(variant, dataset, output)
    source = source_fingerprint(variant) or ""
    trainer = Trainer()
    trial = Trial(variant, source, dataset.name, dataset.fingerprint, seed, budget, environment)
    epochs = itertools.count(1)

    def after_epoch() -> bool:
        notify(next(epochs))
        return False

    record = trainer.run(trial, dataset, stop=after_epoch)
    if record.status != "ok":
        raise HarnessError(f"pretraining {variant.backbone}: {record.message}; try a lower learning rate")
    try:
        with replaced(output) as scratch:
            write_weights(find_backbone(trainer.model), scratch)
    except OSError as error:
        raise unwritable(output, error, elsewhere="give --output another place") from error
    return record


def chance_trouble(record: Record, dataset: Dataset) -> str:
    """Return what to say of a training whose test accuracy may be chance; empty where it is surely above that.

    Chance is to guess the most frequent class of the test images always; a binomial test at 5 % tells.
    """
    from scipy.special import bdtrc

    images = len(dataset.test_labels)
    share = float(right_by_guess(dataset.test_labels).mean())
    if bdtrc(round(record.accuracy * images) - 1, images, share) <= _CHANCE_P:
        return ""
    return (
        f"test accuracy {record.accuracy:.3f} may be chance: always guessing the most frequent class reaches "
        f"{share:.3f}; the weights are hardly better than random ones: give more --epochs or images, or another "
        "--learning-rate"
    )
