"""Whether step-time verdicts can be trusted on this machine: the baseline against itself, and against slower twins.

    python benchmarks/timing_calibration.py [--runs 40] [--slow-runs 10] [--truth-builds 10] [--budget quick]

1. The baseline against an identical variant, many times: how often is the verdict not same or unresolved, and how
   far does the ratio spread beside that of the same blocks run one arm after the other?
2. The baseline against itself with extra work that makes a step some 1.05 and 1.2 times as long. How much
   longer is measured without the timer: whole epochs of plain training, alternating, of many fresh builds.
3. Seconds that timing one variant takes, and the width of the interval that they buy.

Each run has baselines of its own: runs that share them would all err the same way. Run it on a quiet machine; nothing
else may compute meanwhile.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from statistics import mean, median, stdev

import numpy as np

from harness.budgets import BUDGETS, Budget
from harness.comparison.judge import Comparison, Margins, judge_times
from harness.datasets import Dataset, load_dataset
from harness.devices import configure_process, find_device, training_environment
from harness.provenance import collect_provenance, usable_cores
from harness.timing.settings import TIMING
from harness.variants import BASELINE, Variant

EPOCH_STEPS = 60
EPOCHS = 24


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=40)
    parser.add_argument("--slow-runs", type=int, default=10)
    parser.add_argument("--truth-builds", type=int, default=10)
    parser.add_argument("--budget", choices=["quick", "full"], default="quick")
    arguments = parser.parse_args()
    configure_process("cpu", threads=0)
    budget = BUDGETS[arguments.budget]
    dataset = load_dataset("digits")
    print(collect_provenance().machine, flush=True)

    same = measure(dataset, BASELINE, budget, arguments.runs)
    report("identical", 1.0, same)
    if len(same) > 1:
        interleaved = stdev(np.log([found.value for found in same]))
        in_turn = stdev(np.log([one_after_the_other(dataset, budget) for _ in range(arguments.runs)]))
        print(
            f"  spread of the ratio: interleaved {interleaved:.2%}, one after the other {in_turn:.2%} "
            f"({interleaved / in_turn:.2f} of it)",
            flush=True,
        )
    for wanted in (1.05, 1.2):
        guess = round((wanted - 1) * 770)
        ratio, _ = true_ratio(dataset, slowed(guess), builds=3)
        rounds = max(1, round(guess * (wanted - 1) / max(ratio - 1, 0.01)))
        truth, error = true_ratio(dataset, slowed(rounds), builds=arguments.truth_builds)
        print(f"{rounds} rounds of extra work: training takes {truth:.4f} +- {error:.4f} times as long", flush=True)
        report(f"about {wanted} x", truth, measure(dataset, slowed(rounds), budget, arguments.slow_runs))


def slowed(rounds: int) -> Variant:
    """Return the baseline with that many rounds of extra work in each forward pass."""
    return Variant(model="slowed_model:build", options={"rounds": rounds})


def measure(dataset: Dataset, variant: Variant, budget: Budget, runs: int) -> list[Comparison]:
    """Return what comparing a variant with the baseline finds, each time with fresh builds of both."""
    from harness.timing.timer import Timer

    environment = training_environment(find_device("cpu"), threads=usable_cores())
    found, seconds, builds = [], [], []
    for run in range(runs):
        timer = Timer(dataset, environment)
        timer.prepare(BASELINE, budget)
        started = time.perf_counter()
        times = timer.time(BASELINE, variant, budget, key=f"{run + 1:08x}{0:056x}")
        seconds.append(time.perf_counter() - started)
        builds.append(f"{len(times.variant_ms)} x {len(times.variant_ms[0])}")
        found.append(judge_times(times, comparisons=1, margins=Margins()))
        if times.flags:
            print(f"  run {run + 1}: {'; '.join(times.flags)}")
    sizes = ", ".join(f"{size} ({count} runs)" for size, count in Counter(builds).most_common())
    print(f"  seconds a variant: median {median(seconds):.1f}, most {max(seconds):.1f}; builds x blocks: {sizes}")
    return found


def true_ratio(dataset: Dataset, variant: Variant, *, builds: int) -> tuple[float, float]:
    """Return by how much longer training takes, and its standard error, from whole epochs that alternate."""
    from harness.timing.arm import build_arm

    rng = np.random.default_rng()
    ratios = []
    for build in range(builds):
        epochs = [build_arm(arm, dataset, seed=build + 1).epoch for arm in (BASELINE, variant)]
        seconds: list[list[float]] = [[], []]
        for number in range(EPOCHS + 1):
            for arm in rng.permutation(2):
                order = rng.integers(0, len(dataset.train_labels), size=EPOCH_STEPS * BASELINE.batch_size)
                started = time.perf_counter()
                epochs[arm].train(order)
                if number:  # the first warms up
                    seconds[arm].append(time.perf_counter() - started)
        ratios.append(median(slow / plain for plain, slow in zip(*seconds, strict=True)))
    return mean(ratios), stdev(ratios) / len(ratios) ** 0.5


def one_after_the_other(dataset: Dataset, budget: Budget) -> float:
    """Return the ratio that two runs in turn give: all blocks of one build, then as many of its twin."""
    from harness.timing.arm import build_arm
    from harness.timing.blocks import Blocks

    settings = TIMING[budget.name]
    blocks = Blocks(len(dataset.train_labels), np.random.default_rng())
    medians = []
    for seed in (1, 2):
        arm = build_arm(BASELINE, dataset, seed=seed)
        blocks.warm_up((arm,), 2)
        (times,) = blocks.run((arm,), steps=2, turns=settings.builds * settings.blocks, overhead_ms=0.0)
        medians.append(median(times))
    return medians[1] / medians[0]


def report(name: str, truth: float, found: list[Comparison]) -> None:
    """Print the verdicts, how far the ratios are from the truth, and how wide their intervals are."""
    ratios = [comparison.value for comparison in found]
    widths = [(comparison.high - comparison.low) / 2 for comparison in found]
    verdicts = ", ".join(
        f"{count} {verdict}" for verdict, count in Counter(str(c.verdict) for c in found).most_common()
    )
    errors = [ratio / truth - 1 for ratio in ratios]
    covered = sum(comparison.low <= truth <= comparison.high for comparison in found)
    print(f"{name}: {len(found)} runs: {verdicts}")
    print(f"  ratio: median {median(ratios):.4f}, from {min(ratios):.4f} to {max(ratios):.4f}")
    print(
        f"  error: median {median(errors):+.2%}, largest {max(map(abs, errors)):.2%}, "
        f"within 2 %: {sum(abs(error) <= 0.02 for error in errors)}; half-width of the interval: median "
        f"{median(widths):.2%}; it holds the truth {covered} times",
        flush=True,
    )


if __name__ == "__main__":
    main()
