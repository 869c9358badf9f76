"""Does the bayesian oracle find better variants than the random one in as many tries?

Both search the same space of small networks on digits, ten times with ten seeds. Their first points are the same
(keras-tuner's bayesian oracle begins with three random ones a field), so what differs is what it makes of them; a
repetition is a pair. The figure is the best validation accuracy found so far, which is what a search maximises.

    python benchmarks/search_oracles.py [--tries 20] [--repetitions 10] [--objective val_accuracy]

Trials are kept in the results folder: the same command again only prints.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from harness import BASELINE, BUDGETS
from harness.running.job import begin, worker_log
from harness.running.job_settings import JobSettings
from harness.running.worker_pool import PoolExecutor
from harness.search import Float, Search
from harness.search.engine import Engine
from harness.search.job import prepare_searches
from harness.search.oracle import AskTell

# A network that trains in a second and is far from the best of its space: there is something to find.
SMALL = BASELINE.replace(filters=(8,), dense=(16,), learning_rate=0.0005)
SPACE = {
    "learning_rate": Float(0.0001, 0.1, sampling="log"),
    "dropout": Float(0, 0.6),
    "l2": Float(0.00001, 0.1, sampling="log"),
}
BASELINE_L2 = 0.00001


def best_so_far(scores: list[float], objective: str) -> NDArray[np.float64]:
    best = np.maximum.accumulate if objective == "val_accuracy" else np.minimum.accumulate
    return best(np.array(scores))


def run_all(options: argparse.Namespace) -> dict[str, NDArray[np.float64]]:
    """Return the best figure after each try: by oracle, [repetitions, tries]."""
    baseline = SMALL.replace(l2=BASELINE_L2)
    searches = [
        Search(
            f"{oracle} {seed}",
            SPACE,
            oracle,
            tries=options.tries,
            baseline=baseline,
            objective=options.objective,
            seed=seed,
        )
        for seed in range(1, options.repetitions + 1)
        for oracle in ("random", "bayesian")
    ]
    budget = BUDGETS["quick"].override(epochs=options.epochs)
    settings = JobSettings("digits", budget, device="cpu", results=options.results, workers=options.workers)
    jobs = prepare_searches(searches, settings)
    job = jobs[0].job
    executor = PoolExecutor(job.dataset, job.environment, workers=job.plan.workers, timeout_s=600, log=worker_log(job))
    found: dict[str, list[NDArray[np.float64]]] = {"random": [], "bayesian": []}
    with begin(job) as store:
        try:
            for one in jobs:
                oracle = AskTell(one.search, epochs=options.epochs, remembered={})
                engine = Engine(
                    one.search,
                    oracle,
                    key=one.key,
                    conditions=one.conditions,
                    executor=executor,
                    store=store,
                    records=store.records(),
                    checkpoints=None,
                )
                tried = engine.run(lambda tried, best: None).tried
                scores = [result.score(options.objective) for result in tried]
                found[one.search.oracle].append(best_so_far(scores, options.objective))
                print(f"{one.search.name}: {found[one.search.oracle][-1][-1]:.4f}", file=sys.stderr, flush=True)
        finally:
            executor.close()
    return {oracle: np.array(rows) for oracle, rows in found.items()}


def report(found: dict[str, NDArray[np.float64]], options: argparse.Namespace) -> str:
    better = 1 if options.objective == "val_accuracy" else -1
    difference = better * (found["bayesian"] - found["random"])
    count = len(difference)
    lines = [
        f"Best {options.objective} of {options.tries} tries on digits, {options.epochs} epochs a try, "
        f"{count} repetitions; + means bayesian is better",
        "",
        "| tries | random | bayesian | difference, 95 % | bayesian better / equal / worse |",
        "| --: | --: | --: | :-- | :-- |",
    ]
    for tries in sorted({10, 15, options.tries}):
        if tries > options.tries:
            continue
        at = difference[:, tries - 1]
        spread = at.std(ddof=1) / np.sqrt(count)
        half = float(stats.t.ppf(0.975, count - 1)) * spread
        random, bayesian = (found[oracle][:, tries - 1].mean() for oracle in ("random", "bayesian"))
        wins = f"{(at > 0).sum()} / {(at == 0).sum()} / {(at < 0).sum()}"
        lines.append(
            f"| {tries} | {random:.4f} | {bayesian:.4f} | {at.mean():+.4f} [{at.mean() - half:+.4f}, "
            f"{at.mean() + half:+.4f}] | {wins} |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tries", type=int, default=20)
    parser.add_argument("--repetitions", type=int, default=10)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--objective", choices=("val_accuracy", "val_loss"), default="val_accuracy")
    parser.add_argument("--results", type=Path, default=Path("results/search-oracles"))
    parser.add_argument("--workers", type=int)
    options = parser.parse_args()
    print(report(run_all(options), options))


if __name__ == "__main__":
    main()
