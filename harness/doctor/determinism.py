"""One small trial, twice: on a CPU both must end with the same weights, bit for bit."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass

from harness.doctor.check import Check

TIMEOUT_S = 180.0

# In a process of its own: threads are told before TensorFlow starts, and the doctor itself stays small.
_PROGRAM = "from harness.doctor.determinism import print_fingerprints; print_fingerprints()"
_IMAGES = 128
_REFUSED = "harness.errors.InputError: "


@dataclass(frozen=True)
class Twice:
    """A process that trains the trial twice while other checks run."""

    process: subprocess.Popen[str]

    def judge(self) -> Check:
        """Wait for it and compare."""
        try:
            output, errors = self.process.communicate(timeout=TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.communicate()
            return Check(
                "determinism",
                "failed",
                f"two tiny trials took longer than {TIMEOUT_S:g} s",
                "see whether `python -c 'import tensorflow'` ends; reinstall TensorFlow if it does not",
            )
        prints = output.split()
        if self.process.returncode or len(prints) != 2:
            last = (errors.strip().splitlines() or ["no message"])[-1]
            if last.startswith(_REFUSED):
                found, _, remedy = last.removeprefix(_REFUSED).partition(": ")
                return Check("determinism", "failed", found, remedy)
            return Check(
                "determinism", "failed", f"a tiny trial does not train: {last}", "reinstall Keras and its backend"
            )
        return judge_fingerprints(*prints)


def start_twice() -> Twice:
    """Start the two trials."""
    return Twice(
        subprocess.Popen([sys.executable, "-c", _PROGRAM], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    )


def judge_fingerprints(first: str, second: str) -> Check:
    """Judge the fingerprints of the weights of the same trial, trained twice."""
    if first == second:
        return Check("determinism", "ok", f"the same trial twice on one CPU thread gave the same weights ({first[:8]})")
    return Check(
        "determinism",
        "failed",
        f"the same trial twice on one CPU thread gave different weights ({first[:8]} and {second[:8]})",
        "unset TF_ENABLE_ONEDNN_OPTS and thread variables; use a released TensorFlow; else resuming may mix results",
    )


def print_fingerprints() -> None:
    """Train the same tiny trial twice on one thread of the CPU and print what the weights are."""
    from harness.training.devices import configure_process

    configure_process("cpu", threads=1)
    import hashlib

    import numpy as np

    from harness.datasets import Dataset
    from harness.training.prepared import PreparedModel, weight_values
    from harness.variants import BASELINE

    # Drawn images: a dataset would cost a second to open, and its content does not matter here.
    rng = np.random.default_rng(1)
    images, labels = rng.integers(0, 256, (_IMAGES, 32, 32, 3), np.uint8), np.arange(_IMAGES) % 10
    dataset = Dataset.from_arrays("drawn", "abcdefghij", (images, labels), (images[:10], labels[:10]))
    prepared = PreparedModel(BASELINE.replace(dropout=0.5), dataset, seed=1)
    for _ in range(2):
        epoch = prepared.start(1)
        epoch.train(np.random.default_rng(1).permutation(_IMAGES))
        content = hashlib.sha256()
        for values in weight_values(epoch.model):
            content.update(values.tobytes())
        print(content.hexdigest())
