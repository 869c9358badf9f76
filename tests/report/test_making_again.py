"""The command beside each variant makes that very result again; charts of one suite's conditions stay apart."""

import html
import re
import shlex
from dataclasses import replace

import pytest
from made_results import BASELINE, DROPOUT, WIDE, Made, make_results

from harness import BUDGETS, Suite, load_results
from harness.comparison import Margins, compare_all
from harness.datasets.dataset import Origin
from harness.report import write_report
from harness.results.conditions import Conditions
from harness.results.opening import open_store
from harness.results.planned import PlannedSuite


def report(folder):
    results = load_results(folder)
    return write_report(compare_all(results, Margins()), results, Margins())


def commands(page):
    found = re.findall(r"(?:KERAS_BACKEND=\w+ )?pytest suites[^<]* -k [^<]*", page.read_text())
    return [html.unescape(command) for command in found]


CASES = {
    "averaged weights": (
        Made(budget=BUDGETS["quick"].override(weights="averaged")),
        ["--budget", "quick", "--weights", "averaged"],
    ),
    "the tutorial's protocol": (
        Made(budget=BUDGETS["full"].override(protocol="tutorial", epochs=7)),
        ["--budget", "full", "--protocol", "tutorial", "--epochs", "7"],
    ),
    "seeds of its own": (Made(seeds=(1, 2, 3), budget=BUDGETS["quick"].override(seeds=3)), ["--seeds", "3"]),
    "a folder of photos": (Made(), ["--dataset", "/data/my photos", "--image-size", "32", "--skip-unreadable"]),
    "another backend": (Made(backend="jax"), ["KERAS_BACKEND=jax"]),
    "a slow suite": (Made(), ["--slow"]),
    "a search's winner": (Made(name="search:wide"), ["-k", "[search:wide]"]),
}


@pytest.mark.parametrize("case", CASES)
def test_the_command_holds_whatever_makes_the_result(tmp_path, case):
    made, words = CASES[case]
    make_results(tmp_path, replace(made, accuracies={BASELINE: 0.8, DROPOUT: 0.9}, step_ms={}))
    if "--image-size" in words:
        with open_store(tmp_path) as store:
            store.add_dataset(made.fingerprint, Origin("/data/my photos", image_size=32, skip_unreadable=True))
    page, *_ = report(tmp_path)
    found = commands(page)
    assert len(found) == 3, "one that times the suite, one for each of its two variants"
    assert any(DROPOUT.name in command for command in found) or made.name.startswith("search:")
    for command in found:
        given = shlex.split(command)
        assert all(word in given for word in words), command
        assert "--device" in given


def test_charts_of_one_suite_under_two_conditions_have_names_and_titles_of_their_own(tmp_path):
    make_results(tmp_path, Made(budget=BUDGETS["smoke"], seeds=(1,)))
    make_results(tmp_path, Made())
    page, *charts = report(tmp_path)
    names = [path.name for path in charts]
    assert len(names) == len(set(names))
    svg = [name for name in names if "pareto" in name and name.endswith(".svg")]
    assert len(svg) == 2
    assert sum("smoke" in name for name in svg) == sum("quick" in name for name in svg) == 1
    titles = re.findall(r'<h3 id="suite-\d">dropout <small class="quiet">(.*?)</small></h3>', page.read_text())
    assert titles == [
        "digits, quick (5 epochs), 5 seeds, tensorflow on cpu",
        "digits, smoke (1 epoch), 1 seed, tensorflow on cpu",
    ]


def test_a_label_that_means_another_variant_elsewhere_is_selected_with_its_suite(tmp_path):
    make_results(tmp_path, replace(Made(), step_ms={}))
    with open_store(tmp_path) as store:
        store.begin_run(next(iter(store.runs().values())))
        conditions = Conditions.of(next(iter(store.records().values())).trial)
        for suite in (Suite("one", {"x": DROPOUT, "wide": WIDE}), Suite("x", {"x": WIDE})):
            store.add_suite(suite)
            store.add_plans([PlannedSuite(suite, conditions, (5,), dict.fromkeys(suite.members, ""))])
    page, *_ = report(tmp_path)
    chosen = {shlex.split(one)[shlex.split(one).index("-k") + 1] for one in commands(page)}
    assert {"[baseline]", "[one::] and [x]", "[x::] and [x]", "[wide]"} <= chosen
