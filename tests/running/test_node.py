"""What runs in an engine's own process: one worker kept for a job, given back when idle, and refusals by name."""

import dataclasses
import functools
import tempfile
import threading

import pytest
from waiting import wait_until

from harness.budgets import BUDGETS
from harness.datasets import DatasetRef, load_dataset
from harness.errors import HarnessError
from harness.results.trials import Trial
from harness.running import node
from harness.running.executor import Work
from harness.running.node import look, serve
from harness.running.remote import order_of
from harness.training.devices import Device, training_environment
from harness.variants import BASELINE

PATIENCE_S = 3000


@pytest.fixture(scope="module")
def order(tmp_path_factory):
    environment = training_environment(Device("cpu"))
    data = DatasetRef.of(load_dataset("digits"))
    log = tmp_path_factory.mktemp("node") / "workers.log"
    return order_of(Work(data, environment, timeout_s=PATIENCE_S, memory_mib=0, log=log))


def in_thread(function):
    """Call a function in a thread of its own, which has a worker of its own, and return what it gave or raised."""
    found = []

    def call():
        try:
            found.append(function())
        except BaseException as error:
            found.append(error)

    thread = threading.Thread(target=call, daemon=True)
    thread.start()
    thread.join(PATIENCE_S)
    (one,) = found
    return one


def test_a_process_keeps_its_worker_from_trial_to_trial_and_gives_it_back_when_idle(order, monkeypatch):
    small = BASELINE.replace(filters=(4,), dense=(8,))
    data = order.dataset
    trial = Trial(small, "", data.name, data.fingerprint, 1, BUDGETS["smoke"], order.environment)

    def life():
        assert serve(order).record is None
        mine = node._hosts[threading.get_ident()]
        workers = mine._pool
        reply = serve(order, trial)
        assert (reply.record.status, reply.record.message) == ("ok", "")
        mine._log.unlink(missing_ok=True)  # as what clears temporary folders does
        assert mine.printed() == b""
        mine._log.write_bytes(b"a flood " * node._PRINTED_BYTES)
        assert len(mine.printed()) == node._PRINTED_BYTES
        assert mine.take(order)
        mine._end_idle()  # its time ran out as it was taken
        assert mine._pool is workers
        monkeypatch.setattr(node, "_IDLE_S", 0.05)
        mine.rest()
        wait_until(lambda: mine._pool is None)
        assert all(place.worker.spent for place in workers._places)
        refused = serve(dataclasses.replace(order, code="another")).refused
        assert "another cnn-harness is installed there" in refused
        assert threading.get_ident() not in node._hosts

    assert in_thread(life) is None


def test_a_process_says_what_of_it_is_another(order, monkeypatch):
    assert look(order).dataset.fingerprint == order.dataset.fingerprint
    assert "another cnn-harness is installed there" in look(dataclasses.replace(order, code="another")).refused
    environment = dataclasses.replace(order.environment, backend="jax")
    other = look(dataclasses.replace(order, environment=environment)).refused
    assert other == "backend tensorflow instead of jax: install there what is here"
    monkeypatch.setenv("KERAS_BACKEND", "tensorflo")
    assert 'KERAS_BACKEND is "tensorflo"' in look(order).refused


def test_a_process_that_can_start_no_worker_says_so(order, monkeypatch):
    monkeypatch.setenv("PYTHONHOME", "/nowhere")
    error = in_thread(lambda: serve(order))
    assert isinstance(error, HarnessError)
    assert str(error).endswith(": no worker starts: the worker ended with exit code 1")


def test_a_machine_without_room_for_a_temporary_folder_says_so(order, monkeypatch, tmp_path):
    # As of a process that has not asked for its folder yet; this one goes on with its own.
    monkeypatch.setattr(node, "_folder", functools.cache(node._folder.__wrapped__))
    (tmp_path / "a file").write_text("")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "a file"))
    error = in_thread(lambda: serve(order))
    assert isinstance(error, HarnessError)
    assert ": no temporary folder can be made (" in str(error)
