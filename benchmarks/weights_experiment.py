"""How much of a trial's noise is its last steps': the same trials tested with different weights of theirs.

    python benchmarks/weights_experiment.py OUT --dataset cifar10 [--train-images N] [--test-images N] [--seeds 20]
    python benchmarks/weights_experiment.py OUT --dataset digits
    python benchmarks/weights_experiment.py OUT --report
    python benchmarks/weights_experiment.py OUT --cost

Each variant and seed is trained once for ten epochs, through the harness's own split, model and compiled epoch, so that
trials are paired by seed as a sweep pairs them. At four and at ten epochs (one is the other's beginning, since the
learning rate is constant) the test images are read with each of these weights:

- best: of the epoch with the best validation accuracy;
- last: of the last step;
- averaged: the mean over the steps of the last epoch;
- averaged, best: the same mean, of the epoch whose mean has the best validation accuracy;
- averaged, third: the mean over the last third of the epochs (two of four, three of ten);
- moving: an exponential moving mean, bias-corrected, with a time constant of one epoch.

A trial is a file under OUT, so a stopped run goes on; seeds are the outer loop, so it can end anywhere. --cost prints
the CPU time of a training step with and without the sums that `--weights averaged` keeps, in alternating epochs.
"""

from __future__ import annotations

import argparse
import dataclasses
import time
from pathlib import Path
from typing import Any

import numpy as np

from harness import BASELINE
from harness.budgets import BUDGETS
from harness.datasets import Dataset, load_dataset
from harness.datasets.splits import stratified_subset
from harness.files import replaced
from harness.training.devices import configure_process

MARKS = (4, 10)
TAILS = {4: 2, 10: 3}
VARIANTS = (
    BASELINE,
    BASELINE.replace(dropout=0.5),
    BASELINE.replace(filters=(48, 64)),
    BASELINE.replace(l2=0.001),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--dataset", default="digits")
    parser.add_argument("--train-images", type=int)
    parser.add_argument("--test-images", type=int)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--report", action="store_true", help="only print the tables of what OUT holds")
    parser.add_argument("--cost", action="store_true", help="only time steps with and without averaging")
    arguments = parser.parse_args()
    if arguments.report:
        for folder in sorted(path for path in arguments.out.iterdir() if path.is_dir()):
            report(folder)
    elif arguments.cost:
        cost()
    else:
        run(arguments.out, arguments.dataset, (arguments.train_images, arguments.test_images), arguments.seeds)


def run(out: Path, source: str, images: tuple[int | None, int | None], seeds: int) -> None:
    configure_process("cpu", threads=1)
    dataset = load_dataset(source)
    for part, limit in zip(("train", "test"), images, strict=True):
        labels = getattr(dataset, f"{part}_labels")
        chosen = stratified_subset(labels, limit or len(labels), seed=0)
        arrays = {f"{part}_images": getattr(dataset, f"{part}_images")[chosen], f"{part}_labels": labels[chosen]}
        dataset = dataclasses.replace(dataset, **arrays)
    folder = out / f"{dataset.name}-{len(dataset.train_labels)}-{len(dataset.test_labels)}"
    folder.mkdir(parents=True, exist_ok=True)
    learners: dict[str, Learner] = {}
    for seed in range(1, seeds + 1):
        for variant in VARIANTS:
            path = folder / f"{variant.name.replace(':', '=')}_{seed}.npz"
            if path.exists():
                continue
            started, cpu = time.perf_counter(), time.process_time()
            if variant.name not in learners:
                learners[variant.name] = Learner(variant, dataset)
            arrays = learners[variant.name].trial(seed)
            with replaced(path) as scratch:
                np.savez_compressed(scratch, **arrays)
            wall, used = time.perf_counter() - started, time.process_time() - cpu
            print(f"{variant.name} seed {seed}: {wall:.1f} s, {used:.1f} s of CPU", flush=True)


class Learner:
    """Trains one variant, seed after seed, with running sums of its weights beside."""

    def __init__(self, variant: Any, dataset: Dataset) -> None:
        import tensorflow as tf

        from harness.training.prepared import PreparedModel

        self._dataset = dataset
        self._prepared = PreparedModel(variant, dataset, seed=1)
        self._batch = variant.batch_size
        epoch = self._epoch = self._prepared.epoch
        weights = [weight.value for weight in epoch.model.trainable_variables]
        self._sums = [tf.Variable(tf.zeros_like(weight)) for weight in weights]
        self._moving = [tf.Variable(tf.zeros_like(weight)) for weight in weights]
        self._rate = tf.Variable(0.0)

        def step(batch: Any) -> None:
            epoch.model.train_step(batch)
            for weight, total, moving in zip(weights, self._sums, self._moving, strict=True):
                total.assign_add(weight)
                moving.assign_add(self._rate * (weight - moving))

        self._train = tf.function(epoch._loop(step, self._batch), input_signature=[tf.TensorSpec([None], tf.int64)])

    def trial(self, seed: int) -> dict[str, Any]:
        """Return what each kind of weights says on the test images at each mark, and the epochs' metrics."""
        from harness.training.split import split_images

        budget = BUDGETS["quick"].override(epochs=MARKS[-1])
        train, validation, test = split_images(self._dataset, budget, seed)
        shuffling = np.random.default_rng([seed, 1])  # as a trial's
        epoch = self._prepared.start(seed)
        steps = -(-len(train) // self._batch)
        self._rate.assign(1 / steps)
        for moving in self._moving:
            moving.assign(np.zeros(moving.shape, np.float32))
        plain: list[Any] = []
        means: list[Any] = []
        kept: list[Any] = []
        history: list[list[float]] = []
        result: dict[str, Any] = {}
        labels = self._dataset.test_labels[test]

        known: dict[int, Any] = {}

        def tested(weights: Any) -> Any:
            if id(weights) not in known:  # each list of weights lives on in `plain`, `means` or `kept`
                self._assign(weights)
                known[id(weights)] = epoch.predict(self._dataset.test_images[test]).argmax(axis=1) == labels
            return known[id(weights)]

        for number in range(1, MARKS[-1] + 1):
            for total in self._sums:
                total.assign(np.zeros(total.shape, np.float32))
            epoch._run(self._train, train[shuffling.permutation(len(train))])
            plain.append(self._values(epoch.model.trainable_variables))
            means.append([total.numpy() / np.float32(steps) for total in self._sums])
            row: list[float] = []
            for weights in (plain[-1], means[-1]):
                self._assign(weights)
                metrics = epoch.evaluate(validation)
                row += [metrics["accuracy"], metrics["loss"]]
            history.append(row)
            if number in MARKS:
                best = max(range(number), key=lambda n: (history[n][0], -history[n][1]))
                best_mean = max(range(number), key=lambda n: (history[n][2], -history[n][3]))
                tail = means[-TAILS[number] :]
                corrected = 1 - (1 - 1 / steps) ** (steps * number)
                kinds = {
                    "best": plain[best],
                    "last": plain[-1],
                    "averaged": means[-1],
                    "averaged, best": means[best_mean],
                    "averaged, third": [
                        np.mean(values, axis=0, dtype=np.float32) for values in zip(*tail, strict=True)
                    ],
                    "moving": [moving.numpy() / np.float32(corrected) for moving in self._moving],
                }
                kept += kinds.values()
                result |= {f"{name}@{number}": tested(weights) for name, weights in kinds.items()}
                result |= {f"epochs@{number}": np.array([best + 1, best_mean + 1])}
            self._assign(plain[-1])
        return result | {"history": np.array(history)}

    def _assign(self, weights: Any) -> None:
        for variable, value in zip(self._epoch.model.trainable_variables, weights, strict=True):
            variable.assign(value)

    @staticmethod
    def _values(variables: Any) -> Any:
        return [np.array(variable.numpy()) for variable in variables]


def report(folder: Path) -> None:
    """Print a table of the seeds that all variants have: a line per number of epochs and kind of weights."""
    files = {variant: _files(folder, variant) for variant in VARIANTS}
    seeds = sorted(set.intersection(*(set(found) for found in files.values())))
    if len(seeds) < 3:
        print(f"{folder.name}: {len(seeds)} seeds, too few")
        return
    trials = {variant: [dict(np.load(found[seed])) for seed in seeds] for variant, found in files.items()}
    names = [variant.name for variant in VARIANTS[1:]]
    print(f"{folder.name}: {len(seeds)} seeds; spread: standard deviation over seeds, in points")
    head = ["epochs", "weights", "baseline, %", "spread of an arm", "of differences", "together", *names, "best first"]
    print("| " + " | ".join(head) + " |\n" + "| --- " * len(head) + "|")
    for mark in MARKS:
        kinds = [name.split("@")[0] for name in trials[BASELINE][0] if name.endswith(f"@{mark}")]
        usual = 0.0
        for kind in kinds:
            if kind == "epochs":
                continue
            right = {
                variant.name: np.array([trial[f"{kind}@{mark}"] for trial in found], float)
                for variant, found in trials.items()
            }
            baseline = right[BASELINE.name]
            arms = [100 * values.mean(axis=1).std(ddof=1) for values in right.values()]
            differences = {name: right[name] - baseline for name in names}
            spreads = [100 * values.mean(axis=1).std(ddof=1) for values in differences.values()]
            together = float(np.mean(np.square(spreads)))
            usual = usual or together
            cells = [
                str(mark),
                kind,
                f"{100 * baseline.mean():.2f}",
                " ".join(f"{spread:.2f}" for spread in arms),
                " ".join(f"{spread:.2f}" for spread in spreads),
                f"{together**0.5:.2f} ({together / usual:.2f} of the variance)",
                *(_judged(values) for values in differences.values()),
                " > ".join(sorted(right, key=lambda name: -right[name].mean())),
            ]
            print("| " + " | ".join(cells) + " |")
    print()


def cost(steps: int = 60, rounds: int = 25) -> None:
    """Print the median CPU milliseconds of a step, and the ratio of neighbouring epochs."""
    configure_process("cpu", threads=1)
    from harness.training.prepared import build_for, make_epoch

    dataset = load_dataset("digits")
    for variant in VARIANTS[::2]:
        order = np.random.default_rng(0).integers(0, len(dataset.train_labels), steps * variant.batch_size)
        epochs = [
            make_epoch(build_for(variant, dataset, seed=1), variant, dataset, averaging=averaging)
            for averaging in (False, True)
        ]
        times: list[list[float]] = [[], []]
        for epoch in epochs:
            epoch.settle(60)
        for number in range(rounds):
            for way in (0, 1) if number % 2 else (1, 0):
                started = time.process_time()
                epochs[way].train(order)
                times[way].append((time.process_time() - started) * 1e3 / steps)
        ratios = sorted(mean / plain for plain, mean in zip(*times, strict=True))
        print(
            f"{variant.name}: {np.median(times[0]):.2f} ms of CPU per step, {np.median(times[1]):.2f} with averaging, "
            f"{np.median(ratios):.3f} x ({ratios[rounds // 4]:.3f} to {ratios[-rounds // 4]:.3f} in the middle half)",
            flush=True,
        )


def _files(folder: Path, variant: Any) -> dict[int, Path]:
    return {int(path.stem.split("_")[-1]): path for path in folder.glob(f"{variant.name.replace(':', '=')}_*.npz")}


def _judged(differences: Any) -> str:
    """Say the difference, its half-width, its word, and how many seeds would settle it."""
    from harness.comparison.verdicts import accuracy_verdict
    from harness.statistics import seeds_needed, two_way

    effect = two_way(differences)
    comparisons = len(VARIANTS) - 1
    interval = effect.interval(comparisons=comparisons)
    word = accuracy_verdict(interval, effect.equivalence_interval(comparisons=comparisons))
    needed = seeds_needed(effect, 0.005, comparisons=comparisons)
    half = 100 * (interval.high - interval.low) / 2
    return f"{100 * effect.mean:+.2f} +- {half:.2f} {word}, {needed or 'no number of'} seeds settle"


if __name__ == "__main__":
    main()
