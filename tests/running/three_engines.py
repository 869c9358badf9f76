"""Engines for the tests of `--executor module:function`."""

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context


def processes():
    return ProcessPoolExecutor(2, get_context("spawn"))


def nothing():
    return 3


def raising():
    raise ValueError("no scheduler at tcp://10.0.0.5:8786")
