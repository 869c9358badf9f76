"""Whether step-time verdicts can be trusted on this machine: the baseline against itself, and against a slower twin.

    python benchmarks/timing_calibration.py [--runs 40] [--slow-runs 10] [--budget quick]

1. The baseline against an identical variant, many times: how often is the verdict not same or unresolved, and how
   far does the ratio spread beside that of the same blocks run one arm after the other?
2. The baseline against itself with extra work that makes a step 1.05 and 1.2 times as long: ratio found, verdicts.
3. Seconds that timing one variant takes, and the width of the interval that they buy.

Run it on a quiet machine; nothing else may compute meanwhile.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from statistics import median, stdev

import numpy as np

from harness.budgets import BUDGETS
from harness.comparison.judge import Comparison, Margins, judge_times
from harness.devices import configure_process, find_device, training_environment
from harness.provenance import collect_provenance, usable_cores
from harness.timing.settings import TIMING
from harness.variants import BASELINE, Variant


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=40)
    parser.add_argument("--slow-runs", type=int, default=10)
    parser.add_argument("--budget", choices=list(BUDGETS), default="quick")
    arguments = parser.parse_args()
    configure_process("cpu", threads=0)

    from harness.datasets import load_dataset
    from harness.timing.timer import Timer

    budget = BUDGETS[arguments.budget]
    dataset = load_dataset("digits")
    timer = Timer(dataset, training_environment(find_device("cpu"), threads=usable_cores()))
    print(collect_provenance().machine)
    timer.time(BASELINE, BASELINE, budget, key="0" * 64)
    builds = TIMING[budget.name].builds

    def measure(variant: Variant, runs: int) -> tuple[list[Comparison], list[float], list[float]]:
        found, seconds, steps = [], [], []
        for run in range(runs):
            timer._builds.clear()  # a run of its own: with the same baselines all runs would err the same way
            for number in range(builds):
                timer._baseline_pair(BASELINE, number)
            started = time.perf_counter()
            times = timer.time(BASELINE, variant, budget, key=f"{run + 1:064x}")
            seconds.append(time.perf_counter() - started)
            steps.append(median(value for build in times.baseline_ms for value in build))
            found.append(judge_times(times, comparisons=1, margins=Margins()))
            if times.flags:
                print(f"  run {run + 1}: {'; '.join(times.flags)}")
        return found, seconds, steps

    same, seconds, _ = measure(BASELINE, arguments.runs)
    report("identical", [1.0] * len(same), same)
    print(f"  seconds a variant: median {median(seconds):.1f}, most {max(seconds):.1f}")
    if len(same) > 1:
        interleaved = stdev(np.log([found.value for found in same]))
        in_turn = stdev(np.log([one_after_the_other(timer, budget) for _ in range(arguments.runs)]))
        print(
            f"  spread of the ratio: interleaved {interleaved:.2%}, one after the other {in_turn:.2%} "
            f"({interleaved / in_turn:.2f} of it)"
        )
    step_us = step_time_us(timer, budget)
    for slower in (1.05, 1.2):
        products, cost_us = calibrated_products((slower - 1) * step_us)
        variant = Variant(model="slowed_model:build", options={"products": products})
        found, _, steps = measure(variant, arguments.slow_runs)
        # The extra work takes the same time in each run, the baseline's step does not: each has its own true ratio.
        truths = [1 + cost_us / (step * 1e3) for step in steps]
        report(f"about {slower} x ({products} matrix products, {cost_us:.0f} us)", truths, found)


def report(name: str, truths: list[float], found: list[Comparison]) -> None:
    ratios = [comparison.value for comparison in found]
    widths = [(comparison.high - comparison.low) / 2 for comparison in found]
    verdicts = ", ".join(
        f"{count} {verdict}" for verdict, count in Counter(str(c.verdict) for c in found).most_common()
    )
    print(f"{name}: {len(found)} runs: {verdicts}")
    errors = [ratio / truth - 1 for ratio, truth in zip(ratios, truths, strict=True)]
    print(
        f"  ratio: median {median(ratios):.4f} (true {median(truths):.4f}), "
        f"from {min(ratios):.4f} to {max(ratios):.4f}; "
        f"error: median {median(errors):+.2%}, largest {max(map(abs, errors)):.2%}; "
        f"half-width of the interval: median {median(widths):.2%}"
    )


def step_time_us(timer, budget) -> float:  # type: ignore[no-untyped-def]
    times = timer.time(BASELINE, BASELINE, budget, key="f" * 64)
    return 1e3 * median(value for build in times.baseline_ms for value in build)


def calibrated_products(wanted_us: float) -> tuple[int, float]:
    """Return how many matrix products cost about that much, and what they do cost beyond an empty chain."""
    from slowed_model import cost_us

    empty = median(cost_us(0) for _ in range(5))
    one = (median(cost_us(32) for _ in range(5)) - empty) / 32
    products = max(1, round(wanted_us / one))
    return products, median(cost_us(products) for _ in range(5)) - empty


def one_after_the_other(timer, budget) -> float:  # type: ignore[no-untyped-def]
    """Return the ratio that two runs in turn give: all blocks of one build, then as many of its twin."""
    settings = TIMING[budget.name]
    first, second = timer._baseline_pair(BASELINE, 0)
    rng = np.random.default_rng()
    steps = timer._steps_per_block(first, settings, rng)
    blocks = settings.builds * settings.blocks
    medians = [
        median(arm.block_ms(timer._order(arm, steps, rng), steps) for _ in range(blocks)) for arm in (first, second)
    ]
    return medians[1] / medians[0]


if __name__ == "__main__":
    main()
