"""All checks, in the order in which a person fixes what they find."""

from __future__ import annotations

from pathlib import Path

from harness.datasets import Origin
from harness.doctor.check import Check
from harness.doctor.determinism import start_twice
from harness.doctor.folders import check_cache, check_dataset, check_disk, check_results, check_store
from harness.doctor.gpu import check_gpu
from harness.doctor.machine import check_cores, check_governor, check_load, check_memory
from harness.training.devices import find_device, has_gpu_hardware


def examine(*, results: Path, dataset: Origin) -> list[Check]:
    """Look at this machine; about 4 seconds.

    Args:
        results: The folder that a sweep would write; it is not made.
        dataset: The dataset that a sweep would use: opened, and downloaded where that is how it opens.
    """
    load = check_load()  # before the trials make load of their own
    twice = start_twice()
    try:
        device = find_device("auto")
        checks = [
            *check_gpu(device, hardware=has_gpu_hardware()),
            check_cores(),
            load,
            check_governor(),
            check_memory(),
            check_disk(results),
            check_cache(),
            check_dataset(dataset),
            check_results(results),
            check_store(results),
        ]
        return [*checks, twice.judge()]
    finally:
        if twice.process.poll() is None:
            twice.process.kill()
            twice.process.communicate()
