"""A trace, or a log, whose place is taken or that cannot be read costs no trial."""

import dataclasses
import os
import resource
import threading
from pathlib import Path

from test_in_the_way import TRIAL

from harness.running.trace import take_line, trace_path, traced
from harness.running.worker_process import prepare_log
from harness.variants import Variant


def test_a_trace_that_cannot_be_written_costs_no_trial(tmp_path):
    log = tmp_path / "nowhere" / "workers.log"
    with traced(log, TRIAL, 600):
        assert not trace_path(log, TRIAL).exists()
    log = tmp_path / "workers.log"
    with traced(log, TRIAL, 600):
        assert trace_path(log, TRIAL).exists()
    assert not trace_path(log, TRIAL).exists()
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        with traced(log, TRIAL, 600):
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert not trace_path(log, TRIAL).exists()


def test_a_pipe_or_link_in_the_place_of_log_or_trace_is_not_waited_for_and_not_followed(tmp_path):
    log, elsewhere = tmp_path / "workers.log", tmp_path / "elsewhere"
    elsewhere.write_text("theirs")
    log.symlink_to(elsewhere)
    prepare_log(log)
    assert not log.is_symlink()
    place = trace_path(log, TRIAL)
    place.symlink_to(elsewhere)
    with traced(log, TRIAL, 600):
        assert not place.is_symlink()
    assert elsewhere.read_text() == "theirs"
    os.mkfifo(place)
    lines: list[str] = []
    reader = threading.Thread(target=lambda: lines.append(take_line(log, TRIAL)), daemon=True)
    reader.start()
    reader.join(60)
    assert lines == [""]
    with traced(log, TRIAL, 600):
        assert place.is_file()


def test_a_trace_that_cannot_be_read_or_says_nothing_gives_no_line(tmp_path):
    log = tmp_path / "workers.log"
    place = trace_path(log, TRIAL)
    place.write_text("what a trial's code has written there")
    assert take_line(log, TRIAL) == ""
    assert not place.exists()
    if Path("/proc/self/mem").exists():
        place.symlink_to("/proc/self/mem")  # nothing is at its beginning
        assert take_line(log, TRIAL) == ""
    elsewhere = dataclasses.replace(TRIAL, variant=Variant(model="nets_nowhere:build"))
    with traced(log, elsewhere, 600):
        assert trace_path(log, elsewhere).read_text() == "[]\n"
