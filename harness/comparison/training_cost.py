"""How soon a variant is as accurate as its baseline is in the end, and what its training costs beside the baseline's.

Both are times of training at the speed of the timed steps, not by the clock of the trials: that depends on what else
the machine did meanwhile, and on the number of workers.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

import numpy as np

from harness.budgets import Budget
from harness.comparison.groups import Group
from harness.comparison.judge import Accuracies, Comparison
from harness.comparison.pairs import BySeed, seeds_of_both
from harness.comparison.verdicts import Verdict, time_verdict
from harness.margins import Margins
from harness.results.records import NAN
from harness.statistics import (
    LEAST_SEEDS,
    NEVER,
    NO_INTERVAL,
    Estimate,
    Interval,
    Part,
    Reaching,
    TimeToReach,
    alpha_share,
    best_so_far,
)
from harness.variants import Variant

SAME_EPOCH = Estimate(0.0, (Part(0.0, 1.0),))
"""An epoch that takes as long in both arms: then time is counted in epochs."""

NOT_TIMED = "step times are not measured"
KEPT_FEATURES = "a step of kept features is the head's alone, and what the features took is no part of it"

NO_CURVES = "fewer than three seeds have a validation accuracy after every epoch"
EQUAL_CURVES = "the seeds' validation accuracies lie equally far from the baseline's: their spread is not known"


@dataclass(frozen=True)
class TrainingCost:
    """What one variant's training costs beside its baseline's.

    Attributes:
        seeds_reaching: How many seeds reach what the baseline has in the end with that seed; nan where none is known.
        epochs: Until the seeds' mean does; NEVER where it does not.
        epochs_interval: Its interval.
        time: Training time until then, over that of the baseline's whole training.
        cost: Training time of the whole trial, over the baseline's.
    """

    seeds_reaching: float = NAN
    epochs: float = NAN
    epochs_interval: Interval = NO_INTERVAL
    time: Comparison = field(default_factory=Comparison)
    cost: Comparison = field(default_factory=Comparison)


def training_cells(
    group: Group, variant: Variant, step_time: Estimate | None, accuracies: Accuracies, margins: Margins
) -> dict[str, Any]:
    """Return the cells of what a variant's training costs, of a group as it is judged.

    step_time is the log of its step's time over the baseline's; None where it is not measured.
    """
    baseline, own = (group.records.get(one, {}) for one in (group.suite.baseline, variant))
    seconds = [record.train_time_s for record in baseline.values() if record.status == "ok"]
    baseline_s = median(seconds) if seconds else NAN
    if variant == group.suite.baseline:
        itself = Comparison(1.0)
        found = TrainingCost(len(seconds), group.conditions.budget.epochs, time=itself, cost=itself)
        return _cells(found, baseline_s) | {f"{name}_verdict": "" for name in ("time_to_baseline", "training_cost")}
    found = judge_training(
        (baseline, own),
        step_time,
        accuracies,
        comparisons=len(group.suite.variants),
        margins=margins,
        share=share_of(accuracies, group.looks[variant]),
    )
    return _cells(found, baseline_s)


def share_of(accuracies: Accuracies, looks: Sequence[int]) -> float:
    """Return the share of alpha at which accuracy was judged, of those looks."""
    look = accuracies.standing.look
    return alpha_share(look, looks) if len(looks) > 1 and look else 1.0


def judge_training(
    arms: tuple[BySeed, BySeed],
    step_time: Estimate | None,
    accuracies: Accuracies,
    *,
    comparisons: int,
    margins: Margins,
    share: float = 1.0,
) -> TrainingCost:
    """Judge the training of a variant.

    Args:
        arms: Records of baseline and variant by seed, up to the look at which accuracy was judged.
        step_time: The log of variant over baseline; None where it is not measured.
        accuracies: What was said of the same records: where it claims nothing, nothing is claimed here.
        comparisons: Variants of the suite, for Bonferroni.
        margins: Alpha and margins.
        share: Of alpha, at which accuracy was judged.
    """
    epoch_time, reason = _epoch_time(arms, step_time)
    found = TrainingCost(cost=_cost(epoch_time, reason, comparisons, margins))
    reaching = _reaching(*arms)
    if reaching is None:
        return dataclasses.replace(found, time=Comparison(hint=accuracies.accuracy.hint or NO_CURVES))
    silence = accuracies.accuracy.hint if math.isnan(accuracies.accuracy.low) else ""
    if not silence and _same_trainings(*arms):
        epochs = reaching.curves.shape[1]
        return TrainingCost(reaching.seeds_reaching, epochs, Interval(epochs, epochs), found.cost, found.cost)
    if not silence and not reaching.known:
        silence = EQUAL_CURVES if len(reaching.curves) >= LEAST_SEEDS else NO_CURVES
    interval = NO_INTERVAL if silence else reaching.interval(margins.alpha * share / comparisons)
    if interval.low == NEVER and (epoch_time is None or not epoch_time.known):
        epoch_time = SAME_EPOCH  # never is never, whatever an epoch takes
    time = Comparison(hint=reason)
    if epoch_time is not None:
        until = TimeToReach(reaching, reaching.curves.shape[1], epoch_time)
        time = Comparison(until.ratio, hint=silence) if silence else _time(until, comparisons, margins, share)
    return TrainingCost(reaching.seeds_reaching, reaching.epochs, interval, time, found.cost)


def counted(accuracies: tuple[float, ...] | np.ndarray[Any, Any], budget: Budget) -> np.ndarray[Any, Any]:
    """Return the validation accuracy [..., epochs] of the weights that count, had the training ended at each epoch."""
    curves = np.asarray(accuracies, np.float64)
    return best_so_far(curves) if budget.tested_weights == "best" else curves


def _reaching(baseline: BySeed, variant: BySeed) -> Reaching | None:
    """Return the variant's curves less the baseline's final accuracy, of the seeds of which both have all epochs."""
    pairs = [(baseline[seed], variant[seed]) for seed in seeds_of_both(baseline, variant)]
    pairs = [pair for pair in pairs if all(_whole(one.val_accuracies, one.trial.budget) for one in pair)]
    if not pairs:
        return None
    budget = pairs[0][0].trial.budget
    first, own = (counted(np.array([pair[arm].val_accuracies for pair in pairs]), budget) for arm in (0, 1))
    return Reaching(own - first[:, -1:])


def _same_trainings(one: BySeed, other: BySeed) -> bool:
    """Whether one variant gave the same bits twice, as in two folders."""
    pairs = [(one[seed], other[seed]) for seed in seeds_of_both(one, other)]
    return all(a.trial.variant == b.trial.variant and a.val_accuracies == b.val_accuracies for a, b in pairs)


def _whole(curve: tuple[float, ...], budget: Budget) -> bool:
    return len(curve) == budget.epochs and all(0 <= value <= 1 for value in curve)


def _epoch_time(arms: tuple[BySeed, BySeed], step_time: Estimate | None) -> tuple[Estimate | None, str]:
    """Return the log of the ratio of an epoch's time: a step's, by how many images it takes; or why there is none."""
    if step_time is None:
        return None, NOT_TIMED
    variants = [variant for arm in arms if (variant := _variant_of(arm)) is not None]
    if len(variants) < 2:
        return None, NOT_TIMED
    baseline, variant = variants
    if _features(baseline) != _features(variant):
        return None, KEPT_FEATURES
    shift = math.log(baseline.batch_size / variant.batch_size)
    return dataclasses.replace(step_time, mean=step_time.mean + shift), ""


def _variant_of(records: BySeed) -> Variant | None:
    return next((record.trial.variant for record in records.values()), None)


def _features(variant: Variant) -> tuple[object, ...]:
    """Return which kept features a variant's head is trained on; none where it trains on images."""
    return (variant.backbone, variant.weights) if variant.reuses_features else ()


def _cost(ratio: Estimate | None, reason: str, comparisons: int, margins: Margins) -> Comparison:
    if ratio is None:
        return Comparison(hint=reason)
    interval = ratio.interval(margins.alpha, comparisons)
    verdict = time_verdict(interval, ratio.equivalence_interval(margins.alpha, comparisons), margins.time)
    hint = "" if verdict is not Verdict.UNRESOLVED else "settled by what settles the step time"
    return Comparison(math.exp(ratio.mean), *interval.exp(), ratio.p_value(comparisons), verdict, hint)


def _time(time: TimeToReach, comparisons: int, margins: Margins, share: float) -> Comparison:
    alpha = margins.alpha * share
    interval = time.interval(alpha, comparisons)
    verdict = time_verdict(interval, time.equivalence_interval(alpha, comparisons), margins.time)
    p = min(time.p_value(comparisons) / share, 1.0)  # in this order nan stays nan
    return Comparison(time.ratio, *interval.exp(), p, verdict, _hint(time, interval, verdict, fixed=share == 1))


def _hint(time: TimeToReach, interval: Interval, verdict: Verdict, *, fixed: bool) -> str:
    """Say why there is no verdict, or what would settle it; `fixed` is whether the number of seeds is."""
    epochs = f"{time.of_epochs} epoch{'s' * (time.of_epochs != 1)}"
    if interval.low == NEVER:
        return f"not reached in {epochs}; whether longer training would, --epochs tells"
    if verdict is not Verdict.UNRESOLVED:
        return ""
    if not time.known:
        return "step times need more than one build"
    if not fixed:
        return f"judged at the {len(time.reaching.curves)} seeds at which accuracy stands"
    if interval.high == NEVER:
        return f"not surely reached in {epochs}; more seeds would tell, or more --epochs"
    return "more seeds would settle it; --seeds auto takes as many as accuracy needs"


def _cells(found: TrainingCost, baseline_s: float) -> dict[str, Any]:
    low, high = found.epochs_interval
    return {
        "epochs_to_baseline": found.epochs,
        "epochs_to_baseline_ci_low": low,
        "epochs_to_baseline_ci_high": high,
        "seeds_to_baseline": found.seeds_reaching,
        "time_to_baseline_s": found.time.value * baseline_s,
        **_ratio_cells("time_to_baseline", found.time),
        **_ratio_cells("training_cost", found.cost),
    }


def _ratio_cells(name: str, found: Comparison) -> Mapping[str, Any]:
    return {
        f"{name}_ratio": found.value,
        f"{name}_ci_low": found.low,
        f"{name}_ci_high": found.high,
        f"{name}_p": found.p,
        f"{name}_verdict": str(found.verdict),
        f"{name}_hint": found.hint,
    }
