"""Downloads that end when nothing comes."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator

# Without it, a network that swallows packets would hold a download for as long as the system likes.
_SILENCE_LIMIT_S = 30


@contextlib.contextmanager
def silence_limit() -> Iterator[None]:
    """End every download inside with an OSError once nothing has come for half a minute."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(_SILENCE_LIMIT_S)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
