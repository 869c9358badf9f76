"""An engine of two processes on machines of other names, as Python and what it starts there sees them."""

import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor

PATIENCE_S = 600
# Read by each Python that starts with its folder on PYTHONPATH, workers of ours included.
CUSTOM = """
import os, platform
if name := os.environ.get("CLAIMED_HOST"):
    platform.node = lambda: name
"""


_both = None


def claim(counter, both, folder):
    """Give this process, and those that it starts, the next name."""
    global _both
    _both = both
    with counter.get_lock():
        counter.value += 1
        os.environ["CLAIMED_HOST"] = f"made-up-{counter.value}"
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (folder, os.environ.get("PYTHONPATH"))))


def shared(serve, order, *trial):
    """Serve; a process's first trial waits for the other's, so that neither trains all."""
    global _both
    if trial and _both is not None:
        _both.wait(PATIENCE_S)
        _both = None
    return serve(order, *trial)


class Processes(ProcessPoolExecutor):
    def submit(self, serve, /, *order):
        return super().submit(shared, serve, *order)


def processes():
    context = multiprocessing.get_context("spawn")
    arguments = context.Value("i", 0), context.Barrier(2), os.environ["CUSTOM_FOLDER"]
    return Processes(2, context, initializer=claim, initargs=arguments)
