"""Threads that are waited for again after Ctrl-C came while they were."""

from __future__ import annotations

import threading
from collections.abc import Callable


class BackgroundThread(threading.Thread):
    """A daemon thread that calls a function, and whose end can be waited for more than once.

    `Thread.join` of Python 3.11 takes a thread for ended once Ctrl-C has come while it waited: the next one returns at
    once, though the thread goes on.
    """

    def __init__(self, function: Callable[[], None], *, name: str | None = None) -> None:
        super().__init__(target=function, name=name, daemon=True)
        self._over = threading.Event()

    def run(self) -> None:
        """Call the function; by the thread itself."""
        try:
            super().run()
        finally:
            self._over.set()

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait so long, or for ever, until it has ended or was never started; return whether that is so."""
        return self.ident is None or self._over.wait(timeout_s)
