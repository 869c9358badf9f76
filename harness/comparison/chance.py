"""Whether anything of a suite learnt: its accuracies against always guessing the most frequent class."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from harness.comparison.pairs import BySeed, predictions_of
from harness.comparison.shares import right_shares
from harness.margins import Margins
from harness.results.contents import TestSet
from harness.statistics import LEAST_SEEDS
from harness.statistics.guess import right_by_guess
from harness.statistics.ratios import Shares, two_way_of_shares
from harness.variants import Variant


def chance_text(arms: Mapping[Variant, BySeed], test_set: TestSet, margins: Margins) -> str:
    """Say that no variant is surely better than who always guesses the most frequent class; empty where one is.

    Each is compared with that guess by seed and test image, as variants are with each other, corrected for their
    number. Nothing is said where one has too few seeds for an interval.
    """
    ended = [{seed: one for seed, one in arm.items() if one.predictions is not None} for arm in arms.values()]
    if not ended or min(map(len, ended)) < LEAST_SEEDS or not len(test_set.labels):
        return ""
    guessed = right_by_guess(test_set.labels)
    share = float(guessed.mean())
    # Mostly the best one is far above: one comparison per table.
    for arm in sorted(ended, key=lambda arm: -float(np.mean([one.accuracy for one in arm.values()]))):
        right = right_shares(predictions_of(arm, sorted(arm)), test_set)
        seeds = len(arm)
        guess = Shares(np.full(seeds, share), np.tile(guessed, (seeds, 1)))
        if test_set.groups is not None:
            guess = guess.by_group(test_set.groups)
        effect = two_way_of_shares(guess, right)
        if effect.interval(margins.alpha, len(ended)).low > 0:
            return ""
    return (
        f"no variant is surely better than always guessing the most frequent class, which is right for {share:.1%} of "
        "the test images: train for longer, or look at images, labels and learning rate"
    )
