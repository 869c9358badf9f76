"""Whether step-time verdicts can be trusted on this machine: the baseline against itself, and against slower twins.

    PYTHONPATH=benchmarks python benchmarks/timing_calibration.py [--runs 40] [--slow-runs 10] [--budget quick]

1. The baseline against an identical variant, many times: how often is the verdict not same or unresolved, and how
   far does the ratio spread beside that of as many builds and blocks run one arm after the other?
2. The baseline against itself with extra work that makes a step some 1.05 and 1.2 times as long. How much longer is
   measured without the timer: plain training in short epochs that alternate, of many fresh builds.
3. Seconds that timing one variant takes, and the width of the interval that they buy.

Each run has baselines of its own: runs that share them would all err the same way. A process serves few runs, as in a
suite. Run it on a quiet machine; nothing else may compute meanwhile.
"""

from __future__ import annotations

import argparse
import multiprocessing
import time
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from statistics import mean, median, stdev
from typing import Any

import numpy as np

from harness.budgets import BUDGETS, BudgetName
from harness.comparison.judge import Comparison, Margins, judge_times
from harness.datasets import load_dataset
from harness.machine import usable_cores
from harness.results.provenance import collect_provenance
from harness.results.step_times import StepTimes, merge_step_times
from harness.timing.settings import TIMING
from harness.training.devices import configure_process, find_device, training_environment
from harness.variants import BASELINE, Variant

EPOCH_STEPS = 60
EPOCHS = 16
# Each run builds the baseline anew, so that five age a process as much as the six variants of a suite do. In full a run
# has processes of its own.
RUNS_A_PROCESS: dict[BudgetName, int] = {"quick": 5, "full": 1}
TRUTHS_A_RUN = 2
SETTLE_S = TIMING["quick"].settle_s


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=40)
    parser.add_argument("--slow-runs", type=int, default=10)
    parser.add_argument("--budget", choices=["quick", "full"], default="quick")
    arguments = parser.parse_args()
    print(collect_provenance().machine, flush=True)

    runs_a_process = RUNS_A_PROCESS[arguments.budget]
    if arguments.runs > 1:
        same = report("identical", 1.0, measure(BASELINE, arguments.budget, range(arguments.runs)))
        interleaved = stdev(np.log([found.value for found in same]))
        jobs = [(arguments.budget, run) for run in range(arguments.runs)]
        in_turn = stdev(in_fresh_processes(one_after_the_other, jobs, each=runs_a_process))
        print(
            f"  spread of the ratio: interleaved {interleaved:.2%}, one after the other {in_turn:.2%} "
            f"({interleaved / in_turn:.2f} of it)",
            flush=True,
        )
    for wanted in (1.05, 1.2):
        guess = round((wanted - 1) * 800)
        ratio = mean(in_fresh_processes(train_in_turn, [(slowed(guess), seed) for seed in range(3)]))
        variant = slowed(max(1, round(guess * (wanted - 1) / max(ratio - 1, 0.01))))
        truths: list[float] = []
        measured: list[tuple[StepTimes, float]] = []
        for first in range(0, arguments.slow_runs, runs_a_process):
            # In turn, since the truth itself moves with the machine's mood.
            runs = range(first, min(first + runs_a_process, arguments.slow_runs))
            seeds = range(runs.start * TRUTHS_A_RUN, runs.stop * TRUTHS_A_RUN)
            truths += in_fresh_processes(train_in_turn, [(variant, seed) for seed in seeds])
            measured += measure(variant, arguments.budget, runs)
        error = stdev(truths) / len(truths) ** 0.5
        print(f"training takes {mean(truths):.4f} +- {error:.4f} times as long", flush=True)
        report(f"about {wanted} x", mean(truths), measured)


def slowed(rounds: int) -> Variant:
    """Return the baseline with extra work in each forward pass: sines of that many thousand numbers."""
    return Variant(model="slowed_model:build", options={"rounds": rounds})


def in_fresh_processes(function: Callable[..., Any], jobs: Iterable[tuple[Any, ...]], *, each: int = 5) -> list[Any]:
    """Return what a function gives for each job, one after the other, in processes that serve `each` of them."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, context, use_all_cores, max_tasks_per_child=each) as pool:
        futures = [pool.submit(function, *job) for job in jobs]
        return [future.result() for future in futures]


def use_all_cores() -> None:
    """Prepare a fresh process before TensorFlow is imported."""
    configure_process("cpu", threads=0)


def measure(variant: Variant, budget: BudgetName, runs: Iterable[int]) -> list[tuple[StepTimes, float]]:
    """Return step times and the seconds they took, each time with fresh builds of both arms."""
    processes = TIMING[budget].processes
    jobs = [(variant, budget, f"{run + 1:08x}{0:056x}", part) for run in runs for part in range(processes)]
    parts = in_fresh_processes(time_once, jobs, each=RUNS_A_PROCESS[budget])
    measured = []
    for place in range(0, len(parts), processes):
        times, seconds = zip(*parts[place : place + processes], strict=True)
        measured.append((merge_step_times(times), sum(seconds)))
    return measured


def time_once(variant: Variant, budget: BudgetName, key: str, part: int) -> tuple[StepTimes, float]:
    """Return one measurement and the seconds that the variant's part of it took."""
    from harness.timing.timer import Timer

    timer = Timer(load_dataset("digits"), training_environment(find_device("cpu"), threads=usable_cores()))
    timer.prepare(BASELINE, TIMING[budget])
    started = time.perf_counter()
    times = timer.time(BASELINE, variant, BUDGETS[budget], key=key, part=part)
    return times, time.perf_counter() - started


def train_in_turn(variant: Variant, seed: int) -> float:
    """Return how much longer a variant's epochs take than the baseline's that run between them, of one build each."""
    from harness.timing.build import build_arm

    dataset, rng = load_dataset("digits"), np.random.default_rng(seed)
    epochs = [build_arm(arm, dataset, settle_s=SETTLE_S).epoch for arm in (BASELINE, variant)]
    seconds: list[list[float]] = [[], []]
    for number in range(EPOCHS + 3):
        for arm in rng.permutation(2):
            order = rng.integers(0, len(dataset.train_labels), size=EPOCH_STEPS * BASELINE.batch_size)
            started = time.perf_counter()
            epochs[arm].train(order)
            if number >= 3:  # the first warm up
                seconds[arm].append(time.perf_counter() - started)
    return median(slow / plain for plain, slow in zip(*seconds, strict=True))


def one_after_the_other(budget: BudgetName, seed: int) -> float:
    """Return the log ratio that two runs in turn give: all builds and blocks of one model, then those of its twin."""
    from harness.timing.blocks import Blocks
    from harness.timing.build import build_arm

    dataset = load_dataset("digits")
    blocks = Blocks(len(dataset.train_labels), np.random.default_rng(seed))
    logs = []
    for _ in range(2):
        builds = []
        for _ in range(TIMING[budget].processes * TIMING[budget].builds):
            arm = build_arm(BASELINE, dataset, settle_s=SETTLE_S)
            blocks.run((arm,), steps=2, turns=2, overhead_ms=0.0)  # warms up
            (times,) = blocks.run((arm,), steps=2, turns=20, overhead_ms=0.0)
            builds.append(float(np.log(median(times))))
        logs.append(mean(builds))
    return logs[1] - logs[0]


def report(name: str, truth: float, measured: list[tuple[StepTimes, float]]) -> list[Comparison]:
    """Print seconds, verdicts, how far the ratios are from the truth, and how wide their intervals are."""
    found = [judge_times(times, comparisons=1, margins=Margins()) for times, _ in measured]
    ratios = [comparison.value for comparison in found]
    widths = [(comparison.high - comparison.low) / 2 for comparison in found]
    verdicts = ", ".join(
        f"{count} {verdict}" for verdict, count in Counter(str(c.verdict) for c in found).most_common()
    )
    errors = [ratio / truth - 1 for ratio in ratios]
    covered = sum(comparison.low <= truth <= comparison.high for comparison in found)
    sizes = Counter(f"{len(times.variant_ms)} x {len(times.variant_ms[0])}" for times, _ in measured)
    seconds = [seconds for _, seconds in measured]
    print(f"{name}: {len(found)} runs: {verdicts}")
    for run, (times, _) in enumerate(measured, start=1):
        if times.flags:
            print(f"  run {run}: {'; '.join(times.flags)}")
    print(
        f"  seconds a variant: median {median(seconds):.1f}, most {max(seconds):.1f}; builds x blocks: "
        + ", ".join(f"{size} ({count} runs)" for size, count in sizes.most_common())
    )
    print(f"  ratio: median {median(ratios):.4f}, from {min(ratios):.4f} to {max(ratios):.4f}")
    print(
        f"  error: median {median(errors):+.2%}, largest {max(map(abs, errors)):.2%}, "
        f"within 2 %: {sum(abs(error) <= 0.02 for error in errors)}; half-width of the interval: median "
        f"{median(widths):.2%}; it holds the truth {covered} times",
        flush=True,
    )
    return found


if __name__ == "__main__":
    main()
