"""The pool of Ray's actors, over a fake of Ray's own calls: what hangs, dies or cannot be sent holds up nothing."""

import contextlib
import sys
import threading
from concurrent.futures import CancelledError, Future
from types import SimpleNamespace

import pytest
from test_remote import order_for
from waiting import wait_until

from harness.results.records import Record
from harness.running.node import Reply
from harness.running.ray_actors import ActorPool, Slot
from harness.running.remote import NoWorkerLeft, RemoteExecutor

PATIENCE_S = 600


class RayTaskError(Exception):
    """Ray's: the function itself raised."""


class RayActorError(Exception):
    """Ray's: the process is gone."""


class Actor:
    """One of Ray's actors; `answer` gives what a call comes to: a value, an error, or `None` for nothing yet."""

    def __init__(self, ray):
        self.ray, self.call, self.pending, self.alive = ray, self, [], True

    def remote(self, function, *arguments):
        if not self.ray.joined:
            raise RuntimeError("ray.init() was not called")
        future = Future()
        self.pending.append(future)
        answer = self.ray.answer(self, function, *arguments) if self.alive else RayActorError("dead")
        if isinstance(answer, Exception):
            future.set_exception(answer)
        elif answer is not None:
            future.set_result(answer)
        return SimpleNamespace(future=lambda: future)


class Ray:
    """As much of the `ray` module as the pool calls."""

    exceptions = SimpleNamespace(RayTaskError=RayTaskError)

    def __init__(self, answer):
        self.answer, self.actors, self.joined, self.left = answer, [], True, 0

    def is_initialized(self):
        return self.joined

    def remote(self, **_):
        return lambda kind: SimpleNamespace(options=lambda **_: SimpleNamespace(remote=self.start))

    def start(self):
        self.actors.append(Actor(self))
        return self.actors[-1]

    def kill(self, actor):
        actor.alive = False
        for one in actor.pending:
            if not one.done():
                one.set_exception(RayActorError("killed"))

    def leave(self):
        self.joined, self.left = False, self.left + 1


@pytest.fixture
def pool_on(monkeypatch):
    """Give a function that starts a pool over such a Ray, and end what it started."""
    with contextlib.ExitStack() as stack:

        def start(answer, workers=1, **options):
            ray = Ray(answer)
            monkeypatch.setitem(sys.modules, "ray", ray)
            pool = ActorPool(workers, cpus=1, gpus=0, greeting=(max, 1, 2), leave=ray.leave, **options)
            stack.callback(pool.shutdown)
            return pool, ray

        yield start


def calls(actor, function, *arguments):
    return function(*arguments)


def executor_on(pool, folder, **options):
    return RemoteExecutor(order_for(), workers=1, open_pool=lambda: pool, log=folder / "log", **options)


def test_a_hung_actor_costs_its_trial_and_is_replaced_for_the_next(pool_on, tmp_path):
    def answer(actor, function, *arguments):
        if arguments[1:] == ("hung",):
            return None
        return Reply(Record(arguments[1], "ok")) if arguments[1:] else Reply()

    pool, ray = pool_on(answer)
    executor = executor_on(pool, tmp_path, limit_s=0.1)
    message = "lost 3 times, at last: no answer within 0.1 s"
    wait_until(lambda: executor.run("hung").message == message and not ray.actors[0].alive)
    patient = executor_on(pool, tmp_path, limit_s=PATIENCE_S)
    assert patient.run("next").status == "ok"


def test_what_is_submitted_waits_in_the_queue_and_not_in_submit(pool_on):
    pool, ray = pool_on(lambda actor, function, *arguments: None if function is min else function(*arguments))
    stuck, queued, dropped = pool.submit(min, 1, 2), pool.submit(max, 1, 2), pool.submit(max, 3, 4)
    assert dropped.cancel()
    wait_until(lambda: ray.actors[0].pending)
    assert not queued.done()
    assert stuck.cancel()
    assert queued.result(PATIENCE_S) == 2
    with pytest.raises(CancelledError):
        dropped.result(PATIENCE_S)
    assert [one.alive for one in ray.actors] == [False, True]


def test_what_cannot_be_sent_ends_its_own_call_alone(pool_on):
    pool, ray = pool_on(calls)
    unsent = pool.submit(len, 3)  # the fake raises at once, as Ray does for what it cannot pickle
    with pytest.raises(TypeError):
        unsent.result(PATIENCE_S)
    assert pool.submit(max, 1, 2).result(PATIENCE_S) == 2
    assert len(ray.actors) == 1


def test_a_dead_actor_ends_its_call_and_another_takes_the_next(pool_on):
    answers = [RayActorError("the node is gone")]
    pool, ray = pool_on(lambda *call: answers.pop() if answers else calls(*call))
    with pytest.raises(RayActorError):
        pool.submit(max, 1, 2).result(PATIENCE_S)
    assert pool.submit(max, 1, 2).result(PATIENCE_S) == 2
    assert len(ray.actors) == 2


def test_an_error_of_the_function_leaves_its_actor(pool_on):
    answers = [RayTaskError("no such trial")]
    pool, ray = pool_on(lambda *call: answers.pop() if answers else calls(*call))
    with pytest.raises(RayTaskError):
        pool.submit(max, 1, 2).result(PATIENCE_S)
    assert pool.submit(max, 1, 2).result(PATIENCE_S) == 2
    assert len(ray.actors) == 1


def test_a_cluster_without_any_worker_ends_the_run_and_fails_no_trial(pool_on, tmp_path):
    answers = [Reply()]  # the first greeting; whatever comes after finds no process
    pool, _ = pool_on(lambda *call: answers.pop() if answers else RayActorError("no node"), join_s=0.5)
    with pytest.raises(NoWorkerLeft, match=r"^the Ray cluster has had no worker for 0\.5 s"):
        executor_on(pool, tmp_path).run("any")


def test_a_pool_that_is_shut_down_ends_its_calls_and_starts_no_more_actors(pool_on):
    pool, ray = pool_on(lambda *call: None, workers=2)
    waiting = [pool.submit(max, 1, 2) for _ in range(3)]
    wait_until(lambda: all(one.pending for one in ray.actors))
    pool.shutdown()
    pool.shutdown()
    for one in waiting:
        with pytest.raises(RuntimeError, match="left"):
            one.result(PATIENCE_S)
    with pytest.raises(RuntimeError, match="left"):
        pool.submit(max, 1, 2)
    assert [one.alive for one in ray.actors] == [False, False]
    assert ray.left == 1


def test_a_pool_whose_cluster_was_left_by_other_code_takes_nothing(pool_on):
    pool, ray = pool_on(calls)
    ray.joined = False
    with pytest.raises(RuntimeError, match="left"):
        pool.submit(max, 1, 2)


def test_a_call_that_is_cancelled_as_it_is_sent_costs_its_actor_whether_or_not_it_can_be_sent(pool_on):
    submitted, given = threading.Event(), []

    def answer(actor, function, *arguments):
        if function is max:
            return function(*arguments)
        submitted.wait(PATIENCE_S)
        assert given[-1].cancel()
        return None if function is min else function(*arguments)  # which raises

    pool, ray = pool_on(answer)
    for function in (min, len):
        submitted.clear()
        given.append(pool.submit(function, 1))
        submitted.set()
        assert pool.submit(max, 1, 2).result(PATIENCE_S) == 2
    assert [one.alive for one in ray.actors] == [False, False, True]


def test_an_answer_that_comes_while_its_call_is_cancelled_is_dropped(pool_on):
    pool, ray = pool_on(lambda actor, function, *arguments: None if function is min else function(*arguments))
    given = pool.submit(min, 1, 2)
    wait_until(lambda: ray.actors[0].pending)
    cancelling = threading.Thread(target=given.cancel)
    with pool._changed:  # who cancels has done so, and cannot tell it yet
        cancelling.start()
        wait_until(given.cancelled)
        ray.actors[0].pending[0].set_result(1)
    cancelling.join(PATIENCE_S)
    assert pool.submit(max, 1, 2).result(PATIENCE_S) == 2
    assert [one.alive for one in ray.actors] == [False, True]


def test_no_actor_is_started_once_the_pool_is_shut_down(pool_on):
    before = set(threading.enumerate())
    pool, ray = pool_on(lambda *call: None)
    given = pool.submit(min, 1, 2)
    wait_until(lambda: ray.actors[0].pending)
    with pool._changed:  # who replaces the actor comes to it after the end
        given.cancel()
        pool.shutdown()
    for thread in set(threading.enumerate()) - before:
        thread.join(PATIENCE_S)
    assert len(ray.actors) == 1


def test_an_actor_that_is_being_started_as_the_pool_is_shut_down_is_ended(pool_on):
    before = set(threading.enumerate())
    pool, ray = pool_on(lambda *call: None)
    start = ray.start

    def start_slowly():
        pool.shutdown()
        return start()

    ray.start = start_slowly
    given = pool.submit(min, 1, 2)
    wait_until(lambda: ray.actors[0].pending)
    given.cancel()
    for thread in set(threading.enumerate()) - before:
        thread.join(PATIENCE_S)
    assert [one.alive for one in ray.actors] == [False, False]


def test_what_an_actor_finds_is_what_its_nodes_own_python_finds(monkeypatch, tmp_path):
    brought = tmp_path / "ray/thirdparty_files"
    monkeypatch.setitem(sys.modules, "ray", SimpleNamespace(__file__=str(tmp_path / "ray/__init__.py")))
    monkeypatch.setattr(sys, "path", [str(brought), str(tmp_path)])
    slot = Slot()
    assert sys.path == [str(tmp_path)]
    assert slot.call(divmod, 7, 2) == (3, 1)
