"""What ends a run early: Ctrl-C, SIGTERM, and a terminal that was closed. All three do the same."""

from __future__ import annotations

import resource
import signal
import threading
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
    # `python -m` ends itself by SIGINT, whatever its exit code, where the last text to be executed, as those that make
    # a dataclass, was left by KeyboardInterrupt, caught or not. This one is left otherwise.
    exec("")


def no_more_threads() -> str:
    """Say what is wrong where no further thread, and so no process, may be started; empty where one may.

    Libraries tell of it as of other things: OpenBLAS, which comes with NumPy, sends its own process Ctrl-C.
    """
    thread = threading.Thread(target=int, daemon=True)
    try:
        thread.start()
    except RuntimeError:
        limit = resource.getrlimit(resource.RLIMIT_NPROC)[0]
        why = "" if limit == resource.RLIM_INFINITY else f": {limit:,} are allowed, all of this user's counted"
        return (
            f"no further thread or process can be started{why}: raise the limit (`ulimit -u`, or the one of the "
            "container or job), or end others"
        )
    thread.join()
    return ""


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
