"""How often the report claims that two of a suite's variants differ in accuracy where none does, by simulation.

    python benchmarks/pair_claims.py [--suites 400]

Suites of equal variants as in `simulated_suites`; each pair of them is judged as on the page, corrected for the number
of pairs. A share above alpha in any row makes the exit code 1, beyond what chance makes of so many suites.
"""

from __future__ import annotations

import argparse
import itertools
import sys

import numpy as np
from scipy.stats import binom
from simulated_suites import EASE, EASE_SPREAD, SEED_NOISE, right_answers

from harness.statistics import ALPHA, two_way

CASES = ((3, 797, "low", 5), (5, 797, "high", 5), (5, 2000, "low", 10), (10, 797, "high", 4))
"""Seeds, test images, noise of the seeds, variants."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--suites", type=int, default=400)
    suites = parser.parse_args().suites
    rng = np.random.default_rng(1)
    print("| seeds | images | noise | variants | pairs | suites with a false claim |")
    print("| --- | --- | --- | --- | --- | --- |")
    wrong = False
    for seeds, images, noise, variants in CASES:
        pairs = variants * (variants - 1) // 2
        claimed = sum(_claims(seeds, images, SEED_NOISE[noise], variants, rng) for _ in range(suites))
        print(f"| {seeds} | {images} | {noise} | {variants} | {pairs} | {claimed / suites:.1%} |")
        wrong |= bool(claimed > binom.ppf(0.999, suites, ALPHA))
    return int(wrong)


def _claims(seeds: int, images: int, noise: float, variants: int, rng: np.random.Generator) -> bool:
    """Whether any pair of one suite of equal variants is claimed to differ."""
    ease = rng.normal(EASE, EASE_SPREAD, images).astype(np.float32)
    arms = [right_answers(ease, 0.0, noise, seeds, rng).astype(np.float64) for _ in range(variants)]
    pairs = list(itertools.combinations(arms, 2))
    intervals = (two_way(second - first).interval(ALPHA, len(pairs)) for first, second in pairs)
    return any(one.low > 0 or one.high < 0 for one in intervals)


if __name__ == "__main__":
    sys.exit(main())
