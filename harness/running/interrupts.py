"""What ends a run early: Ctrl-C, SIGTERM, and a terminal that was closed. All three do the same."""

from __future__ import annotations

import signal
from types import FrameType


def interrupt_on_signals() -> None:
    """Let SIGTERM and SIGHUP raise KeyboardInterrupt in the main thread, as Ctrl-C does; `nohup` stays in force."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _interrupt)


def ignore_interrupts() -> None:
    """Ignore Ctrl-C from here on: one that comes while Python takes itself down kills it, with another exit code.

    SIGTERM still ends a process that does not get that far.
    """
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
