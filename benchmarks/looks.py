"""What repeated looks promise, by simulation with the functions that judge tables: Markdown on stdout.

python benchmarks/looks.py alarms --suites 2000      # false alarms and coverage over all looks; a quarter of an hour
python benchmarks/looks.py spent --suites 2000       # trials spent beside 30 seeds from the start; some minutes
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator

import numpy as np
from simulated_suites import EASE, EASE_SPREAD, IMAGES, SEED_NOISE, right_answers, true_difference

from harness.budgets import BUDGETS
from harness.comparison.standing import stand, verdict_at
from harness.comparison.verdicts import Verdict
from harness.margins import Margins
from harness.statistics import Effect, alpha_share, two_way

MARGINS = Margins()
LOOKS = BUDGETS["full"].looks
MOST = LOOKS[-1]
SUITES = (1, 3, 5, 10)
"""Numbers of variants; a suite of fewer is the first ones of the largest."""

SHIFT = 0.15
"""What the logits of variants that differ gain: 2.3 points."""

WRONG = (Verdict.BETTER, Verdict.WORSE)


def suite(images: int, noise: float, shift: float, rng: np.random.Generator) -> list[list[Effect]]:
    """Return the effects of a suite's variants at each look; they share the baseline's trials."""
    ease = rng.normal(EASE, EASE_SPREAD, images).astype(np.float32)
    baseline = right_answers(ease, 0.0, noise, MOST, rng).view(np.int8)
    differences = (right_answers(ease, shift, noise, MOST, rng).view(np.int8) - baseline for _ in range(max(SUITES)))
    return [[two_way(difference[:look]) for look in LOOKS] for difference in differences]


def alarms(images: int, noise: float, suites: int, rng: np.random.Generator) -> list[list[str]]:
    """Return a row per number of variants: how often any look of any variant was wrong, in per cent."""
    truth = true_difference(noise, SHIFT)
    counted = {m: np.zeros(4) for m in SUITES}
    shifted = max(suites // 4, 1)
    for number in range(suites):
        null = suite(images, noise, 0.0, rng)
        moved = suite(images, noise, SHIFT, rng) if number < shifted else None
        for m in SUITES:
            counted[m][0] += any(not covers(effects, 0.0, m) for effects in null[:m])
            counted[m][1] += any(ends(effects, m)[1] in WRONG for effects in null[:m])
            if moved is not None:
                counted[m][2] += any(not covers(effects, truth, m) for effects in moved[:m])
                counted[m][3] += any(ends(effects, m)[1] in (Verdict.WORSE, Verdict.SAME) for effects in moved[:m])
    return [[str(m), *(f"{100 * x:.1f}" for x in counted[m] / (suites, suites, shifted, shifted))] for m in SUITES]


def covers(effects: list[Effect], truth: float, m: int) -> bool:
    """Whether the intervals of all looks hold the truth."""
    return all(
        effect.interval(MARGINS.alpha * alpha_share(look, LOOKS), m).contains(truth)
        for look, effect in zip(LOOKS, effects, strict=True)
    )


def ends(effects: list[Effect], m: int) -> tuple[int, Verdict]:
    """Return at how many seeds a row ends, and its verdict there."""
    at = dict(zip(LOOKS, effects, strict=True))
    # One look after the other, as a run reaches them.
    for reached in range(1, len(LOOKS) + 1):
        standing = stand(at.__getitem__, LOOKS[:reached], LOOKS, comparisons=m, margins=MARGINS)
        if not standing.open:
            break
    return standing.look, verdict_at(standing.look, LOOKS, at[standing.look], m, MARGINS)


POINTS = (0.0, 0.3, 1.0, 3.0, 6.0)
KINDS = {"CIFAR-like": (1.0, 0.13, 10_000), "digits-like": (1.0, 0.2, 797), "digits, close": (0.7, 0.08, 797)}
"""Standard deviations in points, of a seed's difference and of the mean for the images; images."""


def spent(kind: str, suites: int, rng: np.random.Generator) -> Iterator[list[str]]:
    """Yield a row per procedure: trials of a suite, rows settled by their true difference, and wrong verdicts."""
    by_seeds, by_images, images = KINDS[kind]
    m, cells = len(POINTS), np.zeros((2, len(POINTS)))
    seeds, trials, wrong = np.zeros(m), 0, np.zeros(2)
    for _ in range(suites):
        baseline = rng.normal(0, by_seeds / 2**0.5, (MOST, 1))
        false, furthest = np.zeros(2, bool), 0
        for row, points in enumerate(POINTS):
            lucks = rng.normal(0, by_seeds / 2**0.5, (MOST, 1)) - baseline
            of_images = rng.normal(0, by_images * images**0.5, images)
            # What is left of an image and seed: its mean over the images is a hundredth of a seed's luck.
            rest = rng.standard_normal((MOST, images), np.float32) * (0.01 * by_seeds * images**0.5)
            table = (points + lucks + of_images + rest) / 100
            effects = [two_way(table[:look]) for look in LOOKS]
            look, word = ends(effects, m)
            words = word, verdict_at(MOST, (MOST,), effects[-1], m, MARGINS)
            cells[:, row] += [one is not Verdict.UNRESOLVED for one in words]
            false |= [one in WRONG if points == 0 else one is Verdict.WORSE or (one is Verdict.SAME and points > 0.5)
                      for one in words]  # fmt: skip
            seeds[row] += look
            trials, furthest = trials + look, max(furthest, look)
        trials, wrong = trials + furthest, wrong + false
    fixed = MOST * (m + 1)
    for name, one, used, settled in (("auto", 0, trials / suites, seeds / suites), ("fixed 30", 1, fixed, None)):
        share = " / ".join(f"{100 * x:.0f}" for x in cells[one] / suites)
        mean = " / ".join(f"{x:.1f}" for x in settled) if settled is not None else str(MOST)
        kept = f"{100 * cells[one].sum() / cells[1].sum():.0f} %"
        yield [kind, name, f"{used:.0f}", f"{100 * used / fixed:.0f} %", f"{share} %", kept, mean,
               f"{100 * wrong[one] / suites:.1f} %"]  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("alarms", "spent"))
    parser.add_argument("--suites", type=int, default=2000)
    parser.add_argument("--images", type=int, nargs="*", default=IMAGES)
    parser.add_argument("--seed", type=int, default=20261126)
    options = parser.parse_args()
    rng, started = np.random.default_rng(options.seed), time.process_time()
    if options.what == "alarms":
        table(["noise", "images", "variants", "any look leaves out 0, %", "false verdict where it stopped, %",
               "any look misses 2.3 points, %", "wrong verdict at 2.3 points, %"])  # fmt: skip
        for images in options.images:
            for name, noise in SEED_NOISE.items():
                for row in alarms(images, noise, options.suites, rng):
                    print("|", " | ".join([name, f"{images:,}", *row]), "|", flush=True)
    else:
        table(["noise", "procedure", "trials", "of fixed 30", f"settled at {POINTS} points", "of what fixed settles",
               "seeds of a row", "any wrong verdict"])  # fmt: skip
        for kind in KINDS:
            for row in spent(kind, options.suites, rng):
                print("|", " | ".join(row), "|", flush=True)
    print(f"\n{options.suites:,} suites a cell, {time.process_time() - started:.0f} s of one core")


def table(head: list[str]) -> None:
    print("|", " | ".join(head), "|")
    print("|", " | ".join("---" for _ in head), "|", flush=True)


if __name__ == "__main__":
    main()
