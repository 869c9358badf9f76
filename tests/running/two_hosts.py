"""An engine of two processes on machines of other names, as Python and what it starts there sees them."""

import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor

# Read by each Python that starts with its folder on PYTHONPATH, workers of ours included.
CUSTOM = """
import os, platform
if name := os.environ.get("CLAIMED_HOST"):
    platform.node = lambda: name
"""


def claim(counter, folder):
    """Give this process, and those that it starts, the next name."""
    with counter.get_lock():
        counter.value += 1
        os.environ["CLAIMED_HOST"] = f"node{counter.value}"
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (folder, os.environ.get("PYTHONPATH"))))


def processes():
    context = multiprocessing.get_context("spawn")
    arguments = context.Value("i", 0), os.environ["CUSTOM_FOLDER"]
    return ProcessPoolExecutor(2, context, initializer=claim, initargs=arguments)
