"""Actors of a Ray cluster as a `concurrent.futures.Executor`.

An actor keeps its process, and so TensorFlow, from trial to trial; Ray never restarts one or runs anything again by
itself, since what is lost is counted elsewhere.
"""

from __future__ import annotations

import queue
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Executor as Pool
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from harness.errors import HarnessError
from harness.running.executor import ExecutorStopped
from harness.running.remote import JOIN_S

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


class ActorPool(Pool):
    """A `concurrent.futures.Executor` of actors; one that dies is replaced, once the cluster has room.

    Cancelling what runs ends its actor.

    Args:
        workers: Actors.
        cpus, gpus: What each reserves.
        greeting: What a new actor in place of a lost one does first: function and arguments.
    """

    def __init__(self, workers: int, *, cpus: int, gpus: float, greeting: tuple[Any, ...]) -> None:
        import ray

        self._ray = ray
        self._kind = ray.remote(num_cpus=cpus, num_gpus=gpus, max_restarts=0, max_task_retries=0)(Slot)
        self._greeting = greeting
        self._ended = False
        self._lock = threading.Lock()
        self._free: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._actors: set[Any] = set()
        self._busy = 0
        for _ in range(workers):
            self._free.put(self._new())

    def submit(self, function: Callable[..., Any], /, *arguments: Any, **options: Any) -> Future[Any]:
        """Call a function in an actor, once one is free.

        Raises:
            HarnessError: No actor is left, and the cluster gave no other for a while.
        """
        actor = self._take()
        outer: Future[Any] = Future()
        inner = actor.call.remote(function, *arguments).future()
        outer.add_done_callback(lambda done: self._cancelled(actor) if done.cancelled() else None)
        inner.add_done_callback(lambda done: self._done(actor, done, outer))
        return outer

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End all actors and leave the cluster."""
        with self._lock:
            self._ended = True
            actors = list(self._actors)
        for actor in actors:
            self._ray.kill(actor)
        self._ray.shutdown()

    def _new(self) -> Any:
        actor = self._kind.options(scheduling_strategy="SPREAD").remote()
        with self._lock:
            self._actors.add(actor)
        return actor

    def _take(self) -> Any:
        since = time.monotonic()
        while not self._ended:
            try:
                actor = self._free.get(timeout=_POLL_S)
            except queue.Empty:
                with self._lock:
                    if self._busy:
                        since = time.monotonic()
                if time.monotonic() - since > JOIN_S:
                    raise HarnessError(
                        f"the Ray cluster has had no worker for {JOIN_S:g} s: its nodes are gone or full; finished "
                        "trials are kept, and the same command goes on from there"
                    ) from None
                continue
            with self._lock:
                self._busy += 1
            return actor
        raise ExecutorStopped

    def _done(self, actor: Any, inner: Future[Any], outer: Future[Any]) -> None:
        with self._lock:
            self._busy -= 1
        error = inner.exception()
        if not outer.set_running_or_notify_cancel():
            return  # its actor was ended
        if self._is_death(error):
            self._replace(actor)
        else:
            self._free.put(actor)
        if error is None:
            outer.set_result(inner.result())
        else:
            outer.set_exception(error)

    def _cancelled(self, actor: Any) -> None:
        if not self._ended:
            self._replace(actor)

    def _replace(self, actor: Any, *, starts: int = _STARTS) -> None:
        """Start another actor; it is free once it has answered, which it may never where a node is lost."""
        # Not in Ray's own thread, which calls back: `kill` waits for what that thread brings.
        threading.Thread(target=self._start_other, args=(actor, starts), daemon=True).start()

    def _start_other(self, actor: Any, starts: int) -> None:
        with self._lock:
            self._actors.discard(actor)
            if self._ended:
                return

        def greeted(done: Future[Any]) -> None:
            if self._is_death(done.exception()):
                self._replace(new, starts=starts - 1)
            else:
                self._free.put(new)

        try:
            self._ray.kill(actor)  # should it still be there, as where only its answer was lost
            if starts:
                new = self._new()
                new.call.remote(*self._greeting).future().add_done_callback(greeted)
        except Exception:
            if not self._ended:  # the cluster was left meanwhile
                raise

    def _is_death(self, error: BaseException | None) -> bool:
        # Our own code raises HarnessError at most, in a RayTaskError; all else is Ray's word for a lost process.
        return error is not None and not isinstance(error, self._ray.exceptions.RayTaskError)
