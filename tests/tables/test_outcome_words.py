"""Outcomes in words: a price beside every gain, the end of the interval that matters, and no more than fits."""

from __future__ import annotations

import dataclasses
import re
import shlex
from pathlib import Path

import pytest
from made_results import BASELINE, DROPOUT, VERSIONS, WIDE, Made, make_results

from harness.budgets import BUDGETS
from harness.cli import run
from harness.comparison import Margins, compare, compare_all, frame_of
from harness.comparison.outcome import CHOICES, Remedy, SuiteOutcome, outcomes_of, sorted_out
from harness.exports.github import summary
from harness.report import write_report
from harness.results import load_results
from harness.tables import Screen, render_frame, write_tables
from harness.tables.grid import text_width
from harness.tables.outcome import TITLE, outcome_section
from harness.tables.outcome_words import MOST_LINES, outcome_words, trade_text

FAST = BASELINE.replace(filters=(16, 32))
NAN = float("nan")


def trade(accuracy, delta, low, high, time, ratio, fast, slow, **more):
    """Return what is said of a row with these verdicts and intervals."""
    cells = {
        "accuracy_delta": delta, "accuracy_ci_low": low, "accuracy_ci_high": high, "accuracy_verdict": accuracy,
        "step_time_ratio": ratio, "step_time_ci_low": fast, "step_time_ci_high": slow, "step_time_verdict": time,
    }  # fmt: skip
    for name in ("accuracy", "step_time"):
        cells |= {f"{name}_{what}": "" for what in ("hint", "leans", "settled_by")}
    return trade_text(cells | more)


def test_a_faster_variant_says_how_much_accuracy_it_may_cost():
    found = trade("unresolved", -0.012, -0.034, 0.009, "better", 0.58, 0.53, 0.63)
    assert found == "42 % faster [37, 47], accuracy -1.2 points [-3.4, +0.9]: at most 3.4 lost, open"


def test_a_gain_in_accuracy_stands_before_its_price():
    found = trade("better", 0.02, 0.003, 0.037, "worse", 2.3, 2.23, 2.38)
    assert found == "accuracy +2.0 points [+0.3, +3.7]: 0.3 to 3.7 gained, 2.30 x the step time [2.23, 2.38]"


def test_a_loss_is_told_from_its_least_to_its_most():
    found = trade("worse", -0.035, -0.081, -0.011, "better", 0.57, 0.56, 0.58)
    assert found == "43.0 % faster [42.0, 44.0], accuracy -3.5 points [-8.1, -1.1]: 1.1 to 8.1 lost"


def test_what_is_open_says_as_what_it_leans_or_why_it_stays_so():
    ends = (-0.012, -0.034, 0.009, "worse", 1.09, 1.05, 1.13)
    leaning = trade("unresolved", *ends, accuracy_leans="worse", accuracy_settled_by="add --seeds auto")
    assert leaning == "9.0 % slower [5.0, 13.0], accuracy -1.2 points [-3.4, +0.9]: at most 0.9 gained, leans to worse"
    hint = "more seeds would not settle it, only more test images"
    assert trade("unresolved", *ends, accuracy_hint=hint).endswith(f", open ({hint})")


def test_an_end_that_excludes_no_difference_never_reads_as_none():
    found = trade("same", 0.0, -0.001, 0.001, "better", 0.9, 0.8, 0.9996)
    assert found.startswith("10.00 % faster [0.04, 20.00]")


def test_an_outcome_promises_no_loss_and_no_speed_beyond_all_there_is():
    of = {"accuracy_old": 0.4965}
    found = trade("unresolved", 0.1, -1.004, 1.21, "better", 0.3, 1e-6, 0.9, **of)
    assert found == "70 % faster [10, >99], accuracy +10 points [-50, +50]: at most 50 lost, open"
    gained = trade("unresolved", 0.1, -1.004, 1.21, "worse", 3.0, 1.1, 4e5, **of)
    assert gained == "3.0 x the step time [1.1, >100], accuracy +10 points [-50, +50]: at most 50 gained, open"


def outcomes(folder, made):
    results = load_results(make_results(folder, made))
    return outcomes_of(compare_all(results, Margins()), results)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Returns a folder with one variant better and dearer, one as accurate and faster, one that failed."""
    made = Made(
        accuracies={BASELINE: 0.80, DROPOUT: 0.90, FAST: 0.80, WIDE: 0.80},
        step_ms={BASELINE: 8.0, DROPOUT: 12.0, FAST: 4.0, WIDE: 20.0},
        failed=frozenset((WIDE, seed) for seed in range(1, 6)),
    )
    return make_results(tmp_path_factory.mktemp("outcome"), made)


def test_the_same_sentences_stand_wherever_an_outcome_is_told(folder, tmp_path, capsys):
    results = load_results(folder)
    comparisons = compare_all(results, Margins())
    found = outcomes_of(comparisons, results)
    words = outcome_words(found)
    sentences = [part for one in words.suites for line in one.lines for part in (line.names, line.text) if part]
    assert any("at most" in one or "gained" in one for one in sentences)
    assert any("no memory" in one for one in sentences)

    assert run(["tables", "--results", str(folder), "--suite", "dropout"]) == 0
    console = " ".join(capsys.readouterr().out.split())
    frame = compare(results)
    write_tables(frame, tmp_path / "tables", outcomes=found)
    markdown = [(tmp_path / "tables" / name).read_text() for name in ("comparison.md", "dropout.md")]
    markdown.append(summary(frame, [], found))
    page = write_report(comparisons, results, Margins(), folder=tmp_path)[0].read_text(encoding="utf-8")
    for one in sentences:
        assert one in console
        assert one in page
        assert all(one in text.replace("\\", "") for text in markdown)
    for text in markdown:
        assert text.index(TITLE.capitalize()) < text.index("| variant")
    assert console.index(TITLE) > console.index("vs baseline")


def test_chosen_columns_and_programs_get_no_sentences(folder):
    results = load_results(folder)
    found = outcomes_of(compare_all(results, Margins()), results)
    frame = compare(results)
    for style, columns in (("csv", []), ("json", []), ("plain", ["accuracy"])):
        assert TITLE not in render_frame(frame, style, columns=columns, outcomes=found)
    assert f"% {TITLE}" in render_frame(frame, "latex", outcomes=found)


@pytest.mark.parametrize("width", [20, 80, 200])
def test_an_outcome_of_many_variants_with_long_names_fits_and_says_how_many_more(tmp_path, monkeypatch, width):
    monkeypatch.chdir(tmp_path)  # a path is a word that no line breaks
    many = [
        BASELINE.replace(
            filters=(64, 128, 256, 512), dense=(512, 256), dropout=rate / 100, l2=0.0001, activation="gelu"
        )
        for rate in range(1, 51)
    ]
    made = Made(
        accuracies={BASELINE: 0.80} | {one: 0.75 + 0.001 * at for at, one in enumerate(many)},
        step_ms={BASELINE: 8.0} | dict.fromkeys(many, 6.0),
        noise=0.03,
    )
    text = outcome_section(outcomes(Path("made"), made), screen=Screen(width))
    lines = text.splitlines()
    wider = [line for line in lines if text_width(line) > width]
    assert all(line.startswith("    '") for line in wider) if width == 20 else not wider  # a word of a command
    assert len(lines) < 60 or width == 20
    assert any(re.search(r"and \d+ more", line) for line in lines)
    assert sum(line.startswith("  trade ") for line in lines) <= MOST_LINES + 1
    command = text.partition("pytest suites")[2].partition("\n\n")[0]
    assert "--seeds" in shlex.split(command.replace("\\\n", " "))


@pytest.mark.parametrize(
    ("weights", "told"), [("imagenet", "computed once, in 12.3 s"), (None, "once per seed, in 61.5 s together")]
)
def test_a_frozen_backbone_says_that_its_step_is_the_heads_wherever_it_stands(tmp_path, weights, told):
    frozen = BASELINE.replace(backbone="MobileNetV2", weights=weights)
    made = Made(accuracies={BASELINE: 0.80, frozen: 0.82}, step_ms={BASELINE: 8.0, frozen: 2.0})
    results = load_results(make_results(tmp_path, made))
    records = {
        key: dataclasses.replace(record, features_s=12.3) if record.trial.variant == frozen else record
        for key, record in results.records.items()
    }
    results = dataclasses.replace(results, records=records)
    comparisons = compare_all(results, Margins())
    frame = frame_of(comparisons)
    texts = [
        render_frame(frame, "plain", screen=Screen(200)),
        render_frame(frame, "github"),
        render_frame(frame, "json"),
        outcome_section(outcomes_of(comparisons, results), screen=Screen(10_000)),
        write_report(comparisons, results, Margins())[0].read_text(encoding="utf-8"),
    ]
    for text in texts:
        assert "the head&#39;s alone" in text or "the head's alone" in text
        assert told in " ".join(text.split())
    assert texts[0].count("(head only)") == 1


def test_one_seed_without_times_claims_nothing(tmp_path):
    one = BUDGETS["quick"].override(seeds=1)
    text = outcome_section(outcomes(tmp_path, Made(seeds=(1,), step_ms={}, budget=one)))
    assert "too few results for any verdict" in text
    assert "2 more seeds needed for any verdict" in text
    assert "--seeds auto" in text
    assert "points" not in text
    assert "no step times" in text


def test_colour_marks_the_label_alone(folder):
    results = load_results(folder)
    found = outcomes_of(compare_all(results, Margins()), results)
    plain, coloured = (outcome_section(found, screen=Screen(100, colour=on)) for on in (False, True))
    assert re.sub(r"\x1b\[\d+m", "", coloured) == plain
    assert "\x1b[1mtrade\x1b" in coloured


def remedy_words(names, words=("pytest", "suites", "--benchmark")):
    """Return how a run that would settle these variants is offered."""
    cells = dict.fromkeys(("suite", "dataset", "budget", "device", "backend", "fingerprint", "versions"), "x")
    row = cells | dict.fromkeys(("threads", "recipe", "seeds"), 1)
    row |= {"variant": "baseline", "baseline": "baseline", "status": "ok", "looks": "5"}
    remedy = Remedy("accuracy", "l2", tuple(names), words)
    empty = {choice: [] for choice in CHOICES}
    (line,) = outcome_words([SuiteOutcome([row], empty, False, False, False, (remedy,))]).settling
    return line


def test_a_run_that_would_settle_some_selects_them_and_says_where_it_cannot():
    some = remedy_words([f"filters:{width}-{2 * width}+dropout:0.5" for width in (16, 32, 64, 128)])
    assert shlex.split(some.text)[4].count(" or ") == 3
    many = remedy_words([f"filters:{width}-{2 * width}+dropout:0.5" for width in range(16, 64)])
    assert shlex.split(many.text)[4] == "[l2::]"
    assert many.names.endswith("(their names are too long for -k: their whole suites run)")


def test_outcomes_of_two_library_versions_can_be_told_apart(tmp_path):
    newer = tuple((name, "9.9.9" if name == "keras" else version) for name, version in VERSIONS)
    make_results(tmp_path, Made())
    make_results(tmp_path, Made(versions=newer))
    results = load_results(tmp_path)
    comparisons = compare_all(results, Margins())
    text = outcome_section(outcomes_of(comparisons, results), screen=Screen(width=400))
    page = write_report(comparisons, results, Margins(alpha=0.01), folder=tmp_path)[0].read_text(encoding="utf-8")
    for versions in (VERSIONS, newer):
        told = f"versions: {' '.join(f'{name}-{version}' for name, version in versions)}"
        assert told in text
        assert len(re.findall(rf"<small[^<]*; {re.escape(told)}</small>", page)) >= 2  # outcome and table
    assert "99 % interval for new seeds and images" in page
    assert "95 %" not in page


def test_predictions_that_equal_the_baselines_are_no_result_to_choose_by(tmp_path):
    accuracies = {BASELINE: 0.80, DROPOUT: 0.80}
    (untimed,) = outcomes(tmp_path / "untimed", Made(accuracies=accuracies, step_ms={}))
    assert outcome_words([untimed]).suites[0].headline == "no variant differs from baseline"
    (timed,) = outcomes(tmp_path / "timed", Made(accuracies=accuracies, step_ms={BASELINE: 8.0, DROPOUT: 6.0}))
    (text,) = outcome_words([timed]).suites
    assert text.headline == f"take {DROPOUT.name}"
    assert re.fullmatch(r"\S+ % faster \[.*\], accuracy equal, every image predicted alike", text.lines[0].text)


@pytest.mark.parametrize(
    ("better", "is_open", "leans", "headline"),
    [
        ("accuracy", "step_time", "better", "take {}: its step time is open and leans to faster"),
        ("step_time", "accuracy", "better", "take {}: its accuracy is open and leans to better"),
        ("accuracy", "step_time", "worse", "keep baseline, or trade time for accuracy"),
        ("accuracy", "step_time", "same", "keep baseline, or trade time for accuracy"),
        ("step_time", "accuracy", "", "keep baseline, or trade accuracy for speed"),
    ],
)
def test_nothing_is_traded_where_the_open_measure_leans_to_better_too(folder, better, is_open, leans, headline):
    found = compare_all(load_results(folder), Margins())[0]
    row = {
        **found.rows[1],
        f"{better}_verdict": "better",
        f"{is_open}_verdict": "unresolved",
        f"{is_open}_leans": leans,
    }
    outcome = sorted_out([found.rows[0], row | {"pareto": "perhaps"}])
    assert [len(outcome.choices[choice]) for choice in ("take", "trade")] == [0, 1]
    assert outcome_words([outcome]).suites[0].headline == headline.format(row["variant"])


def test_no_variant_of_a_suite_at_chance_is_to_be_taken(tmp_path):
    at_chance = {BASELINE: 0.1, DROPOUT: 0.1}  # of ten classes
    (outcome,) = outcomes(tmp_path, Made(accuracies=at_chance, step_ms={BASELINE: 8.0, DROPOUT: 6.0}))
    assert outcome.choices["take"]
    headline = outcome_words([outcome]).suites[0].headline
    assert headline == "no choice: no variant is surely better than always guessing the most frequent class"


def test_a_run_that_only_a_quieter_machine_makes_worth_its_time_says_so():
    assert remedy_words(["wide"]).names == "accuracy of wide"
    anew = remedy_words(["wide"], ("pytest", "suites", "--benchmark", "--retime"))
    assert anew.names == "accuracy of wide (on a quieter machine)"
