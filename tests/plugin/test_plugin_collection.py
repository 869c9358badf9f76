"""What pytest collects from suite files, and what it refuses; nothing here trains.

Most runs are in this process, whose TensorFlow is started already.
"""

import signal

import pytest

# What a run imports must be there before it: pytester takes out what came with it, and TensorFlow starts only once.
import harness.pytest_plugin.run
import harness.training.check  # noqa: F401
from harness.suites import all_of, exactly

SUITE = """
from harness import BASELINE, Suite
SUITE = Suite("small", [BASELINE.replace(filters=(4, 8)), BASELINE.replace(dropout=0.5)])
"""


@pytest.fixture
def suites(pytester):
    folder = pytester.mkdir("suites")

    def write(text, name="suite_small.py"):
        (folder / name).write_text(text)

    write(SUITE)
    return write


@pytest.fixture(autouse=True)
def _own_signals():
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


def run(pytester, *arguments):
    return pytester.runpytest_inprocess("suites", "-p", "no:cacheprovider", *arguments)


def test_each_variant_is_an_item_named_after_it(pytester, suites):
    result = run(pytester, "--co", "-q")
    result.stdout.fnmatch_lines(
        [
            "suites/suite_small.py::small::baseline",
            "suites/suite_small.py::small::filters:4-8",
            "suites/suite_small.py::small::dropout:0.5",
            "3 tests collected*",
        ]
    )
    assert result.ret == 0


@pytest.mark.parametrize(("word", "count"), [("dropout:0.5", 1), ("filters:4", 1), ("baseline", 1), ("small", 3)])
def test_k_selects_by_variant_or_suite(pytester, suites, word, count):
    result = run(pytester, "--co", "-q", "-k", word)
    assert len([line for line in result.outlines if "::" in line]) == count


def test_a_suite_and_a_variant_can_be_selected_by_their_exact_names(pytester, suites):
    suites(
        "from harness import BASELINE, Suite\n"
        "ONE = Suite('l2', [BASELINE.replace(l2=0.1), BASELINE.replace(l2=0.1, dropout=0.5)])\n"
        "TWO = Suite('l1_l2', {'l2': BASELINE.replace(l1=0.1, l2=0.1)})\n"
    )
    for chosen, items in (
        (all_of("l2"), ["l2::baseline", "l2::l2:0.1", "l2::dropout:0.5+l2:0.1"]),
        (exactly("l2"), ["l1_l2::l2"]),
        (exactly("l2:0.1"), ["l2::l2:0.1"]),
        (f"{all_of('l1_l2')} and {exactly('baseline')}", ["l1_l2::baseline"]),
    ):
        result = run(pytester, "--co", "-q", "-k", chosen)
        assert [line.partition(".py::")[2] for line in result.outlines if "::" in line] == items


def test_k_baseline_finds_a_baseline_of_another_name(pytester, suites):
    suites(
        "from harness import BASELINE, Suite\n"
        "SUITE = Suite('own', [BASELINE.replace(l2=0.1)], baseline=BASELINE.replace(dropout=0.3))\n"
    )
    result = run(pytester, "--co", "-q", "-k", "baseline")
    result.stdout.fnmatch_lines(["*::own::baseline"])
    assert "l2" not in result.stdout.str()


def test_collection_imports_neither_tensorflow_nor_pandas(pytester, suites):
    pytester.makeconftest(
        """
import sys
def pytest_sessionfinish():
    heavy = {"tensorflow", "keras", "keras_tuner", "pandas", "scipy", "sklearn"} & set(sys.modules)
    print("HEAVY", sorted(heavy))
"""
    )
    result = pytester.runpytest_subprocess("suites", "--co", "-q", "-s", "--benchmark")
    result.stdout.fnmatch_lines(["*HEAVY []*"])


def test_slow_suites_are_left_out_unless_named_or_asked_for(pytester, suites):
    suites(SUITE.replace('"small"', '"heavy"').replace("])", "], slow=True)"), "suite_heavy.py")
    assert "heavy" not in run(pytester, "--co", "-q").stdout.str()
    assert "heavy" in run(pytester, "--co", "-q", "--slow").stdout.str()
    named = pytester.runpytest_inprocess("suites/suite_heavy.py", "--co", "-q")
    assert named.stdout.str().count("::heavy::") == 3


REFUSED = {
    "28-unknown-field": ("BASELINE.replace(fliters=(4,))", ['*suite_bad.py:2: *fliters*"filters"*']),
    "29-filters-0": ("BASELINE.replace(filters=(0,))", ["*suite_bad.py:2: *filters*1*4096*"]),
    "29-filters-empty": ("BASELINE.replace(filters=())", ["*suite_bad.py:2: *filters*"]),
    "29-filters-1e9": ("BASELINE.replace(filters=(10**9,))", ["*filters*4096*"]),
    "29-dropout-1.5": ("BASELINE.replace(dropout=1.5)", ["*dropout*1.5*"]),
    "29-l2-nan": ("BASELINE.replace(l2=float('nan'))", ["*l2*nan*"]),
    "31-two-of-one-content": (
        "BASELINE.replace(l2=0.1), BASELINE.replace(l2=0.1)",
        ['*suite "bad" holds "l2:0.1" 2 times*'],
    ),
    "31-the-baseline-again": ("BASELINE.replace()", ['*suite "bad" holds "baseline" 2 times*']),
    "not-a-variant": ("'filters'", ["*suite \"bad\" holds 'filters'*Variant*"]),
    "no-variants": ("", ['*suite "bad" has no variants*']),
}


@pytest.mark.parametrize("case", REFUSED)
def test_bad_suites_are_refused_with_exit_4_and_nothing_written(pytester, suites, case):
    members, lines = REFUSED[case]
    suites(f"from harness import BASELINE, Suite\nSUITE = Suite('bad', [{members}])\n", "suite_bad.py")
    result = run(pytester, "--benchmark")
    assert result.ret == 4
    result.stderr.fnmatch_lines(lines)
    assert "Traceback" not in result.stderr.str() + result.stdout.str()
    assert not (pytester.path / "results").exists()


BAD_OPTIONS = {
    "epochs-0": (["--epochs", "0"], "*epochs is 0: use a whole number from 1*"),
    "seeds--1": (["--seeds", "-1"], "*seeds is -1: use a whole number from 1*"),
    "budget": (["--budget", "quik"], '*--budget is "quik": use*"quick"*'),
    "dataset": (["--dataset", "digit"], '*"digit"*digits*'),
    "device": (["--device", "tpu"], '*device is "tpu": use auto, cpu or gpu*'),
    "workers": (["--workers", "0"], "*workers is 0*"),
    "margin": (["--margin-accuracy", "2"], "*margin-accuracy is 2*"),
    "xdist": (["-n", "2"], "*leave out xdist's -n, or add -n 0 (--workers N sets how many trials run at once)*"),
}


@pytest.mark.parametrize("case", BAD_OPTIONS)
def test_bad_options_are_refused_with_exit_4_and_nothing_written(pytester, suites, case):
    options, line = BAD_OPTIONS[case]
    result = run(pytester, "--benchmark", *options)
    assert result.ret == 4
    result.stderr.fnmatch_lines([line])
    assert not (pytester.path / "results").exists()


def test_a_model_too_deep_for_the_images_is_refused_before_training(pytester, suites):
    suites("from harness import BASELINE, Suite\nSUITE = Suite('deep', [BASELINE.replace(filters=(4,) * 6)])\n")
    result = run(pytester, "--benchmark")
    assert result.ret == 4
    result.stderr.fnmatch_lines(["*filters:4-4-4-4-4-4*pool*"])
    assert not (pytester.path / "results").exists()


def test_a_hostile_suite_name_gives_a_usable_node_id(pytester, suites):
    suites(SUITE.replace('"small"', repr("../../x::y[1]\n<script>" + "é" * 300)))
    result = run(pytester, "--co", "-q")
    assert result.ret == 0
    lines = [line for line in result.outlines if "suite_small.py" in line]
    assert len(lines) == 3
    assert all(line.count("::") == 2 for line in lines)


def test_a_benchmark_of_tests_alone_is_refused_where_the_command_line_asks_for_it(pytester, suites):
    tests = pytester.makepyfile(test_own="def test_own(): pass")
    asked = pytester.runpytest_inprocess(tests, "--benchmark")
    assert asked.ret == 4
    asked.stderr.fnmatch_lines(["*--benchmark: no suite among what was collected (*test_own.py): name the suites*"])
    pytester.makeini("[pytest]\naddopts = --benchmark\n")
    assert pytester.runpytest_inprocess(tests).ret == 0


@pytest.mark.parametrize("option", ["--setup-plan", "--setup-only"])
def test_what_only_shows_fixtures_trains_nothing(pytester, suites, option):
    assert run(pytester, "--benchmark", option).ret == 0
    assert not (pytester.path / "results").exists()


def test_from_elsewhere_the_project_of_the_suites_says_its_defaults(pytester, suites, tmp_path, monkeypatch):
    pytester.makepyprojecttoml("[tool.pytest.ini_options]\n[tool.harness]\ndataset = 'of_nobody'\n")
    monkeypatch.chdir(tmp_path)
    result = pytester.runpytest_inprocess(pytester.path / "suites", "--benchmark")
    assert result.ret == 4
    result.stderr.fnmatch_lines(["*of_nobody*"])


def test_nothing_selected_is_exit_5(pytester, suites):
    assert run(pytester, "-k", "no_such_variant").ret == 5


def test_another_plugins_option_keeps_its_short_name(pytester, suites):
    pytester.makeconftest("def pytest_addoption(parser):\n    parser.addoption('--device', default='theirs')\n")
    pytester.makepyfile(
        test_device="def test_it(request):\n    assert request.config.getoption('device') == 'theirs'\n"
    )
    assert pytester.runpytest_inprocess("test_device.py").ret == 0


def test_a_suite_file_of_somebody_else_is_not_spoken_of_in_a_run_of_other_tests(pytester):
    pytester.makepyfile(suite_of_forms="FORMS = 3", test_forms="def test_forms(): pass")
    assert "declares no Suite" in pytester.runpytest("suite_of_forms.py").stdout.str()
    mixed = pytester.runpytest(".")
    mixed.assert_outcomes(passed=1)
    assert "declares no Suite" not in mixed.stdout.str()
