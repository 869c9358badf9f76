"""The command that makes a group's results again: each option where it is needed, and no other."""

import dataclasses
import shlex
from pathlib import Path

import pytest
from test_groups import HERE, held

from harness import BASELINE, BUDGETS, Suite
from harness.comparison.again import command_line, words_again
from harness.comparison.groups import Group
from harness.datasets.dataset import Origin

SUITE = Suite("s", (BASELINE.replace(dropout=0.5),))
QUICK, FULL = BUDGETS["quick"], BUDGETS["full"]
USUAL = "pytest suites --benchmark --dataset made --budget quick --device cpu --slow"


def words(*, budget=QUICK, suite=SUITE, origin=None, folder="results", looks=None, **how):
    environment = {name: how.pop(name) for name in ("device", "backend") if name in how}
    environment = dataclasses.replace(HERE.environment, **environment)
    conditions = dataclasses.replace(HERE, budget=budget, environment=environment)
    group = Group(suite, conditions, {}, {}, {}, {}, "", 0.0)
    datasets = {} if origin is None else {HERE.fingerprint: origin}
    results = dataclasses.replace(held([]), folder=Path(folder), datasets=datasets)
    return shlex.join(words_again(group, results, looks=looks or budget.looks, **how))


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({}, USUAL),
        ({"backend": "jax", "device": "gpu"}, f"KERAS_BACKEND=jax {USUAL.replace('cpu', 'gpu')}"),
        ({"origin": Origin("/data/faces")}, USUAL.replace("made", "/data/faces")),
        ({"origin": Origin("")}, USUAL),  # of arrays made in memory the name is all there is
        ({"origin": Origin("d", image_size=48)}, USUAL.replace("made", "d --image-size 48")),
        ({"origin": Origin("d", skip_unreadable=True)}, USUAL.replace("made", "d --skip-unreadable")),
        ({"budget": QUICK.override(protocol="tutorial")}, USUAL.replace("quick", "quick --protocol tutorial")),
        ({"budget": QUICK.override(weights="averaged")}, USUAL.replace("quick", "quick --weights averaged")),
        ({"budget": QUICK.override(epochs=9)}, USUAL.replace("quick", "quick --epochs 9")),
        ({"looks": (7,)}, USUAL.replace("quick", "quick --seeds 7")),
        ({"looks": (5, 8)}, USUAL.replace("quick", "quick --seeds auto --max-seeds 8")),
        ({"looks": (5, 8, 20)}, USUAL.replace("quick", "quick --seeds auto --max-seeds 20")),
        ({"looks": (5, 8, 12, 18, 30)}, USUAL.replace("quick", "quick --seeds auto")),
        ({"looks": (30,)}, USUAL.replace("quick", "quick --seeds 30")),
        ({"budget": FULL}, USUAL.replace("quick", "full")),
        # Timed as by another preset, with its own epochs and seeds: nothing is trained anew.
        ({"timed_as": "full"}, USUAL.replace("quick", "full --epochs 5 --seeds 5")),
        ({"retime": True}, f"{USUAL} --retime"),
        ({"folder": "other"}, USUAL),
        ({"folder": "other", "there": True}, f"{USUAL.replace(' --slow', '')} --results other"),
        ({"there": True}, USUAL.replace(" --slow", "")),
    ],
)
def test_an_option_is_there_where_it_differs_from_the_usual(how, said):
    assert words(**how) == said


@pytest.mark.parametrize(("slow", "there", "said"), [(False, True, False), (False, False, True), (None, True, True)])
def test_slow_suites_are_chosen_from_unless_the_suite_is_known_to_be_none(slow, there, said):
    suite = Suite("s", SUITE.variants, slow=slow)
    assert ("--slow" in words(suite=suite, there=there).split()) == said


@pytest.mark.parametrize(
    ("file", "place"),
    [
        ("", "suites"),
        ("suites/suite_a.py", "suites"),
        ("suites/nets/suite_a.py", "suites"),
        ("suite_a.py", "suite_a.py"),
        ("bench/suite_a.py", "bench/suite_a.py"),
        ("../beside/suite_a.py", "../beside/suite_a.py"),
        ("gone/suite_a.py", "suites"),
        # What a stranger's folder brings along is not theirs to run.
        ("received/suite_a.py", "suites"),
        ("bench/../received/nets/suite_a.py", "suites"),
    ],
)
def test_a_suite_is_named_by_its_file_where_that_is_the_persons_own(file, place, tmp_path, monkeypatch):
    (here := tmp_path / "here").mkdir()
    monkeypatch.chdir(here)
    (here / "bench").mkdir()
    if file and "gone" not in file:
        (here / file).parent.mkdir(parents=True, exist_ok=True)
        (here / file).touch()
    assert words(suite=SUITE.found_in(file), folder="received") == USUAL.replace("suites", place)


def test_what_is_selected_stands_before_the_other_options():
    listed = USUAL.split()
    assert command_line(listed, "") == USUAL
    assert command_line(listed, "l2") == USUAL.replace("--benchmark", "--benchmark -k l2")
