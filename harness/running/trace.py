"""The line of a user's own code at which a trial killed its worker or hung, written there and read by who gave it."""

from __future__ import annotations

import contextlib
import faulthandler
import json
from collections.abc import Iterator
from pathlib import Path

from harness.errors import InputError
from harness.results.trials import Trial
from harness.variants.sources import builder_files
from harness.variants.user_code import line_of, places_in


def trace_path(log: Path, trial: Trial) -> Path:
    """Return the file of the lines at which a trial killed its worker or hung; there is none of one that ended."""
    return log.with_name(f"{log.stem}-{trial.key[:16]}.trace")


@contextlib.contextmanager
def traced(log: Path, trial: Trial, limit_s: float) -> Iterator[None]:
    """Write where this process is should it be killed, or after `limit_s` seconds, below the files of the model.

    The files are found here: whoever reads the trace may look for modules elsewhere, as another engine's process does.
    """
    path = trace_path(log, trial)
    with contextlib.ExitStack() as ending:
        with contextlib.suppress(OSError):  # it costs the line in a message, not the trial
            path.unlink(missing_ok=True)  # a link or a pipe, say, that a folder from elsewhere holds
            # Without a buffer: what did not fit on the disk would fail once more as it is closed.
            file = ending.enter_context(path.open("xb", buffering=0))
            ending.callback(_remove, path)
            file.write(json.dumps(_own_files(trial)).encode() + b"\n")
            faulthandler.enable(file)
            ending.callback(faulthandler.disable)
            faulthandler.dump_traceback_later(limit_s, file=file)
            ending.callback(faulthandler.cancel_dump_traceback_later)
        yield


def take_line(log: Path, trial: Trial) -> str:
    """Return the line of a user's own model at which its worker died or hung, and remove its trace; else nothing."""
    path = trace_path(log, trial)
    try:
        if not path.is_file():  # a pipe would be waited for
            return ""
        text = path.read_text(errors="replace")
        path.unlink()
    except OSError:
        return ""
    files, _, trace = text.partition("\n")
    try:
        own = [Path(file) for file in json.loads(files)]
    except (ValueError, TypeError):  # it died before, or its code wrote there
        return ""
    return line_of(places_in(trace)[::-1], own)


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink()


def _own_files(trial: Trial) -> list[str]:
    try:
        return [str(file) for file in builder_files(trial.variant.model).values()] if trial.variant.model else []
    except InputError:  # the trial tells it
        return []
