"""What a suite came to: which variants are worth a choice, which are beaten, what is open and which run would tell.

It reads verdicts, the intervals they were judged by and the Pareto front; it computes nothing of its own.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

from harness.budgets import LEAST_MAX_SEEDS, USUAL_MAX_SEEDS, BudgetName
from harness.comparison.again import words_again
from harness.comparison.columns import Row
from harness.comparison.pairs import SAME_PREDICTIONS, SAME_TRIAL
from harness.comparison.suite_rows import SuiteComparison
from harness.comparison.verdicts import Verdict
from harness.results import Results
from harness.statistics import looks_up_to

Choice = Literal["take", "trade", "open", "losing", "same", "beaten", "nothing"]
"""What a variant is to who chooses.

take: better in one measure and not worse in the other. trade: better in one, the other worse or open. open: not beaten,
and what is not settled leans to better. losing: not beaten, but nothing is better or leans to it. same: as the baseline
in both. beaten: worse in one measure and better in none, or another variant surely beats it in both. nothing: no
result, a diverged one, no baseline to compare with, or, without step times, the baseline's own predictions.
"""

CHOICES: tuple[Choice, ...] = get_args(Choice)

_NOT_WORSE = (Verdict.BETTER, Verdict.SAME)
_NOT_BETTER = (Verdict.WORSE, Verdict.SAME)


@dataclass(frozen=True)
class Remedy:
    """A run that would settle something.

    Attributes:
        quantity: accuracy or step time.
        suite: Name of the suite.
        variants: Names of the variants that it is for.
        words: Its command line, all but what it selects.
    """

    quantity: Literal["accuracy", "step time"]
    suite: str
    variants: tuple[str, ...]
    words: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class SuiteOutcome:
    """The outcome of one suite under one set of conditions.

    Attributes:
        rows: All of its rows, the baseline first.
        choices: Its variants by what they are to who chooses, the most promising first.
        timed: Whether any variant has a step time.
        judged: Whether any variant has an interval, of accuracy or step time.
        is_smoke: Whether the budget shows only that all runs.
        remedies: Runs that would settle what is open, where that is worth their time.
        not_begun: Names of variants that were planned and have no trial yet.
    """

    rows: Sequence[Row]
    choices: dict[Choice, list[Row]]
    timed: bool
    judged: bool
    is_smoke: bool
    remedies: tuple[Remedy, ...] = ()
    not_begun: tuple[str, ...] = ()


def outcomes_of(comparisons: Iterable[SuiteComparison], results: Results) -> list[SuiteOutcome]:
    """Return the outcome of each comparison of a results folder."""
    return [suite_outcome(one, results) for one in comparisons]


def suite_outcome(comparison: SuiteComparison, results: Results) -> SuiteOutcome:
    """Return what a suite came to, with the runs that would settle more.

    Of images that their folder no longer holds nothing is offered: the command would train the newer ones.
    """
    group = comparison.group
    outcome = replace(sorted_out(comparison.rows), not_begun=tuple(map(group.suite.label, group.not_begun)))
    if outcome.is_smoke or _are_older(group.conditions.fingerprint, results):
        return outcome
    # Of what is to be taken all is settled; what loses or is beaten is hardly worth a run.
    racing = [row for choice in ("trade", "open") for row in outcome.choices[choice]]
    remedies = (
        *_more_seeds(comparison, racing, results),
        *_more_times(comparison, racing, results),
        *(() if outcome.timed else _first_times(comparison, outcome, results)),
    )
    return replace(outcome, remedies=remedies)


def sorted_out(rows: Sequence[Row]) -> SuiteOutcome:
    """Return a suite's rows sorted out, without what would settle more."""
    variants = [row for row in rows if row["variant"] != row["baseline"]]
    without = bool(baseline_trouble(rows))
    timed = any(is_timed(row) for row in variants)
    choices: dict[Choice, list[Row]] = {choice: [] for choice in CHOICES}
    for row in variants:
        choices["nothing" if without else _choice(row, timed=timed)].append(row)
    for found in choices.values():
        found.sort(key=_promise)
    judged = any(not math.isnan(row[f"{name}_ci_low"]) for row in variants for name in ("accuracy", "step_time"))
    return SuiteOutcome(rows, choices, timed, judged, str(rows[0]["budget"]).split("+")[0] == "smoke")


def hopeless_rows(rows: Sequence[Row]) -> dict[str, str]:
    """Return what the outcome calls the variants of a suite for which it proposes no run; by their names."""
    outcome = sorted_out(rows)
    told: tuple[Choice, ...] = () if outcome.is_smoke else ("losing", "beaten")
    return {str(row["variant"]): choice for choice in told for row in outcome.choices[choice]}


def is_timed(row: Row) -> bool:
    """Whether a row has a step time beside the baseline's."""
    return math.isfinite(row["step_time_ratio"])


def baseline_trouble(rows: Sequence[Row]) -> str:
    """Return why a suite's variants have nothing to be compared with; empty where its baseline has results."""
    baseline = next((row for row in rows if row["variant"] == row["baseline"]), None)
    if baseline is None:
        return "the baseline has no trial"
    if baseline["status"] == "partial" and not baseline["seeds"]:
        return f"the baseline has no result: {baseline['message']}"
    if baseline["status"] in ("ok", "partial"):
        return ""
    reason = str(baseline["message"])
    status = str(baseline["status"])
    return f"the baseline {reason if reason.startswith(status) else f'{status}: {reason}'}"


def predicts_as_baseline(row: Row) -> bool:
    """Whether no image of any seed is predicted otherwise than by the baseline."""
    return row["accuracy_hint"] in (SAME_TRIAL, SAME_PREDICTIONS)


def _choice(row: Row, *, timed: bool) -> Choice:
    equal = predicts_as_baseline(row)
    accuracy, time = Verdict.SAME if equal else row["accuracy_verdict"], row["step_time_verdict"]
    if row["status"] not in ("ok", "partial") or not row["seeds"] or (equal and not is_timed(row)):
        return "nothing"
    if not timed:
        only: dict[str, Choice] = {"better": "take", "same": "same", "worse": "beaten"}
        leans = row["accuracy_leans"] in ("worse", "same")
        return only.get(accuracy, "losing" if leans else "open")
    pair = (accuracy, time)
    if row["pareto"] == "no" or (Verdict.WORSE in pair and all(one in _NOT_BETTER for one in pair)):
        return "beaten"
    if Verdict.BETTER in pair:
        return "take" if all(one in _NOT_WORSE for one in pair) else "trade"
    if pair == (Verdict.SAME, Verdict.SAME):
        return "same"
    unknown = any(_open_without_lean(row, name) for name in ("accuracy", "step_time"))
    return "open" if unknown or Verdict.BETTER in (row["accuracy_leans"], row["step_time_leans"]) else "losing"


def _open_without_lean(row: Row, quantity: str) -> bool:
    """Whether nothing is known of a measure: too few seeds or builds, or not timed."""
    if quantity == "accuracy" and predicts_as_baseline(row):
        return False
    return row[f"{quantity}_verdict"] == Verdict.UNRESOLVED and math.isnan(row[f"{quantity}_ci_low"])


def _promise(row: Row) -> tuple[float, ...]:
    """Order rows: those better in accuracy first, then the faster ones, then those that lean to better accuracy.

    Among the faster ones, what costs the least accuracy is first.
    """
    delta, ratio = (row[name] if math.isfinite(row[name]) else worst for name, worst in _WORST)
    if row["accuracy_verdict"] == Verdict.BETTER:
        return 0, -delta, ratio
    if row["step_time_verdict"] == Verdict.BETTER:
        return 1, -delta, ratio
    return 2, row["accuracy_leans"] != Verdict.BETTER, row["accuracy_verdict"] == Verdict.WORSE, -delta, ratio


_WORST = (("accuracy_delta", -1.0), ("step_time_ratio", math.inf))


def _more_seeds(comparison: SuiteComparison, rows: Sequence[Row], results: Results) -> Iterable[Remedy]:
    """Yield the runs that give open accuracies more seeds: each row by the looks that its own hint names.

    Other looks at the same trials would be a further analysis of them.
    """
    by_options: dict[str, list[str]] = {}
    for row in rows:
        by_options.setdefault(str(row["accuracy_settled_by"]), []).append(str(row["variant"]))
    for options, names in by_options.items():
        if not (asked := options.split()[1:]):
            continue
        most = int(asked[-1]) if "--max-seeds" in asked else USUAL_MAX_SEEDS
        words = words_again(comparison.group, results, looks=looks_up_to(max(most, LEAST_MAX_SEEDS)), there=True)
        yield Remedy("accuracy", comparison.group.suite.name, tuple(names), tuple(words))


def _more_times(comparison: SuiteComparison, rows: Sequence[Row], results: Results) -> Iterable[Remedy]:
    """Yield the runs that time longer, or anew."""
    group = comparison.group
    looks = max(group.looks.values(), key=lambda one: one[-1])
    presets: tuple[BudgetName | None, ...] = ("full", "quick", None)
    for preset in presets:
        options = f"add --budget {preset}" if preset else "add --retime"
        names = tuple(str(row["variant"]) for row in rows if row["step_time_settled_by"] == options)
        if names:
            words = words_again(group, results, looks=looks, timed_as=preset, retime=preset is None, there=True)
            yield Remedy("step time", group.suite.name, names, tuple(words))


def _first_times(comparison: SuiteComparison, outcome: SuiteOutcome, results: Results) -> Iterable[Remedy]:
    """Yield the run that times a suite that was only trained."""
    group = comparison.group
    worth: tuple[Choice, ...] = ("take", "trade", "open", "same")
    names = tuple(str(row["variant"]) for choice in worth for row in outcome.choices[choice])
    if names:
        words = words_again(group, results, looks=max(group.looks.values(), key=lambda one: one[-1]), there=True)
        yield Remedy("step time", group.suite.name, names, tuple(words))


def _are_older(fingerprint: str, results: Results) -> bool:
    """Whether other images have come from the same place since."""

    def place(of: str) -> tuple[object, ...]:
        origin = results.datasets[of]
        return origin.source, origin.image_size, origin.skip_unreadable

    known = list(results.datasets)  # the one used last is last
    if fingerprint not in known or not results.datasets[fingerprint].source:
        return False
    return any(place(later) == place(fingerprint) for later in known[known.index(fingerprint) + 1 :])
