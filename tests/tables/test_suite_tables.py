from __future__ import annotations

import io
import json
import re

import pandas as pd
import pytest
from made_results import DROPOUT, WIDE, Made, make_results

from harness.budgets import BUDGETS
from harness.cli import run
from harness.comparison import compare
from harness.results import load_results
from harness.tables import Screen, render_frame, render_suite, screen_of, write_tables
from harness.tables.grid import text_width, wrapped
from harness.tables.notes import row_notes
from harness.tables.numbers import significant
from harness.variants import BASELINE

LONG = BASELINE.replace(
    filters=(64, 128, 256, 512),
    dense=(512, 256),
    dropout=0.55,
    l1=0.0001,
    l2=0.0001,
    activation="gelu",
    optimizer="sgd",
    learning_rate=0.05,
    batch_size=128,
)
HOSTILE = "=1+1 | <script>alert(1)</script> `x` *y*\x1b[31m\n漢字"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return make_results(tmp_path_factory.mktemp("tables"), Made())


def test_all_variants_is_said_of_variants_alone_and_the_baseline_is_named():
    def notes(*told):
        names = ("baseline", "a", "b", "c")
        cells = {"baseline": "baseline", "accuracy_hint": "", "step_time_flags": ""}
        rows = [cells | {"variant": name, "message": "2 of 5 seeds" * (name in told)} for name in names]
        return row_notes(rows, ["accuracy"])

    assert notes("baseline", "a", "b") == ["baseline, a, b: 2 of 5 seeds"]
    assert notes("a", "b", "c") == ["all variants: 2 of 5 seeds"]
    assert notes("baseline", "a", "b", "c") == ["baseline, all variants: 2 of 5 seeds"]


@pytest.fixture(scope="module")
def frame(folder):
    return compare(load_results(folder))


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    made = Made(
        accuracies={BASELINE: 0.8, DROPOUT: 0.9, WIDE: 0.8, LONG: 0.6},
        step_ms={BASELINE: 8.0, DROPOUT: 8.0, WIDE: 20.0, LONG: 123.4},
        diverged=frozenset({(WIDE, 2)}),
        failed=frozenset({(LONG, 1)}),
        message=HOSTILE,
        name=HOSTILE,
    )
    return compare(load_results(make_results(tmp_path_factory.mktemp("hostile"), made)))


@pytest.mark.parametrize("width", [20, 30, 50, 60, 80, 100, 120, 200])
def test_a_table_fits_its_screen_whatever_the_names(hostile, width):
    text = render_frame(hostile, "plain", screen=Screen(width))
    assert max(text_width(line) for line in text.splitlines()) <= width
    flat = re.sub(r"\s+", "", text)
    assert all(part in flat for part in ("learning+id:", "better", "[+", "(diverged)"))
    assert "\x1b" not in text


def test_the_default_table_fits_100_columns_with_everything_in_it(frame):
    lines = render_suite(frame).splitlines()
    assert max(map(len, lines)) <= 100
    head = " ".join(lines)
    assert all(word in head for word in ("accuracy", "%", "points", "ms", "x baseline", "Pareto"))


def test_best_values_are_marked_once_a_column(frame):
    # Baseline and dropout take the same time but for noise: one of them has to be the faster.
    text = render_suite(frame.assign(step_time_ms=[8.0, 7.9, 12.0]))
    rows = [line for line in text.partition("\n---")[2].splitlines() if line.startswith(("baseline", "dropout"))]
    assert "*" not in rows[0]
    assert re.search(r"90\.47 ±\d\.\d\d \*", rows[1])
    assert "the best value of its column" in text


def test_digits_match_the_width_of_the_interval(frame):
    wide, narrow = (frame.copy() for _ in range(2))
    wide.loc[1, ["accuracy_ci_low", "accuracy_ci_high"]] = [0.02, 0.18]
    narrow.loc[1, ["accuracy_ci_low", "accuracy_ci_high"]] = [0.0991, 0.1013]
    assert "[+2, +18]" in render_suite(wide)
    assert "[+9.91, +10.13]" in render_suite(narrow)


def test_an_end_that_excludes_no_difference_never_reads_as_none(frame):
    frame = frame.copy()
    frame.loc[1, ["accuracy_ci_low", "accuracy_ci_high"]] = [0.0004, 0.18]
    assert "[+0.04, +18.00]" in render_suite(frame)


def test_colour_only_on_a_terminal_without_no_color(frame):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    assert screen_of(Terminal(), {"COLUMNS": "80"}) == Screen(80, colour=True)
    assert screen_of(Terminal(), {"NO_COLOR": "1", "COLUMNS": "80"}) == Screen(80, colour=False)
    assert screen_of(Terminal(), {"TERM": "dumb", "COLUMNS": "80"}) == Screen(80, colour=False)
    assert screen_of(io.StringIO(), {}) == Screen(100, colour=False)
    for odd in ("\u00b2", "0", "-5", "9" * 5000):  # some of them digits to Python, and no number
        assert screen_of(io.StringIO(), {"COLUMNS": odd}) == Screen(100, colour=False)
    coloured = render_suite(frame, screen=Screen(100, colour=True))
    assert "\x1b[32m" in coloured
    assert re.sub(r"\x1b\[\d+m", "", coloured) == render_suite(frame)


def test_diff_only_hides_what_is_the_same_and_says_what_it_is(frame):
    same = frame.assign(pareto="perhaps")
    text = render_suite(same, diff_only=True)
    assert "the same in all rows: Pareto: perhaps" in text
    assert "Pareto" not in text.split("\n\n")[1]
    reader = pd.read_csv(io.StringIO(render_frame(frame, "csv", diff_only=True)))
    assert "dataset" not in reader
    assert {"suite", "variant", "accuracy"} <= set(reader)


def test_columns_have_units_and_follow_their_order(frame):
    text = render_frame(frame, "plain", columns=["peak_memory_mib", "train_time_s", "accuracy_ci_low"])
    head = " ".join(text.split("---")[0].split())
    assert head.index("peak memory") < head.index("training")
    assert all(unit in head for unit in ("MiB", " s", "points"))


def test_markdown_and_latex_show_hostile_names_as_text(hostile):
    markdown, latex = render_frame(hostile, "github"), render_frame(hostile, "latex")
    assert "<script>" not in markdown
    assert r"\<script\>" in markdown
    table = [line for line in markdown.splitlines() if line.startswith("|")]
    assert len({len(re.findall(r"(?<!\\)\|", line)) for line in table}) == 1
    assert r"\toprule" in latex
    assert r"\textbf{" in latex
    assert not any("script" in line and not line.startswith("%") for line in latex.splitlines())


def test_csv_is_no_formula_and_numbers_are_untouched(hostile):
    text = render_frame(hostile, "csv")
    read = pd.read_csv(io.StringIO(text))
    assert read["suite"].str.startswith("'=").all()
    assert read["accuracy_delta"].min() == hostile["accuracy_delta"].min() < 0


def test_json_and_csv_have_the_numbers_in_full(frame):
    rows = json.loads(render_frame(frame, "json"))
    read = pd.read_csv(io.StringIO(render_frame(frame, "csv")))
    for number, value in enumerate(frame["accuracy"]):
        assert rows[number]["accuracy"] == pytest.approx(value, abs=1e-14)
        assert read["accuracy"][number] == pytest.approx(value, abs=1e-14)


def test_a_folder_with_one_seed_and_no_times_has_a_clear_table(tmp_path):
    one = BUDGETS["quick"].override(seeds=1)
    text = render_suite(compare(load_results(make_results(tmp_path, Made(seeds=(1,), step_ms={}, budget=one)))))
    assert "2 more seeds needed" in text
    assert "nan" not in text.lower()


def test_written_tables_say_that_they_are_partial(frame, tmp_path):
    paths = write_tables(frame, tmp_path, partial="interrupted")
    assert {path.name for path in paths} == {"comparison.md", "comparison.csv", "comparison.json", "dropout.md"}
    assert (tmp_path / "comparison.md").read_text().startswith("> Partial results: interrupted")


def test_the_command_sorts_selects_and_refuses(folder, capsys):
    arguments = ["tables", "--results", str(folder), "--format", "csv"]
    assert run([*arguments, "--columns", "variant,accuracy", "--sort", "-accuracy"]) == 0
    read = pd.read_csv(io.StringIO(capsys.readouterr().out))
    assert list(read) == ["variant", "accuracy"]
    assert read["accuracy"].is_monotonic_decreasing
    for bad, hint in (
        (["--columns", "acuracy"], '"accuracy"'),
        (["--sort", "-sedes"], '"seeds"'),
        (["--suite", "dropuot"], '"dropout"'),
    ):
        assert run([*arguments, *bad]) == 4
        assert f"did you mean {hint}" in capsys.readouterr().err


def test_tables_of_chosen_columns_name_their_conditions(folder, capsys):
    for backend, device in (("tensorflow", "cpu"), ("jax", "jax on cpu")):
        frame = compare(load_results(folder)).assign(backend=backend)
        for columns in ([], ["accuracy"]):
            text = render_frame(frame, "plain", columns=columns)
            assert f"digits, quick, {device}, 5 seeds" in text


def test_tables_that_differ_in_what_no_title_holds_say_in_what(frame):
    newer = frame.assign(versions="keras-9.9", threads=4)
    texts = render_frame(pd.concat([frame, newer], ignore_index=True), "plain").split("\n\n\n")
    assert len(texts) == 2
    assert "versions: keras-3.15.1 numpy-2.4.6 tensorflow-2.21.0; threads: 1" in texts[0]
    assert "versions: keras-9.9; threads: 4" in texts[1]
    assert "versions" not in render_frame(frame, "plain")


def test_what_is_undefined_is_an_empty_cell_with_its_reason(frame):
    frame = frame.copy()
    frame.loc[1, ["precision", "precision_delta", "precision_ci_low", "precision_ci_high"]] = float("nan")
    frame.loc[1, ["precision_verdict", "precision_hint"]] = ["unresolved", "nothing was predicted"]
    lines = render_frame(frame, "plain", columns=["precision", "precision_delta", "precision_verdict"]).splitlines()
    row = next(line for line in lines if line.startswith("dropout:0.5 "))
    assert row.split() == ["dropout:0.5", "unresolved"]
    assert "- dropout:0.5: precision: nothing was predicted" in lines
    assert "nothing was predicted" not in render_frame(frame, "plain", columns=["recall"])


def test_signs_are_explained_where_they_stand(frame, tmp_path):
    for style in ("plain", "github", "latex"):
        text = render_frame(frame, style, screen=Screen(200))
        assert "±: standard deviation over seeds" in text
        assert "interval of the difference or ratio, corrected for the number of variants" in text
    alone = render_suite(compare(load_results(make_results(tmp_path, Made(seeds=(1,), step_ms={})))))
    assert "±" not in alone
    assert "interval" not in alone


def test_columns_help_explains_every_column_and_needs_no_results(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for option in ("--columns", "--sort"):
        assert run(["tables", option, "help"]) == 0
        text = capsys.readouterr().out
        assert "gemm_share" in text
        assert "measured peak of matrix products" in " ".join(text.split())
    assert run(["tables", "--sort", "acc"]) == 4
    error = capsys.readouterr().err
    assert 'did you mean "accuracy"?' in error
    assert "--columns help" in error
    assert len(error) < 200


@pytest.mark.parametrize(
    ("value", "text"), [(9.996, "10.0"), (0.09996, "0.100"), (99.96, "100"), (999.6, "1,000"), (1.0, "1.00"), (0, "0")]
)
def test_three_significant_digits_are_three(value, text):
    assert significant(value) == text


def test_signs_and_words_are_explained_where_they_stand(frame):
    flagged = frame.assign(pareto="perhaps", step_time_flags="other processes used up to 2 cores")
    whole = render_suite(flagged, screen=Screen(120))
    assert all(f"- {sign}" in whole for sign in ("±: ", "disturbed: ", "Pareto: yes"))
    assert "; [ ]: interval" in whole
    narrow = [render_suite(flagged, screen=Screen(width)) for width in range(60, 100, 4)]
    shown = ["Pareto" in text.partition("- ±")[0] for text in narrow]
    assert shown == ["- Pareto: yes" in " ".join(text.split()) for text in narrow]
    assert len(set(shown)) == 2
    assert "disturbed: " not in render_suite(frame.assign(pareto="yes"))
    for column, sign in (("pareto", "Pareto: yes"), ("step_time_ms", "disturbed: ")):
        assert f"- {sign}" in render_frame(flagged, "plain", columns=[column])
    assert "- Pareto" not in render_frame(flagged, "plain", columns=["accuracy"])


@pytest.mark.parametrize("width", [8, 14, 18, 26])
@pytest.mark.parametrize(
    "name",
    ["model:nets:build+options.width:8", "filters:64-128-256-512+dropout:0.5+id:d74c7fec", "a.b:c-d+e", "x" * 40],
)
def test_a_name_breaks_at_its_signs_and_within_a_word_only_where_the_word_is_too_long(name, width):
    lines = wrapped(name, width)
    assert "".join(lines) == name
    assert max(map(len, lines)) <= width
    longest = max(map(len, re.split(r"(?<=[+:.-])", name)))
    assert all(line[-1] in "+:.-" for line in lines[:-1]) or longest > width


def test_tables_of_images_before_and_after_an_edit_say_which_is_which_in_title_and_outcome(tmp_path, capsys):
    make_results(tmp_path, Made(fingerprint="e" * 16, started_at="2026-01-01T08:00:00+00:00"))
    make_results(tmp_path, Made(fingerprint="f" * 16, started_at="2026-01-02T09:30:00+00:00"))
    assert run(["tables", "--results", str(tmp_path)]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    for mark, age in (("e", "older images, last trained on 2026-01-01 08:00"), ("f", "newest images, last trained on")):
        assert len(re.findall(rf"fingerprint: {mark * 16}, (?:the )?{age}", printed)) == 2
