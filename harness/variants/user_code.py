"""A user's own code at work: it may end its own trial, never the process; and its errors, told in one line."""

from __future__ import annotations

import contextlib
import os
import re
import threading
import traceback
import weakref
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any, NoReturn

_LONGEST = 300
_PLACE = re.compile(r'File "([^"]+)", line (\d+)')
# What TensorFlow puts around an error's own text.
_AUTOGRAPH = re.compile(r"in user code:.*\n\s*(?P<kind>[A-Za-z_][\w.]*): (?P<text>.*)", re.DOTALL)
_GRAPH = re.compile(r"Graph execution error:.*\n(?P<text>[^\n]*[^\s\n][^\n]*)\n\s*\[\[\{\{node.*", re.DOTALL)

# What XLA refuses to compile, in TensorFlow's words; what follows is the way there.
_BY_XLA = "tf2xla conversion failed"
_XLA_LACKS = re.compile(r"Detected unsupported operations when trying to compile graph .* on XLA_\w+: (\S+) \(")
_XLA_REMEDY = (
    "set `self.supports_jit = False` in the layer that asks for it, or compile the model with `jit_compile=False`"
)


@contextlib.contextmanager
def contained(*, forks: bool = False, threads: bool = False) -> Iterator[None]:
    """Turn what would end or double this process (`os._exit`, `os.execv`, `os.fork` ...) into an error at its line.

    Threads that this one starts meanwhile, and theirs, end with the process: none keeps it alive once its work is done.
    `forks` lets it double: the copies end as they like, and only this process is kept. `threads` leaves threads as they
    are started: one of a conftest or plugin may have to write its last lines as the process ends.
    """
    process, start = os.getpid(), threading.Thread.start
    ours = weakref.WeakSet([threading.current_thread()])

    def ends(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def refuse(*arguments: Any) -> Any:
            if os.getpid() != process:
                return real(*arguments)
            raise SystemExit(f"os.{name}({', '.join(map(repr, arguments))}) would end the whole run")

        return refuse

    def start_daemon(thread: threading.Thread) -> None:
        if thread.ident is None and threading.current_thread() in ours:  # started already: Python's own error
            thread.daemon = True
            ours.add(thread)
        start(thread)

    def doubles(*arguments: object) -> NoReturn:
        raise RuntimeError("a builder must not fork: TensorFlow's threads do not survive it")

    saved = {name: getattr(os, name) for name in ("_exit", "abort", "execv", "execve")}
    replaced: dict[str, Any] = {name: ends(name, real) for name, real in saved.items()}
    if not forks:
        saved |= {"fork": os.fork, "forkpty": os.forkpty}
        replaced |= {"fork": doubles, "forkpty": doubles}
    try:
        for name, function in replaced.items():
            setattr(os, name, function)
        if not threads:
            setattr(threading.Thread, "start", start_daemon)  # noqa: B010  # mypy takes no method's place
        yield
    finally:
        if not threads:
            setattr(threading.Thread, "start", start)  # noqa: B010
        for name, function in saved.items():
            setattr(os, name, function)


def describe(error: BaseException, files: Collection[Path] = ()) -> str:
    """Return an error in one line: its type, its own text, and the last line of these files that led to it.

    Where none of them did, the first file is named.
    """
    if isinstance(error, SyntaxError) and error.lineno:
        return f"SyntaxError: {error.msg}: {error.filename}, line {error.lineno}: {(error.text or '').strip()}"
    kind, text = type(error).__name__, str(error).strip()
    places = [(frame.filename, frame.lineno or 0) for frame in traceback.extract_tb(error.__traceback__)]
    places += places_in(text)
    refused = _refused_by_xla(text)
    while not refused:
        found = next((match for pattern in (_AUTOGRAPH, _GRAPH) if (match := pattern.fullmatch(text))), None)
        if found is None:
            break
        kind, text = found.groupdict().get("kind", kind), found["text"].strip()
    kind, text = kind.rpartition(".")[2], " ".join(text.split()) or "without a text"
    if isinstance(error, SystemExit) and not text.startswith("os."):
        text = f"the code ended the program with {error.code!r}"
    shown = refused or (text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "...")
    where = line_of(places, files) or (f": {next(iter(files))}" if files else "")
    return f"{kind}: {shown}{where}"


def _refused_by_xla(text: str) -> str:
    """Return what XLA cannot compile and what to do, where an error's text is of that; else nothing."""
    if _BY_XLA not in text:
        return ""
    by = "XLA, with which Keras compiles models on a GPU,"
    if lacks := _XLA_LACKS.search(text):
        return f"{by} has no {lacks[1]}: {_XLA_REMEDY}"
    first = text.partition("\n")[0].strip().rstrip(".")[:_LONGEST]
    return f"{by} cannot compile this ({first}): {_XLA_REMEDY}"


def places_in(text: str) -> list[tuple[str, int]]:
    """Return the (file, line) that a text names, as tracebacks do."""
    return [(name, int(line)) for name, line in _PLACE.findall(text)]


def line_of(places: list[tuple[str, int]], files: Collection[Path]) -> str:
    """Return the last of some (file, line) that lies in these files, with its text, behind a colon; else nothing."""
    own = {path.resolve() for path in files}
    for name, number in reversed(places):
        # TensorFlow leaves out the first slash where it says at which line an operation was made.
        path = next((path for path in (Path(name), Path("/", name)) if path.resolve() in own), None)
        if path is not None:
            lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
            line = lines[number - 1].strip() if 0 < number <= len(lines) else ""
            return f": {path}, line {number}: {line}"
    return ""
