"""A trial gives the same bits alone, after others, in the pool, and in a worker that was used before."""

import hashlib
import importlib.util
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from harness import BASELINE, Variant
from harness.budgets import Budget
from harness.datasets import DatasetRef, load_dataset
from harness.results.records import Record
from harness.results.trials import Trial
from harness.running.fork_server import ForkServer
from harness.running.worker_pool import PoolExecutor
from harness.training.devices import Device, training_environment
from harness.variants.sources import source_fingerprint

HERE = Path(__file__).parent
PATIENCE_S = 3000  # a machine that is busy is slow, not wrong
BUDGET = Budget("smoke", epochs=2, seeds=1, max_images=48)
# As few layers as can differ: what a trial costs here is its graph.
SMALL = BASELINE.replace(filters=(3,), dense=(), batch_size=16)
BUILT_IN = [
    SMALL,
    SMALL.replace(dropout=0.4),
    SMALL.replace(batch_norm=True, l2=0.001),
    SMALL.replace(augmentation="flip+shift"),
    SMALL.replace(augmentation="mixed"),
    SMALL.replace(optimizer="momentum", learning_rate=0.01),
    SMALL.replace(optimizer="adamw", l1=0.001),
    SMALL.replace(precision_policy="mixed_bfloat16"),
    SMALL.replace(precision_policy="mixed_float16"),
    SMALL.replace(pooling="sum", activation="gelu"),
    SMALL.replace(kernel_size=5, dense=(8,)),
    SMALL.replace(filters=(2, 2), pooling="average"),
]
OWN = [
    Variant(model=f"ten_models:{name}", batch_size=16)
    for name in (
        *("plain", "tf_random", "keras_random", "policy", "eager"),
        *("growing", "cached", "drawn", "outside", "counting"),
    )
]
JAX = [SMALL, BUILT_IN[1], BUILT_IN[2], OWN[0], OWN[3], OWN[6]]


def trials(variants: list[Variant], seed: int = 1) -> list[Trial]:
    dataset, environment = load_dataset("digits"), training_environment(Device("cpu"))
    return [
        Trial(one, source_fingerprint(one) or "", "digits", dataset.fingerprint, seed, BUDGET, environment)
        for one in variants
    ]


def bits(record: Record) -> str:
    """Return what must be equal: every figure, its last bit included, and every prediction."""
    assert record.status == "ok", record.message
    assert record.predictions is not None
    history = [(epoch.loss, epoch.accuracy, epoch.val_loss) for epoch in record.history]
    predictions = hashlib.sha256(np.asarray(record.predictions.predicted).tobytes()).hexdigest()[:8]
    return f"{record.loss!r} {history!r} {predictions}"


# Prints what each trial gives by the way it is run. Alone: in a process in which nothing was computed before, forked
# from one that has only imported. After another: each after the one before it, in one process. In a worker used before:
# once more there, after another seed of it, for which the trainer keeps the model.
WAYS = """
import json, os, sys
from harness.training.devices import configure_process
configure_process("cpu", threads=1)
from harness.datasets import load_dataset
from harness.training.trial import Trainer
import test_equal_bits as matrix
dataset, variants = load_dataset("digits"), getattr(matrix, sys.argv[1])

def say(way, trial, trainer):
    print(json.dumps([way, trial.variant.name, matrix.bits(trainer.run(trial, dataset))]), flush=True)

for trial in matrix.trials(variants):
    child = os.fork()
    if not child:
        say("alone", trial, Trainer())
        os._exit(0)
    os.waitpid(child, 0)
trainer = Trainer()
for first, other in zip(matrix.trials(variants), matrix.trials(variants, 2), strict=True):
    say("after another", first, trainer)
    trainer.run(other, dataset)
    say("in a worker used before", first, trainer)
"""


def started(variants: str, **environment: str) -> subprocess.Popen[str]:
    path = os.pathsep.join([str(HERE), *filter(None, sys.path)])
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", WAYS, variants],
        env=os.environ | {"PYTHONPATH": path, "PYTHONHASHSEED": "0"} | environment,
        cwd=HERE,
        stdout=subprocess.PIPE,
        text=True,
    )


def read(process: subprocess.Popen[str]) -> dict[str, dict[str, str]]:
    """Return the bits of each variant's trial by the way it was run."""
    output, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, output
    found: dict[str, dict[str, str]] = {}
    for line in output.splitlines():
        if line.startswith("["):
            way, name, text = json.loads(line)
            found.setdefault(way, {})[name] = text
    return found


@pytest.fixture(scope="module")
def ways(tmp_path_factory):
    """Return the bits of each variant's trial by the way it was run, in the pool too."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(HERE)
        patch.chdir(HERE)
        process = started("ALL")
        # The other way round, so that other ones came before.
        todo = trials(ALL)[::-1]
        log = tmp_path_factory.mktemp("pool") / "workers.log"
        data, environment = DatasetRef.of(load_dataset("digits")), todo[0].environment
        server = ForkServer.of(environment)
        pool = PoolExecutor(data, environment, workers=2, timeout_s=PATIENCE_S, log=log, server=server)
        try:
            with ThreadPoolExecutor(2) as threads:
                pooled = list(threads.map(pool.run, todo))
        finally:
            pool.close()
            server.close()
    return read(process) | {"in the pool": {record.trial.variant.name: bits(record) for record in pooled}}


ALL = [*BUILT_IN, *OWN]


@pytest.mark.slow
@pytest.mark.parametrize("variant", ALL, ids=lambda variant: variant.name)
def test_a_trial_gives_the_same_bits_whatever_its_process_did_before(ways, variant):
    found = {way: results[variant.name] for way, results in ways.items()}
    assert len(found) == 4
    assert len(set(found.values())) == 1, found


@pytest.mark.slow
def test_the_variants_of_the_matrix_differ_from_one_another(ways):
    assert len(set(ways["alone"].values())) == len(ALL)


@pytest.mark.slow
@pytest.mark.skipif(not importlib.util.find_spec("jax"), reason="JAX is not installed")
def test_the_same_holds_under_jax():
    alone, after, again = read(started("JAX", KERAS_BACKEND="jax")).values()
    assert len(alone) == len(JAX)
    assert alone == after == again
