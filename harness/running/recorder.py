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
        fail: Called with what either of them raised, once; nothing is stored or told after it, and what `fail`
            itself raises is dropped.
        most: Records that may wait; 1 where each is large, or is nothing without what `tell` does with it.
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
        self._thread = BackgroundThread(self._work, name="recorder")

    def __enter__(self) -> Recorder:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._end(None if error is None else _PATIENCE_S)
        except BaseException:  # Ctrl-C, while it waited
            if error is None:
                self._end(_PATIENCE_S)
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
        try:
            while not self._ended:
                if records := self._next():
                    self._keep(records)
        except BaseException as error:
            with contextlib.suppress(Exception):  # what cannot be stopped: the error that counts is told
                self._fail(error)
            while not self._ended:  # whoever adds must not wait for ever
                self._next()

    def _keep(self, records: list[Record]) -> None:
        try:
            self._store.add_records(records)
        except Exception:
            if len(records) == 1:
                raise
            for record in records:  # one that cannot be stored takes none along that came before it
                self._keep([record])
        else:
            for record in records:
                self._tell(record)

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
