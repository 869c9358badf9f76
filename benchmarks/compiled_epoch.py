"""How much faster trials train than with `model.fit`: both alternate in one run, each with the other idle.

    python benchmarks/compiled_epoch.py [--images 6400] [--rounds 9]

Three ways to train the baseline at batch 32 with all its metrics, an epoch a round, after one unmeasured epoch each:

- `model.fit` with its defaults and all cores, as most scripts do;
- the compiled epoch in one process with all cores;
- the compiled epoch as a sweep runs it: as many processes as cores, one thread each, all at once.

Prints the median milliseconds a step of each (for the last: of all its processes) and its ratio to `model.fit`.
"""

from __future__ import annotations

import argparse
import multiprocessing
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from statistics import median

import numpy as np

from harness.machine import usable_cores
from harness.training.devices import configure_process


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=6400)
    parser.add_argument("--rounds", type=int, default=9)
    arguments = parser.parse_args()
    cores = usable_cores()
    ways = {
        "model.fit, defaults, all cores": [start("fit", 0, arguments.images)],
        "compiled epoch, all cores": [start("compiled", 0, arguments.images)],
        f"compiled epoch, {cores} processes of one thread": [
            start("compiled", 1, arguments.images) for _ in range(cores)
        ],
    }
    for processes in ways.values():
        run_epoch(processes)
    times: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(arguments.rounds):
        order = list(ways) if number % 2 else list(ways)[::-1]
        for name in order:
            seconds = run_epoch(ways[name])
            times[name].append(seconds * 1e3 / (len(ways[name]) * arguments.images / 32))
    reference = next(iter(times.values()))
    for name, values in times.items():
        ratios = sorted(fit / value for fit, value in zip(reference, values, strict=True))
        print(
            f"{name:45} {median(values):5.2f} ms a step, {median(ratios):.2f} x ({ratios[0]:.2f} to {ratios[-1]:.2f})"
        )


def start(way: str, threads: int, images: int) -> Connection:
    here, there = multiprocessing.Pipe()
    context = multiprocessing.get_context("spawn")
    context.Process(target=serve, args=(there, way, threads, images), daemon=True).start()
    return here


def run_epoch(processes: list[Connection]) -> float:
    started = time.perf_counter()
    for process in processes:
        process.send("epoch")
    for process in processes:
        process.recv()
    return time.perf_counter() - started


def serve(connection: Connection, way: str, threads: int, images: int) -> None:
    configure_process("cpu", threads=threads)
    run = make_runner(way, images)
    while True:
        connection.recv()
        run()
        connection.send("done")


def make_runner(way: str, count: int) -> Callable[[], object]:
    import keras

    from harness import BASELINE
    from harness.datasets import Dataset
    from harness.training.prepared import build_for, make_epoch

    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (count, 32, 32, 3), dtype=np.uint8)
    labels = rng.integers(0, 10, count)
    test = images[:100, ::-1].copy(), labels[:100]
    dataset = Dataset.from_arrays("noise", list("abcdefghij"), (images, labels), test)
    model = build_for(BASELINE, dataset, seed=1)
    if way == "compiled":
        epoch = make_epoch(model, BASELINE, dataset)
        return lambda: epoch.train(rng.permutation(count))
    x, y = images.astype(np.float32) / 255, keras.utils.to_categorical(labels, 10)
    return lambda: model.fit(x, y, batch_size=BASELINE.batch_size, epochs=1, verbose=0)


if __name__ == "__main__":
    main()
