"""Two results folders, variant by variant: what two commits or two library versions gave."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING, Any

from harness.comparison.columns import FOLDER_COLUMNS, METRICS
from harness.comparison.differences import Difference, differences_of
from harness.comparison.judge import Accuracies, Comparison, Judge, Margins
from harness.comparison.pairs import BySeed, up_to
from harness.comparison.suite_cells import precision_of, status_of
from harness.comparison.times_across_runs import judge_across
from harness.comparison.trained import Pair, Trained, condition_label, matched, trained_variants
from harness.comparison.training_cost import SAME_EPOCH, judge_training, share_of
from harness.comparison.wanted import ANY, Wanted
from harness.results import Results
from harness.results.conditions import Conditions
from harness.results.records import NAN, Record
from harness.statistics import common_looks
from harness.suites import shown_names
from harness.variants import Variant

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class FolderComparison:
    """Two results folders compared.

    Attributes:
        frame: A row per variant, dataset and budget, with FOLDER_COLUMNS.
        differences: What else differs, in the order of `titles`.
        titles: Dataset and budget of each matched pair of conditions.
        sizes: How many of the frame's rows each of them has, in their order.
        unmatched: Datasets and budgets that only one folder has.
    """

    frame: pd.DataFrame
    differences: tuple[tuple[Difference, ...], ...]
    titles: tuple[str, ...]
    sizes: tuple[int, ...]
    unmatched: tuple[str, ...]


def compare_folders(
    old: Results,
    new: Results,
    margins: Margins,
    wanted: Wanted = ANY,
    *,
    note: Callable[[str], object] = lambda text: None,
    names: Mapping[Variant, str] | None = None,
    each_images: bool = True,
) -> FolderComparison:
    """Compare two results folders, each variant of `new` with the same variant of `old`.

    Accuracies are paired by seed and judged by the two-way model over seeds and test images, since a seed means the
    same split, order and first weights in both; where the dataset's content differs nothing is paired and nothing
    claimed. Step times are judged by `judge_across`, only between runs on one machine. All is corrected (Bonferroni)
    for the number of variants that both folders have of a dataset and budget. `note` is told what of the wanted
    conditions was left out by itself. `names` says what variants are called, by default as the newer folder does. Of
    several sets of images of one name each is compared with its own, or the newest alone without `each_images`.
    """
    import pandas as pd

    rows: list[dict[str, Any]] = []
    titles: list[str] = []
    sizes: list[int] = []
    listed: list[tuple[Difference, ...]] = []
    judge = Judge(margins)
    called = shown_names((*new.declared, *old.declared)) if names is None else names
    olds, news = trained_variants(old), trained_variants(new)
    pairs, unmatched = matched(olds, news, each_images=each_images)
    if pairs or wanted != ANY:
        kept, left_out = wanted.choose(news)
        pairs, unmatched = matched(wanted.choose(olds)[0], kept, each_images=each_images)
        if left_out:
            note(left_out)
    for first, second in pairs:
        found = differences_of((first, old), (second, new))
        added = _rows(first, second, new, found, judge, called)
        rows += added
        sizes.append(len(added))
        titles.append(condition_label(second.conditions, olds, news))
        listed.append(found)
    return FolderComparison(
        frame=pd.DataFrame(rows, columns=list(FOLDER_COLUMNS)),
        differences=tuple(listed),
        titles=tuple(titles),
        sizes=tuple(sizes),
        unmatched=tuple(unmatched),
    )


def _rows(
    old: Trained,
    new: Trained,
    new_results: Results,
    differences: tuple[Difference, ...],
    judge: Judge,
    names: Mapping[Variant, str],
) -> list[dict[str, Any]]:
    variants = list(dict.fromkeys((*new.records, *old.records)))
    count = max(1, sum(variant in old.records and variant in new.records for variant in variants))
    test_set = new_results.test_set(new.conditions)
    # The last of one machine and baseline counts.
    timed = {pair[2]: pair for pair in new.step_times if pair in old.step_times}
    rows = []
    for variant in variants:
        before, after = old.records.get(variant, {}), new.records.get(variant, {})
        accuracies, looks = Accuracies(0), common_looks(*(one.looks.get(variant, (0,)) for one in (old, new)))
        if old.conditions.fingerprint != new.conditions.fingerprint and before and after:
            reason = Comparison(hint="the dataset's content differs: its images cannot be paired")
            accuracies = Accuracies(0, reason, reason, reason, reason)
        elif before and after:
            accuracies = judge.accuracies(
                before, after, test_set, comparisons=count, looks=looks, goes_on=False, names=("old", "new")
            )
        row = _row(variant, names.get(variant, variant.name), new.conditions, before, after, accuracies)
        row |= _epochs_cells(before, after, accuracies, looks, count, judge.margins)
        if variant in timed and old.conditions.fingerprint == new.conditions.fingerprint:
            row |= _time_cells(timed[variant], old, new, count, judge.margins)
        else:
            row |= _unpaired_time_cells(variant, old, new)
        row["differences"] = "; ".join(map(str, differences))
        row["near_duplicates"] = test_set.grouped
        rows.append(row)
    return rows


def _row(
    variant: Variant,
    name: str,
    conditions: Conditions,
    before: Mapping[int, Record],
    after: Mapping[int, Record],
    accuracies: Accuracies,
) -> dict[str, Any]:
    states = {"old": _state(before), "new": _state(after)}
    row: dict[str, Any] = {
        "variant": name,
        "full_name": variant.name,
        "dataset": conditions.dataset,
        "budget": conditions.budget.label,
        "fingerprint": conditions.fingerprint,
        "device": conditions.environment.device,
        "backend": conditions.environment.backend,
        "precision_policy": precision_of(variant, (after or before).values()),
        "present": "both" if before and after else "old" if before else "new",
        "seeds": accuracies.pairs,
        "message": "; ".join(f"{name}: {message}" for name, (_, message) in states.items() if message),
    }
    for name, records in (("old", before), ("new", after)):
        good = [record for record in records.values() if record.status == "ok"]
        row[f"seeds_{name}"] = len(good)
        ending = "_old" if name == "old" else ""
        row[f"status{ending}"] = states[name][0]
        for metric in METRICS:
            row[f"{metric}{ending}"] = fmean(getattr(record, metric) for record in good) if good else NAN
    for metric in METRICS:
        found: Comparison = getattr(accuracies, metric)
        row |= {
            f"{metric}_delta": found.value,
            f"{metric}_ci_low": found.low,
            f"{metric}_ci_high": found.high,
            f"{metric}_p": found.p,
            f"{metric}_verdict": str(found.verdict) if before and after else "",
            f"{metric}_hint": found.hint,
        }
    return row


def _epochs_cells(
    before: BySeed, after: BySeed, accuracies: Accuracies, looks: Sequence[int], comparisons: int, margins: Margins
) -> dict[str, Any]:
    """Return how soon the new trials are as accurate as the old ones in the end, in epochs: no clock is in it."""
    if not (before and after):
        return {"epochs_to_old_verdict": "", "epochs_to_old_hint": ""}
    look = accuracies.standing.look
    paired = bool(accuracies.pairs)
    arms = tuple(up_to(look or looks[-1], arm) if paired else {} for arm in (before, after))
    share = share_of(accuracies, looks)
    found = judge_training(
        (arms[0], arms[1]), SAME_EPOCH, accuracies, comparisons=comparisons, margins=margins, share=share
    )
    low, high = found.epochs_interval
    return {
        "epochs_to_old": found.epochs,
        "epochs_to_old_ci_low": low,
        "epochs_to_old_ci_high": high,
        "epochs_to_old_p": found.time.p,
        "epochs_to_old_verdict": str(found.time.verdict),
        "epochs_to_old_hint": found.time.hint,
        "seeds_to_old": found.seeds_reaching,
    }


def _state(records: Mapping[int, Record]) -> tuple[str, str]:
    return status_of(records.values(), 0) if records else ("missing", "")


def _time_cells(pair: Pair, old: Trained, new: Trained, comparisons: int, margins: Margins) -> dict[str, Any]:
    first, second = old.step_times[pair], new.step_times[pair]
    baselines_ms = (old.baselines_ms[pair], new.baselines_ms[pair])
    found = judge_across(first, second, baselines_ms=baselines_ms, comparisons=comparisons, margins=margins)
    flags = [f"{name}: {flag}" for name, times in (("old", first), ("new", second)) for flag in times.flags]
    return {
        "step_time_old_ms": old.step_time_ms(pair),
        "step_time_ms": new.step_time_ms(pair),
        "step_time_ratio": found.value,
        "step_time_ci_low": found.low,
        "step_time_ci_high": found.high,
        "step_time_verdict": str(found.verdict),
        "step_time_hint": found.hint,
        "step_time_flags": "; ".join(flags),
    }


def _unpaired_time_cells(variant: Variant, old: Trained, new: Trained) -> dict[str, Any]:
    cells: dict[str, Any] = {"step_time_verdict": "", "step_time_hint": "", "step_time_flags": ""}
    machines = []
    for name, side in (("step_time_old_ms", old), ("step_time_ms", new)):
        taken = [pair for pair in side.step_times if pair[2] == variant]
        if taken:
            machines.append(taken[-1][0])
            cells[name] = side.step_time_ms(taken[-1])
    if len(machines) == 2:
        reason = "on another machine" if machines[0] != machines[1] else "against another baseline"
        if old.conditions.fingerprint != new.conditions.fingerprint:
            reason = "on other images"
        cells |= {"step_time_verdict": "unresolved", "step_time_hint": f"timed {reason}: not comparable"}
    return cells
