"""What a GPU would do with the compiled epoch, seen without one.

TensorFlow's wheel registers its GPU kernels on every machine, so each operation of a graph can be asked whether it has
one for its types; and two logical CPU devices stand for a GPU and its host, so that what is sent between them shows.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from two_devices import drawn, has_gpu_kernel, nodes

from harness import BASELINE
from harness.suite_files import load_suites
from harness.training.prepared import build_for, make_epoch
from harness.variants import Variant

SUITES = Path(__file__).parents[2] / "suites"


def audited() -> list[Variant]:
    """Return few small variants that hold between them every kind of layer, optimizer and policy of the suites.

    Each kind adds its own operations, whose types depend neither on sizes and rates nor on the other kinds.
    """
    members = {member for suite in load_suites([SUITES], slow=True) for member in getattr(suite, "members", ())}
    members |= {BASELINE.replace(precision_policy=policy) for policy in ("mixed_float16", "mixed_bfloat16")}
    members = {member for member in members if not (member.backbone or member.model)}
    fields = ("activation", "augmentation", "optimizer", "pooling", "batch_norm", "precision_policy")
    kinds = {field: sorted({getattr(member, field) for member in members}) for field in fields}
    for field in ("dropout", "l1", "l2"):
        kinds[field] = sorted({0.5 if getattr(member, field) else 0.0 for member in members})
    small = BASELINE.replace(filters=(4,), dense=(8,), batch_size=16)
    count = max(len(values) for values in kinds.values())
    return [
        small.replace(**{field: values[number % len(values)] for field, values in kinds.items()})
        for number in range(count)
    ]


@pytest.mark.parametrize("variant", audited(), ids=lambda variant: variant.name)
def test_no_operation_of_a_suites_graphs_lacks_a_gpu_kernel(variant):
    data = drawn(64)
    epoch = make_epoch(build_for(variant, data, seed=1), variant, data)
    for graph in (epoch._train, epoch._evaluate, epoch._predict):
        found = list(nodes(graph.get_concrete_function().graph))
        assert len(found) > 10
        assert {node.op for node in found if not has_gpu_kernel(node)} == set()


def test_nothing_is_sent_between_gpu_and_host_within_an_epoch():
    script = Path(__file__).with_name("two_devices.py")
    answer = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr[-2000:]
    assert json.loads(answer.stdout) == {"train": [], "evaluate": []}
