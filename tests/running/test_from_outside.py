"""What lies outside a trial's key changes no result: Keras's settings are ours, variables that matter are keyed."""

import json
import os
import sqlite3
import subprocess
import sys

import pytest

from harness import BASELINE, BUDGETS, load_results
from harness.cli import run
from harness.errors import InputError
from harness.results.conditions import Conditions
from harness.results.provenance import collect_provenance
from harness.training.devices import Device, training_environment

ONE_TRIAL = """
import sys
from harness import BASELINE, load_dataset, run_trial
from harness.budgets import Budget
budget = Budget("smoke", epochs=1, seeds=1, max_images=40)
small = BASELINE.replace(filters=(2, 2), dense=(), batch_norm=True)
record = run_trial(small, load_dataset("digits"), seed=1, budget=budget)
print(record.status, repr(record.loss), record.trial.key)
"""


@pytest.mark.slow
def test_keras_json_changes_neither_result_nor_key(tmp_path):
    processes = []
    settings = {"floatx": "float16", "epsilon": 0.1, "image_data_format": "channels_first", "backend": "torch"}
    for name, content in (("theirs", settings), ("none", {})):
        (tmp_path / name).mkdir()
        (tmp_path / name / "keras.json").write_text(json.dumps(content))
        environment = {key: value for key, value in os.environ.items() if key != "KERAS_BACKEND"}
        processes.append(
            subprocess.Popen(
                [sys.executable, "-c", ONE_TRIAL],
                env=environment | {"KERAS_HOME": str(tmp_path / name), "PYTHONPATH": os.pathsep.join(sys.path)},
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            )
        )
    outputs = [process.communicate(timeout=900)[0].splitlines()[-1] for process in processes]
    assert outputs[0].startswith("ok ")
    assert outputs[0] == outputs[1]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"floatx": "bfloat16"}, "\"floatx\" is 'bfloat16'.*allowed: float16, float32, float64"),
        ({"epsilon": 1}, '"epsilon" is 1'),
        ({"image_data_format": None}, "allowed: channels_last, channels_first"),
        ([1], "holds no JSON object"),
    ],
)
def test_a_keras_json_that_keras_does_not_start_with_is_refused_in_one_line(tmp_path, monkeypatch, content, words):
    (tmp_path / "keras.json").write_text(json.dumps(content))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    with pytest.raises(InputError, match=words):
        training_environment(Device("cpu"))


@pytest.mark.parametrize(
    ("name", "keyed"),
    [
        ("TF_ENABLE_ONEDNN_OPTS", True),
        ("TF_XLA_FLAGS", True),
        ("XLA_FLAGS", True),
        ("NVIDIA_TF32_OVERRIDE", True),
        ("TF_DETERMINISTIC_OPS", True),
        ("ONEDNN_MAX_CPU_ISA", True),
        ("JAX_DEFAULT_MATMUL_PRECISION", True),
        ("KMP_AFFINITY", False),
        ("LD_PRELOAD", False),
    ],
)
def test_a_variable_that_changes_bits_is_in_the_key_and_any_that_matters_in_the_provenance(monkeypatch, name, keyed):
    def key() -> str:
        environment = training_environment(Device("cpu"))
        conditions = Conditions("digits", "f" * 16, BUDGETS["smoke"], environment)
        return conditions.trials(BASELINE, [1])[0].key

    monkeypatch.delenv(name, raising=False)
    before = key()
    assert name not in dict(collect_provenance().variables)
    monkeypatch.setenv(name, "1")
    assert (key() != before) is keyed
    assert dict(collect_provenance().variables)[name] == "1"


@pytest.mark.parametrize(
    "name", ["TF_CPP_MIN_LOG_LEVEL", "TF_CLI_CONFIG_FILE", "TF_NUM_INTRAOP_THREADS", "KERAS_HOME", "TF2_BEHAVIOR"]
)
def test_what_we_set_ourselves_or_nothing_reads_is_no_part_of_the_key(monkeypatch, name):
    before = training_environment(Device("cpu"))
    monkeypatch.setenv(name, "2")
    assert training_environment(Device("cpu")) == before


SUITE = """
from harness import BASELINE, Suite
SMALL = BASELINE.replace(filters=(2, 2), dense=())
SUITE = Suite("small", [SMALL.replace(dropout=0.5)], baseline=SMALL)
"""


@pytest.mark.slow
def test_retrain_trains_anew_and_keeps_the_old_results(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "suite_small.py").write_text(SUITE)
    command = ["sweep", "suite_small.py", "--budget", "smoke", "--workers", "1"]

    def rows() -> list[tuple[str, str]]:
        with sqlite3.connect(tmp_path / "results/harness.sqlite") as connection:
            return connection.execute("SELECT key, record FROM trials ORDER BY id").fetchall()

    assert run(command) == 0
    first = rows()
    assert run(["plan", *command[1:], "--retrain"]) == 0
    assert "2 trials to train" in capsys.readouterr().out
    assert run([*command, "--retrain"]) == 0
    assert len(first) == 2
    assert rows()[:2] == first
    assert sorted(key for key, _ in rows()[2:]) == sorted(key for key, _ in first)
    shown = {record.trial.key: record.total_s for record in load_results(tmp_path / "results").records.values()}
    assert shown == {key: json.loads(text)["total_s"] for key, text in rows()[2:]}
    assert run(command) == 0
    assert len(rows()) == 4


def test_a_runs_command_is_noted_as_it_is_called_again(monkeypatch):
    for called, noted in (("/x/bin/pytest", "pytest"), ("/x/lib/pytest/__main__.py", "pytest"), ("run.py", "run.py")):
        monkeypatch.setattr("sys.argv", [called, "suites", "-k", "a b"])
        assert collect_provenance().command == f"{noted} suites -k 'a b'"
