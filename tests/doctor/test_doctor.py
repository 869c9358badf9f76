from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys

import pytest
from click.shell_completion import ShellComplete
from made_results import Made, make_results

from harness.cli import harness, run
from harness.datasets import Origin
from harness.doctor.folders import check_dataset, check_disk, check_results, check_store, judge_disk
from harness.doctor.machine import (
    cgroup_cores,
    check_cores,
    check_governor,
    check_memory,
    judge_load,
    judge_memory,
)


def test_it_makes_ten_checks_and_more_and_ends_with_0_when_all_is_well(tmp_path):
    command = [sys.executable, "-m", "harness", "doctor", "--json", "--results", str(tmp_path / "results")]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stdout
    content = json.loads(answer.stdout)
    checks = {check["name"]: check for check in content["checks"]}
    assert content["well"] is True
    assert len(checks) == len(content["checks"]) >= 10
    assert checks["determinism"]["status"] == "ok"
    assert "same weights" in checks["determinism"]["found"]
    assert all(bool(check["remedy"]) == (check["status"] != "ok") for check in checks.values())
    assert not (tmp_path / "results").exists()


def test_something_that_fails_ends_with_1_and_a_remedy_in_a_terminal_of_any_width(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "20")
    (tmp_path / "harness.sqlite").write_bytes(b"SQLite format 3\0" + b"damage" * 500)
    assert run(["doctor", "--results", str(tmp_path), "--dataset", "digts"]) == 1
    printed = capsys.readouterr().out
    assert printed.count("FAILED") == 2
    assert printed.count("-> ") >= 2
    assert max(map(len, printed.splitlines())) <= 20
    assert 'did you mean "digits"' in " ".join(printed.split())


@pytest.mark.parametrize(
    ("files", "cores"),
    [
        ({"cpu.max": "150000 100000\n"}, 1.5),
        ({"cpu.max": "max 100000\n"}, None),
        ({"cpu/cpu.cfs_quota_us": "50000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 0.5),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, None),
        ({}, None),
    ],
)
def test_a_containers_quota_of_cores_is_read(tmp_path, files, cores):
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert cgroup_cores(tmp_path) == cores


def test_too_few_cores_and_thread_variables_warn(tmp_path):
    assert check_cores({}, tmp_path).status == "ok"
    assert "OMP_NUM_THREADS=1" in check_cores({"OMP_NUM_THREADS": "1"}, tmp_path).found
    (tmp_path / "cpu.max").write_text("50000 100000")
    assert "only 0.5 cores" in check_cores({}, tmp_path).found


def test_steal_and_foreign_load_warn():
    assert judge_load(steal_percent=0.1, busy_cores=0.1).status == "ok"
    assert "not shared" in judge_load(steal_percent=9.0, busy_cores=0.1).remedy
    assert "stop other programs" in judge_load(steal_percent=0.0, busy_cores=1.5).remedy


def test_a_governor_that_saves_power_warns(tmp_path):
    assert check_governor(tmp_path).status == "ok"
    for core, governor in enumerate(["performance", "powersave"]):
        folder = tmp_path / f"cpu{core}" / "cpufreq"
        folder.mkdir(parents=True)
        (folder / "scaling_governor").write_text(governor + "\n")
    check = check_governor(tmp_path)
    assert (check.status, check.found.split(":")[0]) == ("warning", "performance, powersave")


def test_little_memory_or_disk_fails(tmp_path):
    assert [judge_memory(mib).status for mib in (500, 1200, 8000)] == ["failed", "warning", "ok"]
    assert [judge_disk(mib, tmp_path).status for mib in (50, 500, 5000)] == ["failed", "warning", "ok"]
    (tmp_path / "memory.max").write_text(str(600 * 2**20))
    (tmp_path / "memory.current").write_text(str(100 * 2**20))
    assert check_memory(tmp_path).found == "500 MiB free"
    assert check_disk(tmp_path / "not" / "made").found.endswith(str(tmp_path / "not" / "made"))


def test_a_results_folder_that_cannot_be_written_fails_and_none_is_made(tmp_path):
    (tmp_path / "file").write_text("")
    assert "is a file" in check_results(tmp_path / "file" / "results").found
    assert check_results(tmp_path / "new").status == "ok"
    assert not (tmp_path / "new").exists()
    if os.geteuid():
        tmp_path.chmod(0o500)
        assert check_results(tmp_path).status == "failed"
        tmp_path.chmod(0o700)


def test_a_store_is_read_whole(tmp_path):
    assert check_store(tmp_path).status == "ok"
    folder = make_results(tmp_path, Made())
    assert check_store(folder).found == "15 trials, 3 timing runs, 1 run, 1 suite, 0 plans: intact"
    with sqlite3.connect(folder / "harness.sqlite") as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    check = check_store(folder)
    assert check.status == "failed"
    assert "newer version" in check.found


def test_a_dataset_that_does_not_open_fails():
    assert check_dataset(Origin("digits")).found == "digits: 1,000 train and 797 test images, 10 classes"
    assert check_dataset(Origin("nowhere")).status == "failed"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script_that_asks_this_program(shell, capsys):
    if shell == "bash" and not os.path.exists("/bin/bash"):  # noqa: PTH110
        pytest.skip("bash is not installed, whose version click looks at")
    assert run(["completion", shell]) == 0
    assert "_HARNESS_COMPLETE" in capsys.readouterr().out


def test_completion_completes_commands_and_options():
    def complete(words: str, number: int) -> str:
        environ = os.environ | {"_HARNESS_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(number)}
        command = [sys.executable, "-c", "from harness.cli import main; main()"]
        return subprocess.run(command, env=environ, capture_output=True, text=True, check=False).stdout

    assert complete("harness comp", 1).split() == ["plain,compare", "plain,completion"]
    assert "plain,--fail-if" in complete("harness compare --f", 2)
    assert complete("harness tables --format g", 3).split() == ["plain,github"]


def test_completion_completes_names_in_the_results_folder_and_columns(tmp_path, monkeypatch):
    def complete(words, begun):
        return [one.value for one in ShellComplete(harness, {}, "harness", "_X").get_completions(words.split(), begun)]

    monkeypatch.chdir(tmp_path)
    assert complete("model", "") == complete("tables --suite", "") == []  # no results: no names, and no error
    make_results(tmp_path / "results", Made())
    assert complete("tables --suite", "d") == ["dropout"]
    assert complete("compare --variants baseline", "f") == complete("model", "f") == ["filters:64-128"]
    assert complete("trend results --variant", "dr") == ["dropout:0.5"]
    assert complete("explore results --suite other --variant", "") == []
    assert complete("tables --columns", "suite,accuracy_v") == ["suite,accuracy_verdict"]
    assert complete("tables --sort", "accuracy_d") == ["accuracy_delta"]
