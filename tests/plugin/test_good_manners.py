"""What the plugin does in somebody else's project: nothing. What it does in one's own: what was asked for."""

import sys

import pytest

import harness.pytest_plugin.run  # noqa: F401  # before pytester, which takes out what came with it

OURS = """
from harness import BASELINE, Suite
SUITE = Suite("small", [BASELINE.replace(dropout=0.5)])
"""
BROKEN = "import a_module_that_is_not_there\n"
TESTS = "\n".join(f"def test_{number}(): pass" for number in range(50))

PLUGIN = ("-p", "no:cacheprovider")
WITHOUT = (*PLUGIN, "-p", "no:harness", "-p", "no:benchmark")


@pytest.fixture
def strangers(pytester):
    """A project that knows nothing of the harness: options in conftests at any depth, a broken suite file."""
    deep = pytester.mkpydir("src").joinpath("pkg", "tests")
    deep.mkdir(parents=True)
    (deep / "conftest.py").write_text(
        "import pytest\n"
        "def pytest_addoption(parser):\n"
        "    for name in ('--slow', '--device', '--dataset', '--retime'):\n"
        "        parser.addoption(name, default='theirs')\n"
        "@pytest.fixture\n"
        "def device(request):\n"
        "    return request.config.getoption('device', 'theirs')\n"
    )
    (deep / "test_many.py").write_text(TESTS + "\ndef test_device(device): assert device == 'theirs'\n")
    (deep / "suite_x.py").write_text(BROKEN)
    pytester.makepyfile(suite_runner=BROKEN)
    return deep


def outcome(result):
    return result.ret, result.parseoutcomes()


@pytest.mark.parametrize("arguments", [(), (".",), ("src",), ("src/pkg/tests",), ("--slow=1", "src/pkg/tests")])
def test_a_strangers_project_runs_the_same_with_and_without_the_plugin(pytester, strangers, arguments):
    ours = pytester.runpytest_inprocess(*PLUGIN, *arguments)
    assert outcome(ours) == (0, {"passed": 51})
    assert outcome(pytester.runpytest_inprocess(*WITHOUT, *arguments)) == outcome(ours)


def test_it_imports_few_modules_where_it_has_nothing_to_do(pytester, strangers):
    pytester.makeconftest(
        "import sys, pathlib\n"
        "def pytest_sessionfinish():\n"
        "    pathlib.Path('loaded').write_text(' '.join(sys.modules))\n"
    )

    def loaded(*arguments):
        assert pytester.runpytest_subprocess(*arguments, "src").ret == 0
        return set((pytester.path / "loaded").read_text().split())

    more = loaded(*PLUGIN, "-p", "no:benchmark") - loaded(*WITHOUT)
    assert "harness.options" in more
    assert len(more) <= 20, sorted(more)


@pytest.mark.parametrize(
    ("arguments", "count"),
    [
        ((), 0),
        ((".",), 0),
        (("tests",), 0),
        (("suites",), 2),
        (("tests", "suites"), 2),
        (("suites/suite_small.py",), 2),
        (("--benchmark",), 2),
        (("-o", "harness_suites=suites"), 2),
        (("-o", "testpaths=tests suites"), 2),
    ],
)
def test_own_suites_are_collected_where_they_are_meant(pytester, arguments, count):
    pytester.mkdir("suites").joinpath("suite_small.py").write_text(OURS)
    pytester.mkdir("tests").joinpath("test_one.py").write_text("def test_one(): pass")
    result = pytester.runpytest_inprocess(*PLUGIN, "--co", "-q", *arguments)
    assert sum("::small::" in line for line in result.outlines) == count


def test_a_suite_file_beside_one_of_ours_may_import_its_suites_from_elsewhere(pytester):
    folder = pytester.mkdir("suites")
    folder.joinpath("suite_small.py").write_text(OURS)
    folder.joinpath("suite_taken.py").write_text("from suite_small import SUITE\n")
    folder.joinpath("suite_broken.py").write_text(BROKEN)
    result = pytester.runpytest_inprocess(*PLUGIN, "--co", "-q", "suites")
    assert result.ret == 2
    result.stdout.fnmatch_lines(["*a_module_that_is_not_there*"])


def test_a_folder_of_suites_that_import_nothing_of_ours_is_spoken_of(pytester):
    pytester.makepyfile(declared=OURS)
    folder = pytester.mkdir("ideas")
    folder.joinpath("suite_taken.py").write_text("from declared import SUITE\n")
    result = pytester.runpytest_inprocess(*PLUGIN, "--co", "ideas")
    result.stdout.fnmatch_lines(["*ideas/suite_taken.py does not import harness*name the file*"])
    named = pytester.runpytest_inprocess(*PLUGIN, "--co", "-q", "ideas/suite_taken.py")
    assert sum("::small::" in line for line in named.outlines) == 2


@pytest.mark.parametrize("more", [(), ("--benchmark",)])
def test_in_a_folder_called_suites_a_file_that_fails_is_an_error_whatever_it_imports(pytester, more):
    pytester.mkdir("suites").joinpath("suite_broken.py").write_text(BROKEN)
    assert pytester.runpytest_inprocess(*PLUGIN, "suites", *more).ret == 2
    assert pytester.runpytest_inprocess(*PLUGIN).ret == 5


def test_items_carry_a_registered_mark(pytester):
    pytester.mkdir("suites").joinpath("suite_small.py").write_text(OURS)
    assert "cnn_harness" in pytester.runpytest_inprocess("--markers").stdout.str()
    result = pytester.runpytest_inprocess(*PLUGIN, "--strict-markers", "--co", "-q", "suites", "-m", "not cnn_harness")
    assert result.ret == 5


def test_a_project_with_a_harness_of_its_own_keeps_it_and_is_told(pytester):
    pytester.mkpydir("harness").joinpath("motor.py").write_text("SPEED = 3\n")
    pytester.makepyfile(test_motor="from harness.motor import SPEED\ndef test_speed(): assert SPEED == 3\n")
    run = [sys.executable, "-m", "pytest", *PLUGIN]
    result = pytester.run(*run)
    result.assert_outcomes(passed=1)
    told = pytester.run(*run, "--benchmark", "--budget", "smoke")
    assert told.ret == 4
    told.stderr.fnmatch_lines(["*--benchmark: this project has a `harness` of its own*hides*rename it*"])
