"""How long a folder of images takes to load: at first, when every image is decoded, and again from the cache.

    python benchmarks/folder_loading.py DIR

Prints seconds that passed, and of the processor. CIFAR-10 as 60,000 JPEGs is meant to take at most 10 s and 1 s.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from harness.datasets import load_dataset


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    with tempfile.TemporaryDirectory() as cache:
        for which in ("first", "second"):
            started, cpu_started = time.perf_counter(), time.process_time()
            dataset = load_dataset(folder, cache=cache)
            seconds, cpu_seconds = time.perf_counter() - started, time.process_time() - cpu_started
            images = len(dataset.train_labels) + len(dataset.test_labels)
            print(f"{which} load of {images:,} images: {seconds:.2f} s, {cpu_seconds:.2f} s of the processor")


if __name__ == "__main__":
    main()
