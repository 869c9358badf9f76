"""An item without `--benchmark`: checks that a variant builds and trains on a batch, in seconds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from harness.errors import HarnessError
from harness.pytest_plugin.options import option
from harness.variants import Variant

if TYPE_CHECKING:
    from harness.datasets import Dataset  # noqa: F401  # of the key below

_DATASET = pytest.StashKey["Dataset"]()


def check_item(config: pytest.Config, variant: Variant, baseline: Variant | None = None) -> None:
    """Fail the item where the variant cannot be trained on the dataset, without a traceback through the harness."""
    __tracebackhide__ = True
    try:
        if _DATASET not in config.stash:
            from harness.datasets import load_dataset
            from harness.training.devices import configure_process, find_device

            configure_process(find_device(option(config, "device")).kind, threads=0)
            config.stash[_DATASET] = load_dataset(
                option(config, "dataset"),
                image_size=option(config, "image-size"),
                skip_unreadable=option(config, "skip-unreadable"),
            )
        from harness.training.check import check_trains

        check_trains(variant, config.stash[_DATASET], baseline=baseline)
    except HarnessError as error:
        pytest.fail(str(error), pytrace=False)
