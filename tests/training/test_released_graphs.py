"""A model that is no longer needed takes its graphs along: a worker builds many, one after another."""

import gc
import weakref

import numpy as np
import pytest

from harness import BASELINE
from harness.training.prepared import build_for, make_epoch

SMALL = BASELINE.replace(filters=(2,), dense=(2,))


@pytest.mark.parametrize("variant", [SMALL, SMALL.replace(precision_policy="mixed_float16")], ids=["float32", "scaled"])
def test_a_dropped_epoch_leaves_no_graph_behind(variant, digits):
    epoch = make_epoch(build_for(variant, digits, seed=1), variant, digits)
    epoch.train(np.arange(32))
    functions = [getattr(epoch, name) for name in ("_train", "_evaluate")]
    graphs = [weakref.ref(function.get_concrete_function().graph) for function in functions]
    assert all(graph() is not None for graph in graphs)
    del epoch, functions
    gc.collect()
    assert [graph() for graph in graphs] == [None, None]
