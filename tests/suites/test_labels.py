"""What variants are called: beside their suite's baseline, or by labels of one's own; results stay the variant's."""

import io

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_results import Made, make_results

from harness import BASELINE, Suite, Variant
from harness.cli import run
from harness.comparison import compare, group_records
from harness.comparison.trend import trend
from harness.errors import InputError
from harness.margins import Margins
from harness.report.view import conditions
from harness.results import load_results
from harness.results.conditions import Conditions
from harness.results.opening import open_store
from harness.results.planned import PlannedSuite
from harness.suites import shown_names
from harness.tables import render_frame

NET = Variant(model="own.nets:build", options={"width": 16})
WIDE = NET.replace(options={"width": 32})
DEEP = NET.replace(options={"width": 16, "blocks": 3}, dropout=0.5)
ACCURACIES = {NET: 0.80, WIDE: 0.90, DEEP: 0.80}
STEP_MS = dict.fromkeys(ACCURACIES, 8.0)


def made(folder, suite, *, accuracies=ACCURACIES, **changes):
    """Return a results folder whose runs compared these suites."""
    timed = dict.fromkeys(accuracies, 8.0)
    make_results(folder, Made(accuracies=accuracies, step_ms=timed, name=suite.name, **changes))
    print_ = changes.get("fingerprint", "f" * 16)
    record = next(one for one in load_results(folder).records.values() if one.trial.fingerprint == print_)
    with open_store(folder) as store:
        store.begin_run(next(iter(store.runs().values())))
        store.add_plans([PlannedSuite(suite, Conditions.of(record.trial), (5,), dict.fromkeys(suite.members, ""))])
    return folder


def test_names_tell_how_a_variant_differs_from_its_suites_baseline():
    assert Suite("net", [WIDE, DEEP], baseline=NET).names == ("baseline", "width:32", "dropout:0.5+blocks:3")
    assert NET.replace(options={}).name_beside(NET) == "width:unset"
    assert BASELINE.name_beside(NET) == "model:none+width:unset"
    assert Suite("plain", [BASELINE.replace(l2=0.1)]).names == ("baseline", "l2:0.1")
    assert Suite("l2", [BASELINE.replace(l2=0.1, dropout=0.5)], BASELINE.replace(dropout=0.5)).names[1] == "l2:0.1"


def test_an_option_of_a_fields_name_is_told_from_the_field():
    names = [NET.replace(**change).name_beside(NET) for change in ({"l2": 0.1}, {"options": {"width": 16, "l2": 0.1}})]
    assert names == ["l2:0.1", "options.l2:0.1"]


scalars = st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from([0.0, 1.0, 2.5]) | st.text(max_size=4)
nets = st.builds(
    lambda options, dropout: NET.replace(options=options, dropout=dropout),
    st.dictionaries(st.sampled_from(["width", "id", "l2", "a b"]), scalars | st.lists(scalars, max_size=2)),
    st.sampled_from([0.0, 0.5]),
)


@given(nets, nets, nets)
def test_different_variants_have_different_names_beside_any_baseline(baseline, one, other):
    assert (one.name_beside(baseline) == other.name_beside(baseline)) == (one == other)
    assert (one.name_beside(baseline) == "baseline") == (one == baseline)


@pytest.mark.parametrize(
    ("labels", "says"),
    [
        (["wide net"], "a letter or digit, then letters, digits and _.-+:"),
        ([""], "at most 60"),
        (["x" * 61], "at most 60"),
        (["a::b"], "without ::"),
        (["../x"], "a letter or digit"),
        ([7], "label 7: allowed is"),
        (["baseline"], "is the suite's baseline"),
        (["Not"], "a word of -k"),
        (["wide", "Wide"], 'differs from "wide" in its case alone'),
        (["dropout:0.5+blocks:3", "x"], "how another variant of the suite differs"),
    ],
)
def test_a_label_that_says_something_else_is_refused(labels, says):
    with pytest.raises(InputError) as refused:
        Suite("net", dict(zip(labels, [WIDE, DEEP], strict=False)), baseline=NET)
    assert says in str(refused.value)
    assert 'suite "net"' in str(refused.value)


def test_a_label_that_is_another_members_full_name_is_refused():
    dropped, both = BASELINE.replace(dropout=0.5), BASELINE.replace(dropout=0.5, l2=0.1)
    wide = dropped.replace(filters=(64, 128))
    assert both.name != both.name_beside(dropped)
    for label in (both.name, dropped.name):
        with pytest.raises(InputError, match="is the full name of another member of the suite"):
            Suite("net", {label: wide, "small": both}, dropped)
    assert Suite("net", {both.name: both, wide.name: wide}, dropped).names[1:] == (both.name, wide.name)


def test_pytest_and_harness_call_variants_by_their_labels_and_refuse_wrong_ones_with_the_line(project, collect, capsys):
    (project / "suites").mkdir()
    file = project / "suites" / "suite_net.py"
    text = """
from harness import BASELINE, Suite
SMALL = BASELINE.replace(filters=(4, 8), dense=(16,))
SUITE = Suite("net", {"dropped": SMALL.replace(dropout=0.5), "flipped": SMALL.replace(augmentation="flip")}, SMALL)
"""
    file.write_text(text)
    code, said = collect("suites", "--co", "-q", "-k", "dropped or baseline")
    assert code == 0, said
    assert said.split("\n\n")[0].split() == [f"suites/suite_net.py::net::{name}" for name in ("baseline", "dropped")]
    assert run(["list"]) == 0
    listed = capsys.readouterr().out
    assert "  filters:4-8+dense:16  <- baseline\n  dropped  (dropout:0.5)\n" in listed
    assert run(["plan"]) == 0
    assert "  dropped   to do: seeds 1-5\n" in capsys.readouterr().out
    file.rename(file.with_name("suite_wrong.py")).write_text(text.replace('"dropped"', '"drop ped"'))
    code, said = collect("suites", "--co", "-q")
    assert code == 4
    assert "suites/suite_wrong.py:4: suite \"net\", label 'drop ped': allowed is" in said
    assert run(["list"]) == 4
    assert "suites/suite_wrong.py:4: suite" in capsys.readouterr().err


def test_tables_say_labels_what_they_stand_for_and_the_full_names(tmp_path):
    suite = Suite("net", {"wide": WIDE, "deep": DEEP}, baseline=NET)
    frame = compare(load_results(made(tmp_path, suite)))
    assert list(frame["variant"]) == ["baseline", "wide", "deep"]
    assert list(frame["full_name"]) == [NET.name, WIDE.name, DEEP.name]
    assert list(frame["changed"][1:]) == ["width:32", "dropout:0.5+blocks:3"]
    table = render_frame(frame, "plain")
    assert table.startswith("net (baseline: model:own.nets:build+options.width:16)\n")
    assert "\nbaseline " in table
    assert "- labels: wide is width:32, deep is dropout:0.5+blocks:3\n" in table
    results = load_results(tmp_path)
    assert set(results.trials()["variant"]) == {"baseline", "wide", "deep"}
    assert conditions(group_records(results)[0]).endswith(f"; baseline: {NET.name}")


def test_a_store_without_labels_shows_how_its_variants_differ(tmp_path):
    make_results(tmp_path, Made(accuracies=ACCURACIES, step_ms=STEP_MS, name="net"))
    assert list(compare(load_results(tmp_path))["variant"]) == ["baseline", "width:32", "dropout:0.5+blocks:3"]


def test_a_new_label_changes_no_result_and_what_ran_under_the_old_one_keeps_it(tmp_path):
    old = Suite("net", {"broad": WIDE, "deep": DEEP}, baseline=NET)
    made(tmp_path, old)
    before = set(load_results(tmp_path).records)
    made(tmp_path, old, fingerprint="e" * 16)
    new = Suite("net", {"wide": WIDE}, baseline=NET)
    made(tmp_path, new)
    results = load_results(tmp_path)
    assert before < set(results.records)
    frame = compare(results)
    called = {print_: list(rows["variant"]) for print_, rows in frame.groupby("fingerprint")}
    assert called == {"f" * 16: ["baseline", "wide"], "e" * 16: ["baseline", "broad", "deep"]}
    assert run(["compare", "--results", str(tmp_path), "--variants", "broad", "baseline"]) == 0


def test_beside_no_suite_a_label_stands_where_it_means_one_variant():
    dropped = BASELINE.replace(dropout=0.5)
    suites = [
        Suite("net", {"wide": WIDE, "deep": DEEP}, baseline=NET),
        Suite("again", {"broad": WIDE}, baseline=NET),
        Suite("plain", {"deep": dropped}),
    ]
    assert shown_names(suites) == {
        NET: NET.name, WIDE: "wide", DEEP: DEEP.name, BASELINE: "baseline", dropped: "dropout:0.5"
    }  # fmt: skip


def variants_compared(folder, capsys, *names):
    code = run(["compare", "--results", str(folder), "--format", "csv", "--variants", *names])
    said = capsys.readouterr()
    return code, said.err, pd.read_csv(io.StringIO(said.out)) if code == 0 else None


def test_two_variants_are_compared_by_label_or_full_name_and_what_means_several_is_asked_for(tmp_path, capsys):
    made(tmp_path, Suite("net", {"wide": WIDE, "deep": DEEP}, baseline=NET))
    dropped = BASELINE.replace(dropout=0.5)
    made(tmp_path, Suite("plain", {"wide": dropped}), accuracies={BASELINE: 0.7, dropped: 0.8})
    for names in (("wide", "deep"), (WIDE.name, "deep"), ("baseline", "deep")):
        code, said, frame = variants_compared(tmp_path, capsys, *names)
        assert code == 0, said
        assert tuple(frame["variant"]) == names
        assert frame["full_name"][1] == DEEP.name
    code, said, _ = variants_compared(tmp_path, capsys, "baseline", "wide")
    assert code == 4
    assert f'variant "baseline" means 2 variants in {tmp_path}: ' in said
    assert "or --suite" in said
    code, said, frame = variants_compared(tmp_path, capsys, "baseline", "wide", "--suite", "plain")
    assert list(frame["full_name"]) == ["baseline", "dropout:0.5"]
    assert variants_compared(tmp_path, capsys, "wide", "dep")[1].endswith('did you mean "deep"?\n')


def test_folders_are_compared_by_variant_whatever_it_was_called_then(tmp_path):
    old = made(tmp_path / "old", Suite("net", {"broad": WIDE, "deep": DEEP}, baseline=NET))
    new = made(tmp_path / "new", Suite("net", {"wide": WIDE, "deep": DEEP}, baseline=NET))
    frame = trend([load_results(old), load_results(new)], Margins())
    assert set(frame["variant"]) == {"baseline", "wide", "deep"}
    assert len(frame) == 6


def test_suites_variants_and_results_are_short_in_text_and_tables_in_notebooks(tmp_path):
    suite = Suite("net<script>", {"wide": WIDE, "deep": DEEP}, baseline=NET)
    assert repr(suite) == "Suite('net<script>': baseline, wide, deep)"
    assert eval(repr(DEEP)) == DEEP
    assert (repr(BASELINE), repr(BASELINE.replace(l2=0.1))) == ("Variant()", "Variant(l2=0.1)")
    assert repr(Suite("odd", [BASELINE, 3])) == "Suite('odd': [Variant(), 3])"
    page = suite._repr_html_()
    assert "<caption>suite net&lt;script&gt;</caption>" in page
    assert f"<tr><td>wide</td><td>width:32</td><td>{WIDE.name}</td></tr>" in page
    assert "<tr><td>dropout</td><td>0.0</td><td>0.5</td></tr>" in DEEP._repr_html_()
    assert "<td>l2</td><td>0.0</td><td>0.0</td>" in BASELINE._repr_html_()
    results = load_results(made(tmp_path, suite))
    shown = results._repr_html_()
    assert "<td>wide</td><td>digits, quick, cpu</td><td>5</td><td>0</td><td>0</td>" in shown
    assert "<script>" not in page + shown
