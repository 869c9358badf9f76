"""`--live`: the page is there while a run goes on, whole at any instant, and nobody writes when the run has ended."""

import time

import psutil
from made_results import BASELINE, DROPOUT, Made, make_results

from harness.comparison import Margins
from harness.running.live import live_report

PATIENCE_S = 600
FEW = Made(accuracies={BASELINE: 0.8, DROPOUT: 0.9}, step_ms={}, seeds=(1, 2, 3))


def writers(folder):
    """The processes that write the report of a folder."""
    found = psutil.Process().children(recursive=True)
    return [one for one in found if str(folder) in " ".join(one.cmdline())]


def wait_until(condition):
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, "gave up waiting"
        time.sleep(0.02)


def test_the_page_of_what_is_there_so_far_is_written_beside_the_run_and_ends_with_it(tmp_path):
    folder = make_results(tmp_path / "results", FEW)
    page, nice = folder / "report" / "index.html", set()

    def written():
        nice.update(one.nice() for one in writers(folder))
        return page.exists()

    with live_report(folder, Margins(), 0.01):
        wait_until(written)
        first = page.stat().st_mtime_ns
        assert page.read_text().rstrip().endswith("</html>")
        # The next one begins by itself, and is ended in its midst.
        wait_until(lambda: writers(folder))
    assert writers(folder) == []
    assert 19 in nice, "it yields to the run"
    assert page.read_text().rstrip().endswith("</html>")
    assert page.stat().st_mtime_ns >= first


def test_nothing_is_written_where_nobody_asked(tmp_path):
    folder = make_results(tmp_path / "results", FEW)
    with live_report(folder, Margins(), None):
        assert writers(folder) == []
    assert not (folder / "report").exists()
