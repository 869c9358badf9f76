"""One worker process seen from the harness: what its end is called, and what of a broken conversation becomes."""

import pytest

from harness.running.keeper import Ending
from harness.running.worker_process import describe_death


@pytest.mark.parametrize(
    ("exitcode", "said"),
    [
        (-11, "the worker died of SIGSEGV"),
        (-40, "the worker died of signal 40"),  # a real-time signal: Python has no name for it
        (3, "the worker ended with exit code 3"),
        (None, "the worker was ended from outside"),
    ],
)
def test_a_workers_end_is_told_whatever_ended_it(exitcode, said):
    assert describe_death(Ending(exitcode)) == said
    memory = " while the system ran out of memory: use fewer --workers or a smaller model"
    assert describe_death(Ending(exitcode), for_memory=True) == said + memory
