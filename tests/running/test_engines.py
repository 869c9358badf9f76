"""Trials in another engine's processes: equal results, and what is lost, late or another version costs no sweep."""

import contextlib
import dataclasses
import importlib
import os
import signal
import sys
import threading
from concurrent.futures import BrokenExecutor, Executor, Future
from pathlib import Path

import psutil
import pytest
from drawn_images import draw_folder
from test_equal_bits import SMALL, bits, trials
from waiting import wait_until

from harness.cli import run as harness
from harness.datasets import DatasetRef, load_dataset
from harness.datasets.dataset import Origin
from harness.errors import InputError
from harness.results.provenance import collect_hardware
from harness.results.records import Record
from harness.running.engines import EngineSettings, choose_engine
from harness.running.executor import Work
from harness.running.futures_engine import FuturesEngine
from harness.running.node import Order, Reply, serve
from harness.running.remote import RemoteExecutor, order_of
from harness.training.devices import Device
from harness.training.trial import Trainer

HERE = Path(__file__).parent
PATIENCE_S = 3000
SUITE = "from harness import BASELINE, Suite\nSUITE = Suite('a', [BASELINE.replace(l2=0.1)])\n"


def work_in(folder, dataset, environment):
    return Work(DatasetRef.of(dataset), environment, timeout_s=PATIENCE_S, memory_mib=0, log=folder / "workers.log")


@pytest.fixture(scope="module")
def two_trials():
    return [one for seed in (1, 2) for one in trials([SMALL], seed)]


@pytest.fixture(scope="module")
def order(two_trials, digits, tmp_path_factory) -> Order:
    return order_of(work_in(tmp_path_factory.mktemp("order"), digits, two_trials[0].environment))


class Held(Executor):
    """An engine whose answers the test gives."""

    def __init__(self):
        self.given: list[Future] = []
        self.arguments: list[tuple] = []

    def submit(self, function, /, *arguments, **options):
        self.given.append(Future())
        self.arguments.append(arguments)
        if len(arguments) == 1:  # the greeting
            self.given.pop().set_result(Reply())
            greeted = Future()
            greeted.set_result(Reply())
            return greeted
        return self.given[-1]

    def wait_for(self, number):
        wait_until(lambda: len(self.given) >= number)


@contextlib.contextmanager
def held(order, folder, **options):
    """Start an executor over a held engine."""
    pool = Held()
    yield RemoteExecutor(order, workers=1, open_pool=lambda: pool, log=folder / "log", **options), pool


def in_thread(executor, trial):
    found = []
    thread = threading.Thread(target=lambda: found.append(executor.run(trial)))
    thread.start()
    return thread, found


def command(process):
    with contextlib.suppress(psutil.Error):
        return " ".join(process.cmdline())
    return ""


def test_45_a_lost_process_of_an_engine_costs_a_try_and_results_are_those_of_here(
    two_trials, digits, tmp_path, monkeypatch
):
    monkeypatch.syspath_prepend(HERE)
    here = psutil.Process()
    before = set(here.children(recursive=True))
    engine = FuturesEngine("three_engines:processes")
    executor = engine.start(work_in(tmp_path, digits, two_trials[0].environment), engine.size(1))
    try:
        executor.meet()
        thread, found = in_thread(executor, two_trials[0])
        hosts = [one for one in here.children() if one not in before and "spawn_main" in command(one)]
        assert hosts
        for one in hosts:
            os.kill(one.pid, signal.SIGKILL)
        thread.join(PATIENCE_S)
    finally:
        executor.close()
    assert [bits(one) for one in found] == [bits(Trainer().run(two_trials[0], digits))]
    left = [one for one in here.children(recursive=True) if one not in before and "tracker" not in command(one)]
    assert psutil.wait_procs(left, timeout=PATIENCE_S)[1] == []


def test_45_a_process_that_is_always_lost_fails_its_trial_after_three_tries(order, two_trials, tmp_path):
    with held(order, tmp_path) as (executor, pool):
        thread, found = in_thread(executor, two_trials[0])
        for number in (1, 2, 3):
            pool.wait_for(number)
            pool.given[number - 1].set_exception(OSError("node n7 is gone"))
        thread.join(PATIENCE_S)
    assert len(pool.given) == 3
    assert (found[0].status, found[0].message) == ("failed", "lost 3 times, at last: OSError: node n7 is gone")


def test_what_is_odd_about_the_processes_is_told_before_anything_is_imported_that_would_hide_it(
    order, two_trials, tmp_path, capsys
):
    class Elsewhere(Held):
        def submit(self, function, /, *arguments, **options):
            given = Future()
            given.set_result(Reply(machine=dataclasses.replace(collect_hardware(), host="n7", cpu_flags=("another",))))
            return given

    executor = RemoteExecutor(order, workers=1, open_pool=Elsewhere, log=tmp_path / "log")
    executor.wait()
    assert capsys.readouterr().err.startswith("warning: n7 has another CPU (another; ")


def test_processes_that_refuse_are_told_of_by_the_first_trial(order, two_trials, tmp_path):
    class Refusing(Held):
        def submit(self, function, /, *arguments, **options):
            given = Future()
            given.set_result(Reply(refused="another keras there"))
            return given

    executor = RemoteExecutor(order, workers=1, open_pool=Refusing, log=tmp_path / "log")
    executor.wait()
    with pytest.raises(InputError, match="another keras"):
        executor.run(two_trials[0])


def test_45_a_crash_of_the_whole_engine_costs_one_try(order, two_trials, tmp_path):
    pools = []

    class Breaking(Held):
        def submit(self, function, /, *arguments, **options):
            if any(one.done() for one in self.given):
                raise BrokenExecutor("a process died")
            return super().submit(function, *arguments, **options)

    def open_pool():
        pools.append(Breaking())
        return pools[-1]

    executor = RemoteExecutor(order, workers=1, open_pool=open_pool, log=tmp_path / "log")
    thread, found = in_thread(executor, two_trials[0])
    for number, outcome in enumerate(["crash", "crash", "ok"]):
        wait_until(lambda n=number: len(pools) > n or not thread.is_alive())
        assert thread.is_alive(), found
        pools[number].wait_for(1)
        if outcome == "crash":
            pools[number].given[0].set_exception(BrokenExecutor("a process died"))
        else:
            pools[number].given[0].set_result(Reply(Record(two_trials[0], "ok")))
    thread.join(PATIENCE_S)
    assert [one.status for one in found] == ["ok"]


def test_46_a_first_answer_that_comes_late_stands_and_the_second_is_dropped(order, two_trials, tmp_path):
    trial = two_trials[0]
    with held(order, tmp_path, limit_s=0.3) as (executor, pool):
        thread, found = in_thread(executor, trial)
        pool.wait_for(2)  # the first is late: the trial was given out again
        pool.given[0].set_result(Reply(Record(trial, "failed", message="the first")))
        thread.join(PATIENCE_S)
        assert pool.given[1].cancelled()
        executor.stop()
    assert [record.message for record in found] == ["the first"]


def test_47_a_process_of_other_versions_or_code_is_refused_by_name(order):
    versions = tuple((name, "3.0.0" if name == "keras" else of) for name, of in order.environment.versions)
    other = dataclasses.replace(order, environment=dataclasses.replace(order.environment, versions=versions))
    assert "keras 3.1" in serve(other).refused
    assert serve(other).refused.endswith("instead of 3.0.0: install there what is here")
    code = dataclasses.replace(order, code="another")
    assert "another cnn-harness is installed there" in serve(code).refused


def test_a_process_serves_one_job_after_another_whatever_it_had_to_answer_between(order, digits, tmp_path, monkeypatch):
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    nowhere = dataclasses.replace(order.dataset, origin=Origin(str(tmp_path / "not there"), tmp_path / "nor this"))
    other = dataclasses.replace(order, job="another", dataset=nowhere)
    replies = []

    def serve_both():
        replies.append(serve(order))
        replies.extend([serve(other), serve(other, None, digits)])
        replies.extend(serve(dataclasses.replace(order, code="other", job=job)) for job in ("third", "fourth"))

    thread = threading.Thread(target=serve_both, daemon=True)
    thread.start()
    thread.join(PATIENCE_S)
    assert [one.lacks_data for one in replies] == [False, True, False, False, False]
    assert [bool(one.refused) for one in replies] == [False, False, False, True, True]


def test_47_a_process_that_turns_out_to_be_another_one_stops_the_sweep(order, two_trials, tmp_path):
    with held(order, tmp_path) as (executor, pool):
        greeting = threading.Thread(target=lambda: (pool.wait_for(1), pool.given[0].set_result(Reply(refused="n7: x"))))
        greeting.start()
        with pytest.raises(InputError, match=r"^n7: x$"):
            executor.run(two_trials[0])
        greeting.join()


def test_a_dataset_that_a_machine_lacks_is_sent_once_and_kept_there(tmp_path, monkeypatch):
    draw_folder(tmp_path / "data", train=4, test=4)
    dataset = load_dataset(tmp_path / "data", cache=tmp_path / "cache here")
    away = dataclasses.replace(
        DatasetRef.of(dataset), origin=Origin(str(tmp_path / "not there"), tmp_path / "nor this")
    )
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache there"))
    assert away.on_this_machine() is None
    assert away.keep(dataset).open().fingerprint == dataset.fingerprint
    found = away.on_this_machine()
    assert found is not None
    assert found.open().fingerprint == dataset.fingerprint
    assert found.open().origin.directory.is_relative_to(tmp_path / "cache there")


def test_a_process_that_lacks_the_data_gets_it_with_the_trial(order, two_trials, digits, tmp_path):
    trial = two_trials[0]
    with held(order, tmp_path) as (executor, pool):
        thread, found = in_thread(executor, trial)
        pool.wait_for(1)
        pool.given[0].set_result(Reply(lacks_data=True))
        pool.wait_for(2)
        pool.given[1].set_result(Reply(Record(trial, "ok")))
        thread.join(PATIENCE_S)
    assert found[0].status == "ok"
    assert [one[2].fingerprint for one in pool.arguments if len(one) == 3] == [digits.fingerprint]


def test_data_that_is_another_on_a_machine_is_not_taken_for_the_senders(tmp_path, monkeypatch):
    draw_folder(tmp_path / "data", train=4, test=4)
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    dataset = load_dataset(tmp_path / "data")
    next((tmp_path / "data").rglob("*.png")).unlink()
    other = dataclasses.replace(DatasetRef.of(dataset), origin=Origin(str(tmp_path / "data")))
    assert other.on_this_machine() is None


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("rey",), '--executor is "rey": use local, ray or module:function; did you mean "ray"?'),
        (("nowhere:engine",), '--executor nowhere:engine: there is no module "nowhere"'),
        (("three_engines:proceses",), 'no function "proceses"; did you mean "processes"?'),
        (("three_engines:processes",), "needs --workers N: how many trials it is to run at once"),
        (("three_engines:nothing", "--workers", "1"), "returned int: return a concurrent.futures.Executor"),
        (("three_engines:raising", "--workers", "1"), "failed: ValueError: no scheduler at tcp://10.0.0.5:8786"),
        (("local", "--ray-address", "h:1"), "--ray-address is h:1: it is for --executor ray, and that is local"),
    ],
)
def test_an_executor_that_cannot_be_is_refused(project, monkeypatch, capsys, given, said):
    monkeypatch.syspath_prepend(HERE)
    (project / "suite_a.py").write_text(SUITE)
    assert harness(["sweep", "suite_a.py", "--device", "cpu", "--executor", *given]) in (1, 4)
    assert said in capsys.readouterr().err


def test_ray_that_is_not_installed_is_named_with_the_way_to_install_it(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(InputError, match=r'Ray is not installed: pip install "cnn-harness\[ray\]"'):
        choose_engine(EngineSettings("ray", "10.0.0.5:6379"), Device("cpu"), 1.0)


@pytest.mark.parametrize(
    ("address", "said"),
    [
        (None, "--executor ray needs --ray-address HOST:PORT"),
        ("auto", '--ray-address is "auto": use HOST:PORT'),
        ("[::1]:6379", '--ray-address is "[::1]:6379", an IPv6 address: use HOST:PORT with a name or an IPv4 address'),
        ("ray://head:10001", '--ray-address is "ray://head:10001": use HOST:PORT'),
        ("127.0.0.2:1", "--ray-address 127.0.0.2:1: nothing answers there"),
    ],
)
def test_48_no_cluster_is_searched_for_and_none_that_is_not_there_is_waited_for(tmp_path, monkeypatch, address, said):
    (tmp_path / "ray.py").write_text("def is_initialized():\n    return False\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "1")
    monkeypatch.setenv("RAY_ENABLE_AUTO_CONNECT", "1")
    with pytest.raises(InputError) as refusal:
        choose_engine(EngineSettings("ray", address), Device("cpu"), 1.0).size(None)
    assert said in str(refusal.value)
    if address == "127.0.0.2:1":
        assert (os.environ["RAY_USAGE_STATS_ENABLED"], os.environ["RAY_ENABLE_AUTO_CONNECT"]) == ("0", "0")


def test_a_cluster_that_other_code_has_joined_is_not_taken_for_the_one_that_is_named(tmp_path, monkeypatch):
    (tmp_path / "ray.py").write_text("def is_initialized():\n    return True\n")
    monkeypatch.syspath_prepend(tmp_path)
    importlib.import_module("ray")
    try:
        with pytest.raises(InputError, match="this process is in another Ray cluster already"):
            choose_engine(EngineSettings("ray", "127.0.0.2:1"), Device("cpu"), 1.0).size(None)
    finally:
        del sys.modules["ray"]


def test_a_projects_ray_does_not_count_beside_another_executor(project, capsys):
    (project / "suite_a.py").write_text(SUITE)
    (project / "pyproject.toml").write_text('[tool.harness]\nexecutor = "ray"\nray-address = "127.0.0.2:1"\n')
    assert harness(["plan", "suite_a.py", "--device", "cpu", "--executor", "local"]) == 0
    assert harness(["plan", "suite_a.py", "--device", "cpu"]) == 4
    assert "ray" in capsys.readouterr().err.lower()
