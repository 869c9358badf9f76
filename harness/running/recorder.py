"""Records on their way into the store, while the next trials run."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from queue import Empty, Full, Queue
from types import TracebackType

from harness.results.records import Record
from harness.results.store import Store
from harness.running.background import BackgroundThread

MOST_WAITING = 16
"""Records that may wait for the store: a process killed meanwhile runs their trials again."""

# How long an interrupted sweep waits for what has finished to be stored.
_PATIENCE_S = 5.0


class Recorder:
    """Stores records in a thread of its own, and tells each once it is stored.

    A transaction calls fsync four times, milliseconds each on some disks: records that come in meanwhile share the next
    one, and nobody waits unless many do. As a context it ends when all that came in is stored and told, after an
    interrupt too, though it waits for that no longer than some seconds.

    Args:
        store: Where they go.
        tell: Called with each record after the transaction that holds it, in the order of `add`.
        fail: Called with the first error of either, once, so that no more come in; what has finished by then is stored
            and told all the same. What `fail` itself raises is dropped.
        most: Records that may wait; 1 where each is large, or is nothing without what `tell` does with it.

    Attributes:
        lost: Records that could not be stored.
    """

    def __init__(
        self,
        store: Store,
        tell: Callable[[Record], None],
        fail: Callable[[BaseException], None],
        *,
        most: int = MOST_WAITING,
    ) -> None:
        self._store = store
        self._tell = tell
        self._fail = fail
        self._most = most
        self._waiting: Queue[Record | None] = Queue(most)
        self._ended = False
        self.lost: list[Record] = []
        self._thread = BackgroundThread(self._work, name="recorder")

    def __enter__(self) -> Recorder:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._end(None if error is None else _PATIENCE_S)
        except BaseException:  # Ctrl-C, while it waited; a second one waits for nothing more
            self._end(_PATIENCE_S if error is None else 0.0)
            raise

    def add(self, record: Record) -> None:
        """Take a record, from any thread; waits while too many do."""
        self._waiting.put(record)

    def _end(self, patience_s: float | None) -> None:
        """Say that no more come in, and wait until all are stored and told."""
        with contextlib.suppress(Full):
            self._waiting.put(None, timeout=patience_s)
        self._thread.wait(patience_s)

    def _work(self) -> None:
        failed = False
        while not self._ended:
            errors = self._keep(self._next())
            if errors and not failed:
                failed = True
                with contextlib.suppress(Exception):  # what cannot be stopped: the error that counts is told
                    self._fail(errors[0])

    def _keep(self, records: list[Record]) -> list[BaseException]:
        """Store and tell records, each whatever becomes of the others; return what went wrong."""
        if not records:
            return []
        try:
            self._store.add_records(records)
        except BaseException as error:
            if len(records) == 1:
                self.lost += records
                return [error]
            return [error for record in records for error in self._keep([record])]
        errors: list[BaseException] = []
        for record in records:
            try:
                self._tell(record)
            except BaseException as error:
                errors.append(error)
        return errors

    def _next(self) -> list[Record]:
        """Return what waits, when something does, and note whether it is all."""
        batch = [self._waiting.get()]
        while len(batch) < self._most:
            try:
                batch.append(self._waiting.get_nowait())
            except Empty:
                break
        records = [record for record in batch if record is not None]
        self._ended = len(records) < len(batch)
        return records
