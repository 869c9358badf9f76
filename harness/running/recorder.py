"""Records on their way into the store, while the next trials run."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from queue import Empty, Full, Queue
from types import TracebackType

from harness.results.records import Record
from harness.results.store import Store

MOST_WAITING = 16
"""Records that may wait for the store: a process killed meanwhile runs their trials again."""

# How long an interrupted sweep waits for what has finished to be stored.
_PATIENCE_S = 5.0


class Recorder:
    """Stores records in a thread of its own, and tells each once it is stored.

    A transaction waits several times for the disk, 0.6 to 20 ms in all: records that come in meanwhile share the next
    one, and nobody waits unless many do. As a context it ends when all that came in is stored and told.

    Args:
        store: Where they go.
        tell: Called with each record after the transaction that holds it, in the order of `add`.
        fail: Called with what either of them raised, once; nothing is stored or told after it.
    """

    def __init__(self, store: Store, tell: Callable[[Record], None], fail: Callable[[BaseException], None]) -> None:
        self._store = store
        self._tell = tell
        self._fail = fail
        self._waiting: Queue[Record | None] = Queue(MOST_WAITING)
        self._thread = threading.Thread(target=self._work, name="recorder", daemon=True)

    def __enter__(self) -> Recorder:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        patience_s = None if error is None else _PATIENCE_S
        with contextlib.suppress(Full):
            self._waiting.put(None, timeout=patience_s)
        self._thread.join(patience_s)

    def add(self, record: Record) -> None:
        """Take a record, from any thread; waits while too many do."""
        self._waiting.put(record)

    def _work(self) -> None:
        failed = ended = False
        while not ended:
            batch = self._next()
            records = [record for record in batch if record is not None]
            ended = len(records) < len(batch)
            if failed or not records:
                continue  # after a failure they are taken all the same: who adds must not wait for ever
            try:
                self._store.add_records(records)
                for record in records:
                    self._tell(record)
            except BaseException as error:
                failed = True
                self._fail(error)

    def _next(self) -> list[Record | None]:
        """Return what waits, at least one."""
        batch = [self._waiting.get()]
        while len(batch) < MOST_WAITING:
            try:
                batch.append(self._waiting.get_nowait())
            except Empty:
                break
        return batch
