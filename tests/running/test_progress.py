"""What a person sees of a plan and of a run under way."""

import dataclasses
import math
import re

import numpy as np
import pytest

from harness import BASELINE, BUDGETS, Suite
from harness.cli import run as harness
from harness.datasets.facts import DatasetFacts
from harness.pytest_plugin.state import RUN
from harness.results.records import Record
from harness.results.trials import Environment
from harness.running.pace import Pace
from harness.running.plan import make_plan
from harness.running.progress import Progress
from harness.tables.grid import text_width

LONG = BASELINE.replace(filters=(8, 16, 32), dense=(64, 32), dropout=0.5, l2=0.001, batch_norm=True)
SUITE = "from harness import BASELINE, Suite\nSUITE = Suite('a', [BASELINE.replace(l2=0.1)])\n"


def drawn(written):
    """Return what a terminal shows at the end of some writes: what follows a carriage return overwrites."""
    shown = [""]
    for text in "".join(written).replace("\n", "\n\r").split("\r"):
        if "\n" in text:
            shown[-1] = text.rstrip("\n") + shown[-1][len(text) - 1 :]
            shown.append("")
        else:
            shown[-1] = text + shown[-1][len(text) :]
    return [line.rstrip() for line in shown]


@pytest.mark.parametrize("columns", [40, 80])
@pytest.mark.parametrize("name", [LONG.name, "汉" * 60])
def test_a_drawn_line_is_cut_to_the_terminal_and_leaves_nothing_behind(monkeypatch, columns, name):
    monkeypatch.setenv("COLUMNS", str(columns))
    written: list[str] = []
    progress = Progress(3, written.append, live=True, clock=lambda: 0.0)
    progress.piece_done(f"{name} seed 1: accuracy 0.912", 3.0)
    assert text_width(written[-1].strip("\r")) < columns
    assert written[-1].endswith("…")
    progress.piece_done("short", 3.0)
    assert drawn(written) == ["2 of 3 done, about 3 s left; short"]
    progress.piece_done(name, 1.0, trouble="\nfor a reason")
    progress.close()
    assert drawn(written) == [f"[3/3] {name}: failed: for a reason", ""]


def test_what_is_left_is_told_from_what_pieces_took_and_never_as_nothing():
    lines: list[str] = []
    progress = Progress(5, lines.append, live=False, clock=lambda: 0.0, at_once=2)
    for seconds in (math.nan, 10.0, 10.0, 0.001, 10.0):
        progress.piece_done("x", seconds)
    ends = [line.strip().partition("x")[2] for line in lines]
    # All at one instant, so that what runs has only begun: two rounds of two workers, one, one at more speed.
    assert ends == ["", ", about 20 s left", ", about 10 s left", ", about 6 s left", ""]
    fast = Progress(2, lines.append, live=False, clock=lambda: 0.0)
    fast.piece_done("y", 0.01)
    assert lines[-1].endswith("about 1 s left\n")


@pytest.mark.parametrize("workers", [1, 2, 4])
@pytest.mark.parametrize(("scale", "seeds"), [(0.2, 10), (1.0, 10), (6.0, 10), (1.0, 90)])
def test_the_time_left_is_right_within_a_quarter_from_a_quarter_of_the_way(workers, scale, seeds):
    # Cheap variants first, dear ones last, and a machine that is faster or slower than the plan takes it for.
    rng = np.random.default_rng(7)
    expected = {(work, seed): float(work) for work in (1, 2, 4, 8) for seed in range(seeds)}
    took = {piece: scale * work * rng.uniform(0.85, 1.15) for piece, work in expected.items()}
    free, ends = [0.0] * workers, {}
    for piece in expected:
        free.sort()
        free[0] = ends[piece] = free[0] + took[piece]
    whole, now = max(ends.values()), [0.0]
    pace = Pace(expected, at_once=workers, clock=lambda: now[0])
    for count, (piece, end) in enumerate(sorted(ends.items(), key=lambda item: item[1]), start=1):
        now[0] = end
        pace.took(piece, took[piece])
        if end > whole / 4:  # where the last ones run, within a piece's own spread
            assert pace.left_s() == pytest.approx(whole - end, rel=0.25, abs=0.15 * took[piece])
        if end < whole:
            assert pace.left_s() > 0 or len(expected) - count <= workers


@pytest.mark.parametrize("columns", [30, 60, 100])
def test_the_drawn_line_tells_suite_counts_and_time_left_before_the_last_trial(monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    suites = [Suite("one", [BASELINE.replace(l2=0.1)]), Suite("two", [BASELINE.replace(l2=0.2)])]
    facts = DatasetFacts("digits", "f" * 16, tuple("0123456789"), (32, 32, 3), 1000)
    environment = Environment("cpu", "tensorflow", 1, ())
    plan = make_plan(suites, facts, BUDGETS["quick"].override(seeds=2), environment, {}, workers=2)
    plan = dataclasses.replace(plan, expected=dict.fromkeys(plan.expected, 5.0))
    written: list[str] = []
    progress = Progress(
        len(plan.todo), written.append, live=True, clock=lambda: 0.0, at_once=2, plan=plan, after_s=100.0
    )
    assert drawn(written)[0].startswith("0 of 6 done, 2 running; star")
    for trial in plan.todo[:4]:
        progress.trial_done(Record(trial, "ok", accuracy=0.5, total_s=10.0))
        assert all(text_width(line) < columns for line in drawn(written))
    whole = "one: 4 of 6 done, 2 running, about 1 min 50 s left; l2:0.1 seed 2: accuracy 0.500, 10.0 s"
    (line,) = drawn(written)
    if columns < len(whole):
        whole = "4/6, 2 running, 1 min 50 s left; l2:0.1 seed 2: accuracy" if columns == 30 else whole
        whole = whole[: columns - 2] + "…"
    assert line == whole
    progress.trial_done(Record(plan.todo[4], "failed", "no memory"))
    assert drawn(written)[0] == "[5/6] l2:0.2 seed 1: failed: no memory, about 1 min 50 s left"
    progress.trial_done(Record(plan.todo[5], "ok", accuracy=0.5, total_s=10.0))
    heads = {
        30: "6/6, 0 running, 1 failed",
        60: "two: 6/6, 0 running, 1 failed, ",
        100: "two: 6 of 6 done, 0 running, ",
    }
    assert drawn(written)[1].startswith(heads[columns])
    # What comes after the last trial takes its time too.
    assert columns == 30 or "1 min 40 s left" in drawn(written)[1]


def test_a_terminal_that_became_narrower_is_never_written_past_its_edge(monkeypatch):
    written: list[str] = []
    monkeypatch.setenv("COLUMNS", "120")
    progress = Progress(3, written.append, live=True, clock=lambda: 0.0)
    progress.piece_done("x" * 200, 3.0)
    monkeypatch.setenv("COLUMNS", "40")
    progress.piece_done("y", 3.0)
    progress.close()
    first, second, cleared = (text.strip("\r") for text in written)
    assert (len(first), len(second)) == (119, 39)
    assert cleared == " " * len(second.rstrip())


class Look:
    """A plugin that ends pytest when the run is planned."""

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self, session):
        self.run = session.config.stash[RUN]
        pytest.exit("seen", returncode=0)


@pytest.mark.parametrize(
    ("selection", "timed"),
    [
        (["-k", "l2"], ["l2:0.1"]),
        (["-k", "baseline or l2"], ["baseline", "l2:0.1"]),
        (["--benchmark-skip"], []),
        (["--benchmark-skip", "--benchmark-only"], ["baseline", "l2:0.1"]),
    ],
)
def test_a_plan_counts_only_the_step_times_that_an_item_measures(project, selection, timed):
    (project / "suite_a.py").write_text(SUITE)
    look = Look()
    assert pytest.main(["suite_a.py", "--benchmark", "--budget", "smoke", *selection], [look]) == 0
    assert [variant.name for _, variant in look.run.untimed] == timed


def test_harness_plan_counts_step_times_only_of_a_sweep_that_takes_them(project, capsys):
    (project / "suite_a.py").write_text(SUITE)
    assert harness(["plan", "suite_a.py", "--budget", "smoke", "--workers", "2"]) == 0
    compared, work = capsys.readouterr().out.splitlines()[:2]
    assert compared == "1 suite (a), 2 variants, 2 trials"
    assert re.fullmatch(r"2 trials to train, 0 done; about [^;,]+ on 2 workers( \(a guess: .*\))?", work)
    assert harness(["plan", "suite_a.py", "--budget", "smoke", "--time", "--workers", "1"]) == 0
    told = capsys.readouterr().out.splitlines()[1]
    length = r"about [^;,]+ on 1 worker, \d+ s of it for step times"
    assert re.fullmatch(rf"2 trials to train, 0 done; 2 step times to measure; {length}( \(a guess: .*\))?", told)


def test_pieces_that_take_longer_are_waited_for_longer():
    lines: list[str] = []
    progress = Progress(3, lines.append, live=False, clock=lambda: 0.0, expected_s=[10.0, 5.0, 5.0], after_s=2.0)
    for seconds in (20.0, 10.0, 10.0):
        progress.piece_done("x", seconds)
    # Twice as long as expected, which is believed more with each piece.
    left = [int(line.partition("about ")[2].removesuffix(" s left\n")) for line in lines]
    assert 2 + 10 < left[0] < 2 + 20
    assert 2 + 5 < left[1] < 2 + 10
    assert left[2] == 2


@pytest.mark.parametrize("after_s", [0.0, 5.0])
def test_a_piece_that_takes_longer_than_expected_is_still_waited_for(after_s):
    lines: list[str] = []
    now = iter([0.0, 0.0, *[60.0] * 9])  # the second piece begins with the first and is long overdue
    progress = Progress(
        2, lines.append, live=False, clock=lambda: next(now), expected_s=[4.0] * 2, at_once=2, after_s=after_s
    )
    progress.piece_done("x", 4.0)
    assert lines == [f"[1/2] x, about {max(after_s, 1):.0f} s left\n"]


def test_a_machine_that_slows_down_is_believed_after_some_pieces_and_a_plan_that_is_trusted_at_once():
    pace = Pace(dict.fromkeys(range(100), 1.0), clock=lambda: 0.0)
    for piece in range(50):
        pace.took(piece, 1.0 if piece < 25 else 2.0)
    assert 90 < pace.left_s() < 100
    trusted, doubted = (Pace(dict.fromkeys(range(10), 1.0), trusted=count, clock=lambda: 0.0) for count in (2, 0))
    for one in (trusted, doubted):
        one.took(0, 4.0)
    assert trusted.left_s() < 0.6 * doubted.left_s() == 0.6 * 36


def test_a_warning_has_a_line_of_its_own_in_place_of_the_drawn_one_which_is_drawn_again(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    written = []
    progress = Progress(2, written.append, live=True)
    progress.piece_done("one", 1.0)
    progress.warn("--live: no\nspace")
    progress.piece_done("two", 1.0)
    line, cleared, said, again = written
    assert cleared == "\r" + " " * (len(line) - 1) + "\r"
    assert said.startswith("warning: --live: no")
    assert said.count("\n") == 1
    assert again.startswith("\r2 of 2 done")
