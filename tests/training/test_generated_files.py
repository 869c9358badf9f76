"""What TensorFlow writes of what it compiles leaves the folder of temporary files with the process."""

import os
import subprocess
import sys

TRIAL = """
from harness import BASELINE, BUDGETS, load_dataset, run_trial
import harness.training.trial, os, pathlib
variant = BASELINE.replace(filters=(1,), dense=(2,))
print(run_trial(variant, load_dataset("digits"), seed=1, budget=BUDGETS["smoke"]).status)
print(len(list(pathlib.Path(os.environ["TMPDIR"]).rglob("*.pyc"))) > 0)
"""


def test_a_trial_from_python_leaves_no_temporary_file_nor_its_bytecode(tmp_path):
    left_out = ("PYTHONDONTWRITEBYTECODE", "PYTHONPYCACHEPREFIX")
    environment = {name: value for name, value in os.environ.items() if name not in left_out}
    environment |= {"TMPDIR": str(tmp_path), "KERAS_BACKEND": "tensorflow"}
    ended = subprocess.run([sys.executable, "-c", TRIAL], env=environment, capture_output=True, text=True, check=True)
    assert ended.stdout.split() == ["ok", "True"]
    assert list(tmp_path.iterdir()) == []
