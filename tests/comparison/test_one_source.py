"""Rows of one table are of one state of the files they share, whichever part of a suite ran after an edit."""

import math
import re

import pytest
from test_by_key import Folder

from harness import InputError, Suite, Variant, load_results
from harness.cli import run as harness
from harness.comparison import Margins, compare_all, group_records
from harness.comparison.folder_rows import compare_folders
from harness.comparison.outcome import outcomes_of
from harness.comparison.pair_rows import compare_variants
from harness.pictures.of_variant import find_variants
from harness.report import write_report
from harness.variants.sources import source_parts

OWN = Variant(model="nets:build")
WIDE, DROP = OWN.replace(options={"width": 16}), OWN.replace(dropout=0.3)
SUITE = Suite("s", {"wide": WIDE, "drop": DROP}, OWN)
OLDER = "trained with an older source of nets: run it again"


def run(folder, source, *variants, share=0.5, suite=SUITE, planned=True):
    """Do as a run of these variants: note its plan, and train what is not there."""
    chosen = dict.fromkeys(variants, source)
    if planned:
        folder.plan(suite, chosen)
    known = {(one.trial.variant, one.trial.source) for one in load_results(folder.path).records.values()}
    for variant in variants:
        if (variant, source) not in known:
            folder.add(variant, share, source=source)
            if variant != suite.baseline:
                folder.time(suite.baseline, variant, 0.5, sources=(source, source))


@pytest.fixture(scope="module")
def edited(tmp_path_factory):
    """All of a suite trained, and after an edit that spoils the model a part of it alone; only read."""
    folder = Folder(tmp_path_factory.mktemp("edited"), SUITE)
    run(folder, "first", OWN, WIDE, DROP, share=0.9)
    run(folder, "edited", OWN, DROP, share=0.3)
    return folder


def test_what_a_partial_run_left_behind_an_edit_has_a_row_without_results(edited):
    row = edited.rows().loc["s", "wide"]
    assert (row.status, row.message, row.accuracy_verdict, row.accuracy_hint) == ("partial", OLDER, "unresolved", OLDER)
    assert (row.seeds, row.pareto, row.step_time_verdict, row.step_time_hint) == (0, "no", "unresolved", OLDER)
    for cell in ("accuracy", "accuracy_delta", "accuracy_ci_low", "step_time_ratio", "step_time_ms", "params"):
        assert math.isnan(row[cell])
    shown = edited.rows().loc["s", "drop"]
    assert (shown.status, shown.seeds) == ("ok", 5)
    assert shown.accuracy == pytest.approx(0.3, abs=0.05)
    assert edited.rows().accuracy["s", "baseline"] == pytest.approx(0.3, abs=0.05)


def test_the_outcome_has_nothing_of_it_and_the_report_is_drawn(edited):
    results = load_results(edited.path)
    comparisons = compare_all(results, Margins())
    (outcome,) = outcomes_of(comparisons, results)
    assert [row["variant"] for row in outcome.choices["nothing"]] == ["wide"]
    write_report(comparisons, results, Margins())
    assert OLDER in (edited.path / "report" / "index.html").read_text(encoding="utf-8")


def test_two_variants_side_by_side_are_of_one_source_too(edited):
    results = load_results(edited.path)
    one, two = (compare_variants(results, name, "wide", Margins()).iloc[1] for name in ("baseline", "drop"))
    assert (one.message, one.accuracy_verdict, two.message, two.accuracy_verdict) == (OLDER, "unresolved") * 2
    turned = compare_variants(results, "wide", "drop", Margins())
    assert (turned.seeds.tolist(), turned.accuracy_verdict[1]) == ([0, 5], "unresolved")
    assert compare_variants(results, "baseline", "drop", Margins()).seeds.tolist() == [5, 5]


def test_two_folders_are_compared_across_an_edit_on_purpose(edited, tmp_path_factory):
    other = Folder(tmp_path_factory.mktemp("old"), SUITE)
    run(other, "first", OWN, WIDE, DROP, share=0.9)
    found = compare_folders(load_results(other.path), load_results(edited.path), Margins())
    verdicts = dict(zip(found.frame.variant, found.frame.accuracy_verdict, strict=True))
    assert verdicts == {"baseline": "worse", "wide": "same", "drop": "worse"}
    assert any(one.what.startswith("source of") for one in found.differences[0])


def test_running_the_rest_after_the_edit_completes_the_table(tmp_path):
    folder = Folder(tmp_path, SUITE)
    run(folder, "first", OWN, WIDE, share=0.9)
    run(folder, "edited", OWN, DROP, share=0.3)
    run(folder, "edited", OWN, WIDE, share=0.4)
    assert folder.rows().status.tolist() == ["ok", "ok", "ok"]
    assert folder.rows().accuracy["s", "wide"] == pytest.approx(0.4, abs=0.05)


def test_undoing_the_edit_shows_the_old_numbers_whichever_part_runs_again(tmp_path):
    for place, part in enumerate([(OWN, WIDE), (OWN, DROP)]):
        folder = Folder(tmp_path / str(place), SUITE)
        run(folder, "first", OWN, WIDE, DROP, share=0.9)
        before = folder.rows()
        run(folder, "edited", OWN, DROP, share=0.3)
        run(folder, "first", *part)
        assert folder.rows().equals(before)


def test_a_run_that_ended_after_the_baseline_leaves_no_older_row_beside_it(tmp_path):
    folder = Folder(tmp_path, SUITE)
    run(folder, "first", OWN, WIDE, DROP, share=0.9)
    before = folder.rows()
    folder.plan(SUITE, dict.fromkeys(SUITE.members, "edited"))
    assert folder.rows().equals(before)  # nothing of the new source is there: the old table stands
    folder.add(OWN, 0.3, source="edited")
    assert folder.rows().message.tolist() == ["", OLDER, OLDER]


def test_a_folder_without_plans_counts_what_was_trained_last(tmp_path):
    folder = Folder(tmp_path, SUITE)
    run(folder, "first", OWN, WIDE, DROP, share=0.9, planned=False)
    run(folder, "edited", OWN, DROP, share=0.3, planned=False)
    assert folder.rows().message.tolist() == ["", OLDER, ""]


def test_another_module_and_what_depends_on_no_file_keep_their_rows(tmp_path):
    other, plain = Variant(model="others:build"), Variant(dropout=0.3)
    suite = Suite("s", {"wide": WIDE, "other": other, "plain": plain}, OWN)
    folder = Folder(tmp_path, suite)
    folder.plan(suite, {OWN: "first", WIDE: "first", other: "its own", plain: ""})
    for variant, source in ((OWN, "first"), (WIDE, "first"), (other, "its own"), (plain, "")):
        folder.add(variant, 0.9, source=source)
    run(folder, "edited", OWN, share=0.3, suite=suite)
    assert folder.rows().message.tolist() == ["", OLDER, "", ""]


def test_a_weights_file_that_changed_is_an_older_source(tmp_path):
    frozen = Variant(backbone="MobileNetV2", weights="w.weights.h5")
    tuned = frozen.replace(dropout=0.4)
    suite = Suite("s", {"frozen": frozen, "tuned": tuned})
    folder = Folder(tmp_path, suite)
    sources = {suite.baseline: "", frozen: "old", tuned: "old"}
    folder.plan(suite, sources)
    for variant, source in sources.items():
        folder.add(variant, 0.9, source=source)
    folder.plan(suite, {suite.baseline: "", tuned: "new"})
    folder.add(tuned, 0.5, source="new")
    why = "trained with an older source of w.weights.h5: run it again"
    assert folder.rows().message.tolist() == ["", why, ""]


def test_weights_of_ones_own_beside_an_unedited_module_are_no_older_source(tmp_path):
    first, second = (OWN.replace(weights=f"{name}.weights.h5") for name in ("a", "b"))
    suite = Suite("s", {"first": first, "second": second}, OWN)
    folder = Folder(tmp_path, suite)
    for sources in ({OWN: "nets", first: "nets and a"}, {OWN: "nets", second: "nets and b"}):
        folder.plan(suite, sources)
        for variant, source in sources.items():
            folder.add(variant, 0.9, source=source)
    assert folder.rows().message.tolist() == ["", "", ""]


def test_parts_are_the_module_and_the_files_that_fields_may_name():
    assert source_parts(Variant(dropout=0.5)) == ()
    assert source_parts(WIDE) == ("nets",)
    assert source_parts(OWN.replace(options={"table": "a.json", "mode": "fast"})) == ("nets", "a.json")
    assert source_parts(Variant(backbone="MobileNetV2", weights="imagenet")) == ()


def test_charts_and_models_of_it_are_refused_with_the_reason(edited, capsys):
    (group,) = group_records(load_results(edited.path))
    for name in ("wide", WIDE.name):
        with pytest.raises(InputError, match=f'variant "{re.escape(name)}" was {OLDER}'):
            find_variants(group, name)
    assert find_variants(group, None) == [OWN, DROP]
    assert harness(["model", "wide", "--results", str(edited.path)]) != 0
    assert OLDER in capsys.readouterr().err
