"""An item without `--benchmark`: checks that a variant builds and trains on a batch, in seconds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from harness.errors import HarnessError
from harness.pytest_plugin.options import option
from harness.variants import Variant

if TYPE_CHECKING:
    from harness.datasets import Dataset

_DATASET = pytest.StashKey["Dataset | HarnessError"]()


def check_item(config: pytest.Config, variant: Variant, baseline: Variant | None = None) -> str:
    """Fail the item where the variant cannot be trained on the dataset, without a traceback through the harness.

    Returns what to warn of; empty for nothing.
    """
    __tracebackhide__ = True
    try:
        dataset = _dataset(config)
        from harness.training.check import check_trains

        return check_trains(variant, dataset, baseline=baseline)
    except HarnessError as error:
        raise pytest.fail.Exception(str(error), pytrace=False) from None


def _dataset(config: pytest.Config) -> Dataset:
    """Return the dataset of all checks; one that does not open is tried once."""
    if _DATASET not in config.stash:
        from harness.datasets import load_dataset
        from harness.training.devices import configure_process, find_device

        configure_process(find_device(option(config, "device")).kind, threads=0)
        try:
            config.stash[_DATASET] = load_dataset(
                option(config, "dataset"),
                image_size=option(config, "image-size"),
                skip_unreadable=option(config, "skip-unreadable"),
            )
        except HarnessError as error:
            config.stash[_DATASET] = error
    opened = config.stash[_DATASET]
    if isinstance(opened, HarnessError):
        raise opened
    return opened
