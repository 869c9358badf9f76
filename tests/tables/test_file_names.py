"""Suites and variants whose names are the same but for capitals, or no file's: each keeps a file of its own."""

import pytest
from made_results import DROPOUT, WIDE, Made, make_results

from harness import compare, load_results
from harness.cli import run
from harness.exports.tensorboard import _folder_names
from harness.results.opening import open_store
from harness.results.provenance import collect_provenance
from harness.suites import Suite
from harness.tables import write_tables
from harness.tables.file_names import file_names, safe_file_name

LONG = "n" * 255
ODD = ["Dropout", "dropout", "DROPOUT", "a.b", "CON", "con", "nul.x", "LPT1", "end.", "end ", "end", LONG, LONG + "n"]


def of_windows(name):
    """As Windows knows a file: no capitals, no points and spaces at its end, devices whatever stands after a point."""
    assert len(name) < 200
    shown = name.casefold().rstrip(". ")
    assert shown.partition(".")[0] not in {"con", "prn", "aux", "nul", "com1", "lpt1"}
    return shown


def test_no_name_is_anothers_file_or_none_of_windows():
    files = file_names([*ODD, "Comparison"])
    assert len({of_windows(file) for file in [*files, "comparison"]}) == len(ODD) + 2
    assert [safe_file_name(name) for name in ("dropout", "ResNet50", "a.b-2")] == ["dropout", "ResNet50", "a.b-2"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two suites that are called the same but for capitals, and one that is called as a variant is."""
    results = make_results(tmp_path_factory.mktemp("names") / "results", Made(step_ms={}, seeds=(1,), name="old"))
    with open_store(results) as store:
        store.begin_run(collect_provenance())
        store.add_suite(Suite("Net", [WIDE]))
        store.add_suite(Suite("net", [WIDE, DROPOUT]))
    return results


def files(folder, pattern):
    found = [of_windows(path.name) for path in folder.glob(pattern)]
    assert len(set(found)) == len(found)
    return found


def test_tables_and_charts_of_names_that_differ_in_capitals_lie_side_by_side(folder, tmp_path):
    write_tables(compare(load_results(folder)), tmp_path / "tables")
    assert len(files(tmp_path / "tables", "*.md")) == 1 + 3
    assert run(["report", "--results", str(folder)]) == 0
    assert len(files(folder / "charts", "*.curves*.svg")) == 2 + 3 + 3
    for suite in ("Net", "net"):
        shown = ["explore", "results", "--results", str(folder), "--suite", suite, "--variant", "baseline"]
        assert run([*shown, "--output", str(tmp_path / "pictures")]) == 0
    assert len(files(tmp_path / "pictures", "curves-*.svg")) == 2


def test_tensorboard_has_a_run_of_each_variant_whatever_its_capitals(folder, tmp_path):
    pytest.importorskip("tensorboard")
    logs = tmp_path / "logs"
    assert run(["export", "--format", "tensorboard", "--results", str(folder), "--output", str(logs)]) == 0
    (place,) = logs.iterdir()
    assert len(files(place, "*/")) == 3


def test_runs_that_differ_in_capitals_have_folders_of_their_own():
    assert len({of_windows(name) for name in _folder_names(["model:a:Net", "model:a:net", "model:a:net, 2"])}) == 3
