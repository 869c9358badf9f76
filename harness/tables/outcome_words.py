"""Outcomes in sentences, each said once; console, Markdown and the report's first screen only lay them out."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from harness.comparison.again import command_line
from harness.comparison.columns import Row
from harness.comparison.outcome import (
    Choice,
    Remedy,
    SuiteOutcome,
    baseline_trouble,
    is_timed,
    predicts_as_baseline,
)
from harness.comparison.verdicts import Verdict
from harness.suites import all_of, exactly, is_selectable
from harness.tables.cells import cell_text, interval_text
from harness.tables.numbers import interval_decimals, plain
from harness.tables.suite_rows import SuiteRows, beside_each_other

MOST_LINES = 6
"""Variants that get a line of their own, of each choice."""

_OWN_LINES: tuple[Choice, ...] = ("take", "trade", "open", "losing")
_TIMES = 2.0  # from here on a ratio says more than a percentage
_ALL = 100.0
_MOST_NAMES = 5
_LONGEST_NAME, _LISTED_NAME, _LONGEST_SELECTION = 60, 40, 400

_SIGNS: dict[str, str] = {
    "[": "[ ]: interval of the difference from the baseline, for new seeds and test images (step time: new builds); "
    "lost and gained are its ends",
    "% faster": "faster: of a step's time; 50 % faster is half of it",
    "% slower": "slower: of a step's time; 50 % slower is one and a half of it",
    "leans to": "leans: what the verdict would be once it is settled, were the present figures the true ones",
}
_LABELS: dict[str, str] = {
    "trade": "trade: better in one measure, worse or open in the other",
    "open": "open: nothing is settled as better; something leans to it, or too little is known",
    "losing": "losing: not settled, and nothing leans to better: hardly worth more runs",
    "beaten": "beaten: worse in one measure and better in none, or another variant surely beats it in both",
}
_UNTIMED = "no step times"


@dataclass(frozen=True)
class OutcomeLine:
    """A line of an outcome: what it is about in a word, the variants, and what is said of them."""

    label: str
    names: str
    text: str


@dataclass(frozen=True)
class OutcomeText:
    """The outcome of one suite in words.

    Attributes:
        suite: Its name.
        conditions: Dataset, budget, device and seeds, and what tells them from another outcome's.
        headline: Which variant to take, or what the choice is.
        lines: A line per variant that is not beaten, then those that are, together.
    """

    suite: str
    conditions: str
    headline: str
    lines: tuple[OutcomeLine, ...]


@dataclass(frozen=True)
class OutcomeWords:
    """Outcomes in words.

    Attributes:
        suites: One per suite and set of conditions.
        settling: The runs that would settle what is open; the text of each is a command line.
        how: How to read the words and signs that these outcomes use, a line each.
    """

    suites: tuple[OutcomeText, ...] = ()
    settling: tuple[OutcomeLine, ...] = ()
    how: tuple[str, ...] = ()


def outcome_words(outcomes: Sequence[SuiteOutcome]) -> OutcomeWords:
    """Return outcomes in words."""
    parts = beside_each_other(one.rows for one in outcomes)
    texts = tuple(outcome_text(one, apart=part.apart) for one, part in zip(outcomes, parts, strict=True))
    return OutcomeWords(texts, tuple(_settling(outcomes)), tuple(_how_to_read(texts)))


def outcome_text(outcome: SuiteOutcome, *, apart: str = "") -> OutcomeText:
    """Return a suite's outcome in words; `apart` tells it from another under the same dataset, budget and device."""
    rows = SuiteRows(outcome.rows)
    conditions = f"{rows.conditions}; {apart}" if apart else rows.conditions
    return OutcomeText(rows.suite, conditions, _headline(outcome), tuple(_lines(outcome)))


def trade_text(row: Row, *, why: bool = True) -> str:
    """Return what a variant costs and gives: its step time and its accuracy, each with the end that matters.

    `why` asks to say of what will stay open why it will.
    """
    time, accuracy = _time_text(row, why=why), _accuracy_text(row, why=why)
    parts = [accuracy, time] if row["accuracy_verdict"] == Verdict.BETTER else [time, accuracy]
    return ", ".join(part for part in parts if part)


def _headline(outcome: SuiteOutcome) -> str:
    rows, choices = outcome.rows, outcome.choices
    baseline = _short(str(rows[0]["baseline"]))
    if trouble := baseline_trouble(rows):
        return f"no choice: {_cut(trouble)}"
    if len(rows) < 2 or len(choices["nothing"]) == len(rows) - 1:
        if any(row["status"] in ("ok", "partial") and predicts_as_baseline(row) for row in choices["nothing"]):
            return f"no variant differs from {baseline}"
        return "no variant has a result to compare"
    if outcome.is_smoke:
        return "a smoke budget shows that all runs, nothing of accuracy or time"
    if any(row.get("chance") for row in rows):
        return "no choice: no variant is surely better than always guessing the most frequent class"
    if choices["take"]:
        found = choices["take"]
        names = [_short(str(row["variant"])) for row in found[:2]]
        other = f", or {len(found) - 2} more" * (len(found) > 2)
        compared = " (the intervals do not compare them with each other)" * (len(found) > 1)
        return f"take {' or '.join(names)}{other}{compared}"
    if hopeful := [row for row in choices["trade"] if any(_open_measure(row))]:
        noun, lean = _open_measure(hopeful[0])
        alike = [_short(str(row["variant"])) for row in hopeful if _open_measure(row) == (noun, lean)]
        other = f", or {len(alike) - 2} more" * (len(alike) > 2)
        whose = "its" if len(alike) == 1 else "their"
        return f"take {' or '.join(alike[:2])}{other}: {whose} {noun} is open and leans to {lean}"
    if choices["trade"]:
        for_accuracy = {row["accuracy_verdict"] == Verdict.BETTER for row in choices["trade"]}
        what = "" if len(for_accuracy) > 1 else " time for accuracy" if True in for_accuracy else " accuracy for speed"
        return f"keep {baseline}, or trade{what}"
    if choices["open"] or choices["losing"]:
        why = "nothing is settled as better" if outcome.judged else "too few results for any verdict"
        return f"keep {baseline} for now: {why}"
    return f"keep {baseline}: no variant is better"


def _open_measure(row: Row) -> tuple[str, str]:
    """Return the measure of a trade that is open and leans to better, and how that is called; nothing where none is."""
    for quantity, words in _LEANING.items():
        if row[f"{quantity}_verdict"] == Verdict.UNRESOLVED and row[f"{quantity}_leans"] == Verdict.BETTER:
            return quantity.replace("_", " "), words["better"]
    return "", ""


def _lines(outcome: SuiteOutcome) -> Iterable[OutcomeLine]:
    choices = outcome.choices
    if not outcome.is_smoke:
        for choice in _OWN_LINES:
            yield from _own_lines(choice, choices[choice])
        if choices["same"]:
            yield OutcomeLine("same", _names(choices["same"]), "within the margins of the baseline in both")
        if choices["beaten"]:
            yield OutcomeLine("beaten", _names(choices["beaten"]), "" if outcome.timed else "less accurate")
        if not outcome.timed and len(outcome.rows) > 1:
            timing = any(one.quantity == "step time" for one in outcome.remedies)
            yield OutcomeLine("price", "", f"{_UNTIMED}: the run that takes them is below" if timing else _UNTIMED)
    reasons: dict[str, list[Row]] = {}
    for row in choices["nothing"]:
        reason = str(row["message"] if row["status"] in ("failed", "diverged") else row["accuracy_hint"])
        reasons.setdefault(reason, []).append(row)
    for number, (reason, rows) in enumerate(reasons.items()):
        if number < MOST_LINES:
            yield OutcomeLine("nothing", _names(rows), _cut(reason))
    if outcome.not_begun:
        yield OutcomeLine("nothing", _listed(outcome.not_begun), "not begun: run the same command again")
    if len(reasons) > MOST_LINES:
        yield OutcomeLine("nothing", "", f"{len(reasons) - MOST_LINES} other reasons: see the table")


def _own_lines(choice: Choice, rows: Sequence[Row]) -> Iterable[OutcomeLine]:
    """Yield a line per variant of which something is known, and one for those that only wait for their verdict."""
    told = [row for row in rows if any(not math.isnan(row[f"{name}_ci_low"]) for name in ("accuracy", "step_time"))]
    for row in told[:MOST_LINES]:
        yield OutcomeLine(
            choice, _short(str(row["variant"]), _LONGEST_NAME), trade_text(row, why=choice != "losing") + _missing(row)
        )
    if len(told) > MOST_LINES:
        yield OutcomeLine(choice, "", f"and {len(told) - MOST_LINES} more: see the table")
    waiting: dict[str, list[Row]] = {}
    for row in rows:
        if row not in told:
            quantity = "step_time" if predicts_as_baseline(row) else "accuracy"
            waiting.setdefault(str(row[f"{quantity}_hint"]), []).append(row)
    for hint, alike in waiting.items():
        yield OutcomeLine(choice, _names(alike), _cut(hint))


def _missing(row: Row) -> str:
    message = f"partial: {row['message']}" if row["status"] == "partial" and row["message"] else ""
    return "".join(f"; {_cut(str(text))}" for text in (row.get("head_only"), message) if text)


def _accuracy_text(row: Row, *, why: bool) -> str:
    low = row["accuracy_ci_low"]
    verdict, time = row["accuracy_verdict"], row["step_time_verdict"]
    if predicts_as_baseline(row):
        return "accuracy equal, every image predicted alike"
    if math.isnan(low):
        return f"accuracy not judged ({_cut(str(row['accuracy_hint'])) or 'no interval'})"
    lowest, highest = (cell_text(row, f"accuracy_ci_{end}").lstrip("+-") for end in ("low", "high"))
    bound = ""
    if verdict == Verdict.WORSE:
        bound = f"{highest} to {lowest} lost"
    elif verdict == Verdict.BETTER:
        bound = f"{lowest} to {highest} gained"
    elif time == Verdict.BETTER:
        bound = f"at most {lowest} lost" if low < 0 else "nothing lost"
    elif time == Verdict.WORSE:
        bound = f"at most {highest} gained" if row["accuracy_ci_high"] > 0 else "nothing gained"
    figures = f"{cell_text(row, 'accuracy_delta')} points {interval_text(row, 'accuracy_delta')}"
    same = "as good, " if verdict == Verdict.SAME else ""
    return f"accuracy {same}{figures}{f': {bound}' if bound else ''}{_leaning(row, 'accuracy', why=why)}"


def _time_text(row: Row, *, why: bool) -> str:
    """Return the price: how much faster or slower a step is, as far as it is settled."""
    if not is_timed(row):
        return ""
    verdict, ratio = row["step_time_verdict"], row["step_time_ratio"]
    low, high = row["step_time_ci_low"], row["step_time_ci_high"]
    if math.isnan(low):
        return f"step time not judged ({_cut(str(row['step_time_hint'])) or 'no interval'})"
    if verdict == Verdict.BETTER:
        ends = f"[{_percent(1 - high, 1 - high, 1 - low)}, {_most_percent(1 - high, 1 - low)}]"
        return f"{_percent(1 - ratio, 1 - high, 1 - low)} % faster {ends}"
    if verdict == Verdict.WORSE and high < _TIMES:
        return f"{_percent(ratio - 1, low - 1, high - 1)} % slower {_ends(low - 1, high - 1)}"
    figures = f"{cell_text(row, 'step_time_ratio')} x the step time {interval_text(row, 'step_time_ratio')}"
    same = "as fast, " if verdict == Verdict.SAME else ""
    return f"{same}{figures}{_leaning(row, 'step_time', why=why)}"


def _leaning(row: Row, quantity: str, *, why: bool) -> str:
    """Return what is said of an open measure: as what it leans, or why nothing will settle it."""
    if row[f"{quantity}_verdict"] != Verdict.UNRESOLVED:
        return ""
    words = _LEANING[quantity]
    lean = words.get(str(row[f"{quantity}_leans"]), "")
    told = f", leans to {lean}" if lean else ", open"
    hint = str(row[f"{quantity}_hint"])
    if row[f"{quantity}_settled_by"] or not hint:
        return told
    # Where it is not said that nothing would settle it, a direction would sound as if something did.
    return f"{told} ({_cut(hint)})" if why else ", open"


_LEANING = {
    "accuracy": {"better": "better", "worse": "worse", "same": "the same"},
    "step_time": {"better": "faster", "worse": "slower", "same": "the same"},
}


def _percent(share: float, low: float, high: float) -> str:
    decimals = interval_decimals(100 * low, 100 * high, least=0, most=2, equal=0.0)
    return plain(100 * share, decimals)


def _most_percent(low: float, high: float) -> str:
    """Return the upper end of how much faster, which is never all of a step's time."""
    text = _percent(high, low, high)
    return text if float(text) < _ALL else ">99"


def _ends(low: float, high: float) -> str:
    return f"[{_percent(low, low, high)}, {_percent(high, low, high)}]"


def _names(rows: Sequence[Row]) -> str:
    return _listed([str(row["variant"]) for row in rows])


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    longest = _LISTED_NAME if len(names) > 1 else _LONGEST_NAME
    return ", ".join(_short(name, longest) for name in names[:_MOST_NAMES]) + more


def _short(name: str, longest: int = _LISTED_NAME) -> str:
    """Return a name with its middle left out where it is long: its end tells it from others.

    >>> _short("filters:64-128-256-512+dropout:0.5+id:d74c7fec", 24)
    'filters:64-12…d:d74c7fec'
    """
    if len(name) <= longest:
        return name
    end = (longest - 1) // 2 - 1
    return f"{name[: longest - 1 - end]}…{name[-end:]}"


def _cut(text: str, longest: int = 160) -> str:
    return text if len(text) <= longest else f"{text[:longest]}…"


def _settling(outcomes: Iterable[SuiteOutcome]) -> list[OutcomeLine]:
    """Return the command lines that would settle what is open: one per set of conditions, options and quantity."""
    together: dict[tuple[object, ...], list[Remedy]] = {}
    for outcome in outcomes:
        for remedy in outcome.remedies:
            together.setdefault((remedy.quantity, remedy.words), []).append(remedy)
    lines = []
    for remedies in together.values():
        variants = list(dict.fromkeys(name for one in remedies for name in one.variants))
        suites = list(dict.fromkeys(one.suite for one in remedies))
        chosen, whole = _selection(variants, suites)
        line = command_line(remedies[0].words, chosen)
        where = " (on a quieter machine)" if "--retime" in remedies[0].words else ""
        what = f"{remedies[0].quantity} of {_listed(variants)}{where}{f' ({whole})' if whole else ''}"
        lines.append(OutcomeLine("settle", what, line))
    return lines


def _selection(variants: Sequence[str], suites: Sequence[str]) -> tuple[str, str]:
    """Return what `-k` selects, and what of it is more than the variants asked for: whole suites, or everything."""
    # A search's winner is an item of its own only as the search.
    few = " or ".join(map(exactly, variants))
    searched = any(suite.startswith("search:") for suite in suites)
    if len(few) <= _LONGEST_SELECTION and not searched:
        return few, ""
    because = "a search's winner cannot be selected" if searched else "their names are too long for -k"
    if all(map(is_selectable, suites)):
        return " or ".join(_whole(suite) for suite in suites), f"{because}: their whole suites run"
    return "", f"{because}: all suites run"


def _whole(suite: str) -> str:
    return exactly(suite) if suite.startswith("search:") else all_of(suite)


def _how_to_read(texts: Sequence[OutcomeText]) -> list[str]:
    """Return a line for each word and sign that these outcomes use."""
    labels = {line.label for one in texts for line in one.lines}
    told = " ".join(line.text for one in texts for line in one.lines)
    signs = [text for sign, text in _SIGNS.items() if sign in told]
    return [*signs, *(text for label, text in _LABELS.items() if label in labels)]
