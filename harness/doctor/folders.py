"""Folders: room on the disk, the cache, the dataset, the results and their store."""

from __future__ import annotations

import shlex
import shutil
import tempfile
from pathlib import Path

from harness.datasets import Origin
from harness.doctor.check import Check
from harness.errors import HarnessError

# A full sweep of 100 variants x 20 seeds takes about 60 MiB; the caches of CIFAR-10 about 370 MiB.
DISK_LEAST_MIB = 100
DISK_ENOUGH_MIB = 1000


def check_disk(folder: Path) -> Check:
    """Check the room where the results go."""
    return judge_disk(shutil.disk_usage(existing(folder)).free / 2**20, folder)


def judge_disk(free_mib: float, folder: Path) -> Check:
    """Judge the room of a folder's disk."""
    found = f"{free_mib:,.0f} MiB free for {folder}"
    if free_mib < DISK_LEAST_MIB:
        return Check("disk", "failed", found, "free some space, or give --results a folder on another disk")
    if free_mib < DISK_ENOUGH_MIB:
        return Check("disk", "warning", found, "free some space before a long sweep")
    return Check("disk", "ok", found)


def check_cache() -> Check:
    """Check that decoded datasets can be kept."""
    from harness.datasets.cache import cache_root

    folder = cache_root()
    fault = write_fault(folder)
    if fault:
        return Check(
            "cache",
            "warning",
            f"{folder} cannot be written ({fault}): datasets are decoded anew each time",
            "set HARNESS_CACHE to a folder that can be written",
        )
    return Check("cache", "ok", f"{folder} can be written")


def check_dataset(origin: Origin) -> Check:
    """Check that a dataset opens, by opening it."""
    from harness.datasets import load_from

    try:
        dataset = load_from(origin)
    except HarnessError as error:
        return Check("dataset", "failed", str(error), "give --dataset digits, cifar10, or a folder as the message says")
    found = (
        f"{dataset.name}: {len(dataset.train_labels):,} train and {len(dataset.test_labels):,} test images, "
        f"{len(dataset.classes)} classes"
    )
    if dataset.warnings:
        return Check("dataset", "warning", f"{found}; {'; '.join(dataset.warnings)}", "look at the images named")
    return Check("dataset", "ok", found)


def check_results(folder: Path) -> Check:
    """Check that results can be written; the folder is not made for that."""
    fault = write_fault(folder)
    if fault:
        return Check(
            "results", "failed", f"{folder} cannot be written ({fault})", "make it writable, or give --results another"
        )
    return Check("results", "ok", f"{folder} can be written")


def check_store(folder: Path) -> Check:
    """Check the store of a results folder: every row is read, and SQLite's own check of its pages."""
    from harness.results.opening import has_store
    from harness.results.salvage import examine
    from harness.results.schema import STORE_NAME

    path = folder / STORE_NAME
    if not has_store(folder):
        return Check("store", "ok", f"{folder} has none yet")
    try:
        found = examine(folder)
    except HarnessError as error:
        return Check("store", "failed", str(error), "do as the message says")
    if found.fault:
        remedy = f"`harness store salvage --results {shlex.quote(str(folder))} --into NEW_FOLDER` takes what is intact"
        return Check("store", "failed", f"{path} is damaged ({found.fault}); intact: {found.contents}", remedy)
    return Check("store", "ok", f"{found.contents}: intact")


def write_fault(folder: Path) -> str:
    """Return why nothing can be written into a folder, or would be once it is made; empty when it can."""
    place = existing(folder)
    if not place.is_dir():
        return f"{place} is a file"
    try:
        with tempfile.NamedTemporaryFile(dir=place, prefix=".harness-doctor-") as file:
            file.write(b"x")
    except OSError as error:
        return error.strerror or str(error)
    return ""


def existing(folder: Path) -> Path:
    """Return the folder, or the nearest of its parents that exists."""
    return next((place for place in (folder, *folder.absolute().parents) if place.exists()), Path("/"))
