"""Actors of a Ray cluster as a `concurrent.futures.Executor`.

An actor keeps its process, and so TensorFlow, from trial to trial; Ray never restarts one or runs anything again by
itself, since what is lost is counted elsewhere.
"""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor as Pool
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.running.executor import ExecutorStopped
from harness.running.remote import JOIN_S, NoWorkerLeft

# An actor that ends before its first answer is replaced so often.
_STARTS = 3
_POLL_S = 0.2


class Slot:
    """An actor: a process on a node, for one worker."""

    def __init__(self) -> None:
        import ray

        # What Ray brings along for itself is not what the node's own Python finds.
        own = Path(ray.__file__).parent
        sys.path[:] = [folder for folder in sys.path if own not in Path(folder).parents]

    def call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Call a function there."""
        return function(*arguments)


@dataclass(eq=False)
class _Call:
    """What was submitted, and the actor that has it."""

    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    outer: Future[Any]
    actor: Any = None


class ActorPool(Pool):
    """A `concurrent.futures.Executor` of actors; one that dies is replaced, once the cluster has room.

    Cancelling what runs ends its actor. Where no actor has been left for a while, what waits ends in `NoWorkerLeft`.

    Args:
        workers: Actors.
        cpus, gpus: What each reserves.
        greeting: What a new actor in place of a lost one does first: function and arguments.
        leave: Leaves the cluster.
        join_s: How long no actor may be left.
    """

    def __init__(
        self,
        workers: int,
        *,
        cpus: int,
        gpus: float,
        greeting: tuple[Any, ...],
        leave: Callable[[], None],
        join_s: float = JOIN_S,
    ) -> None:
        import ray

        self._ray = ray
        self._kind = ray.remote(num_cpus=cpus, num_gpus=gpus, max_restarts=0, max_task_retries=0)(Slot)
        self._greeting = greeting
        self._leave = leave
        self._join_s = join_s
        self._changed = threading.Condition()  # guards all that follows
        self._ended = False
        self._actors: set[Any] = set()
        self._free: deque[Any] = deque()
        self._busy: set[Any] = set()
        self._queue: deque[_Call] = deque()
        self._calls: set[_Call] = set()  # without an outcome, in the queue or not
        for _ in range(workers):
            self._free.append(self._new())
        threading.Thread(target=self._give_out, daemon=True).start()

    def submit(self, function: Callable[..., Any], /, *arguments: Any, **options: Any) -> Future[Any]:
        """Call a function in an actor, once one is free.

        Raises:
            RuntimeError: The pool was shut down, or the cluster left.
        """
        call = _Call(function, arguments, Future())
        with self._changed:
            if self._ended or not self._ray.is_initialized():
                raise RuntimeError("the Ray cluster was left")
            self._calls.add(call)
            self._queue.append(call)
            self._changed.notify()
        call.outer.add_done_callback(lambda done: self._cancelled(call) if done.cancelled() else None)
        return call.outer

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End all actors and leave the cluster; what has no outcome yet ends in RuntimeError."""
        with self._changed:
            if self._ended:
                return
            self._ended = True
            actors, calls = list(self._actors), list(self._calls)
            self._changed.notify()
        for call in calls:
            self._settle(call, RuntimeError("the Ray cluster was left"))
        try:
            for actor in actors:
                self._ray.kill(actor)
        finally:
            self._leave()

    def _new(self) -> Any:
        actor = self._kind.options(scheduling_strategy="SPREAD").remote()
        with self._changed:
            if not self._ended:
                self._actors.add(actor)
                return actor
        self._ray.kill(actor)
        raise ExecutorStopped

    def _give_out(self) -> None:
        """Give what waits to actors as they become free, in a thread of its own, until the end."""
        since = time.monotonic()
        while True:
            call, given_up = None, []
            with self._changed:
                if self._ended:
                    return
                if self._queue and self._free:
                    call = self._queue.popleft()
                    call.actor = self._free.popleft()
                    self._busy.add(call.actor)
                else:
                    self._changed.wait(_POLL_S)
                if not self._queue or self._free or self._busy:
                    since = time.monotonic()
                elif time.monotonic() - since > self._join_s:
                    given_up = list(self._queue)
                    self._queue.clear()
            if call is not None:
                self._start(call)
            for one in given_up:
                self._settle(
                    one,
                    NoWorkerLeft(
                        f"the Ray cluster has had no worker for {self._join_s:g} s: its nodes are gone or full; "
                        "finished trials are kept, and the same command goes on from there"
                    ),
                )

    def _start(self, call: _Call) -> None:
        try:
            inner = call.actor.call.remote(call.function, *call.arguments).future()
        except Exception as error:
            if self._settle(call, error):
                self._set_free(call.actor)
        else:
            inner.add_done_callback(lambda done: self._done(call, done))

    def _done(self, call: _Call, inner: Future[Any]) -> None:
        error = inner.exception()
        if not self._settle(call, error, None if error else inner.result()):
            return  # its actor was ended
        if self._is_death(error):
            self._replace(call.actor)
        else:
            self._set_free(call.actor)

    def _settle(self, call: _Call, error: BaseException | None, result: Any = None) -> bool:
        """Give a call its outcome; False where it has one, or was cancelled."""
        with self._changed:
            if call not in self._calls:
                return False
            self._calls.remove(call)
        if not call.outer.set_running_or_notify_cancel():
            return False
        if error is None:
            call.outer.set_result(result)
        else:
            call.outer.set_exception(error)
        return True

    def _set_free(self, actor: Any) -> None:
        with self._changed:
            self._busy.discard(actor)
            self._free.append(actor)
            self._changed.notify()

    def _cancelled(self, call: _Call) -> None:
        with self._changed:
            self._calls.discard(call)
            if call in self._queue:
                self._queue.remove(call)
            actor = call.actor
        if actor is not None:
            self._replace(actor)

    def _replace(self, actor: Any, *, starts: int = _STARTS) -> None:
        """Start another actor; it is free once it has answered, which it may never where a node is lost."""
        # Not in Ray's own thread, which calls back: `kill` waits for what that thread brings.
        threading.Thread(target=self._start_other, args=(actor, starts), daemon=True).start()

    def _start_other(self, actor: Any, starts: int) -> None:
        with self._changed:
            self._actors.discard(actor)
            self._busy.discard(actor)
            if self._ended:
                return

        def greeted(done: Future[Any]) -> None:
            if self._is_death(done.exception()):
                self._replace(new, starts=starts - 1)
            else:
                self._set_free(new)

        # The cluster was left meanwhile, or is lost: where no actor remains, what waits is told so.
        with contextlib.suppress(Exception):
            self._ray.kill(actor)  # should it still be there, as where only its answer was lost
            if starts:
                new = self._new()
                new.call.remote(*self._greeting).future().add_done_callback(greeted)

    def _is_death(self, error: BaseException | None) -> bool:
        # Our own code raises HarnessError at most, in a RayTaskError; all else is Ray's word for a lost process.
        return error is not None and not isinstance(error, self._ray.exceptions.RayTaskError)
