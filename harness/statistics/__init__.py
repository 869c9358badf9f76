"""Honest intervals for paired comparisons: arrays in, numbers out (NumPy and SciPy only).

`two_way` for means over seeds x images, `two_way_of_sums` for ratios of sums, `time_ratio` and
`controlled_ratio` for times in paired blocks, `pareto` for two measures at once. Each gives an `Estimate`:
a mean and the parts of its variance, each with its degrees of freedom; `interval` and `p_value` never disagree.
`TimeToReach` says when a learning curve reaches a target, if it does.
docs/statistics.md says what each assumes and how it does in simulation.
"""

from harness.statistics.correction import corrected_level, corrected_p, equivalence_level
from harness.statistics.effect import LEAST_SEEDS, Effect, MeanSquares, same_with, seeds_needed, two_way
from harness.statistics.estimate import ALPHA, NO_INTERVAL, Estimate, Interval, Part, half_width, quantile
from harness.statistics.front import Standing, pareto
from harness.statistics.looks import FUTILE, alpha_share, chance_to_settle, common_looks, looks_up_to
from harness.statistics.ratios import mean_of_ratios, two_way_of_sums
from harness.statistics.reaching import NEVER, Reaching, TimeToReach, best_so_far
from harness.statistics.times import TimeRatio, builds_needed, controlled_ratio, same_with_builds, time_ratio

__all__ = [
    "ALPHA",
    "FUTILE",
    "LEAST_SEEDS",
    "NEVER",
    "NO_INTERVAL",
    "Effect",
    "Estimate",
    "Interval",
    "MeanSquares",
    "Part",
    "Reaching",
    "Standing",
    "TimeRatio",
    "TimeToReach",
    "alpha_share",
    "best_so_far",
    "builds_needed",
    "chance_to_settle",
    "common_looks",
    "controlled_ratio",
    "corrected_level",
    "corrected_p",
    "equivalence_level",
    "half_width",
    "looks_up_to",
    "mean_of_ratios",
    "pareto",
    "quantile",
    "same_with",
    "same_with_builds",
    "seeds_needed",
    "time_ratio",
    "two_way",
    "two_way_of_sums",
]
