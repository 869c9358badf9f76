"""What was drawn before: a chart whose specification is the one drawn last time is read, not drawn again.

What a folder's pictures were drawn from is noted in the user's cache, not beside them: a results folder may come from a
stranger, and what is read from it goes into a page. So a picture counts only with the checksum that was noted here. By
the same notes files that are of no table any more are known, and go: one that somebody changed or put there stays.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from harness.charts.save import VEGA_LITE, spec_svg
from harness.datasets.cache import cache_root
from harness.files import replace_text
from harness.tables.file_names import safe_file_name

_FOLDER = "charts"

DRAWN_BY = f"{VEGA_LITE}-{importlib.metadata.version('vl-convert-python')}"
"""What decides how a specification looks, beside itself."""


class Drawn:
    """The pictures of one folder.

    Args:
        folder: Where `save_svg` puts them.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._notes = cache_root() / _FOLDER / f"{_digest(str(folder.resolve()))}.json"
        self._noted = _read_notes(self._notes)
        self._before, self._files = self._noted.get("drawn", {}), self._noted.get("files", {})
        self._now: dict[str, str] = {}
        self._texts: dict[str, str] = {}

    def svg(self, spec: Mapping[str, Any], name: str) -> str:
        """Return a specification as SVG text: drawn before under this name, or for another chart, or now."""
        shows = _digest(f"{DRAWN_BY} {json.dumps(spec, sort_keys=True)}")
        if shows not in self._texts:
            self._texts[shows] = self._kept(shows, name) or spec_svg(spec)
        self._now[shows] = _digest(self._texts[shows])
        return self._texts[shows]

    def keep(self, written: Iterable[Path], *, whole: bool) -> None:
        """Note what was drawn, for the next time; without a cache everything is drawn then.

        Args:
            written: The files that show it.
            whole: Whether they are all that the folder is to show: what was written before under another name is then
                removed, unless it was changed since.
        """
        files = {path.name: _file_digest(path) for path in written}
        gone = {name: digest for name, digest in self._files.items() if name not in files}
        for name, digest in gone.items() if whole else ():
            path = self._folder / Path(name).name
            with contextlib.suppress(OSError):
                if path.is_file() and not path.is_symlink() and _file_digest(path) == digest:
                    path.unlink()
        notes = {"drawn": self._now, "files": files if whole else gone | files}
        if notes == self._noted:
            return
        with contextlib.suppress(OSError):
            self._notes.parent.mkdir(parents=True, exist_ok=True)
            replace_text(self._notes, json.dumps(notes))

    def _kept(self, shows: str, name: str) -> str | None:
        if shows not in self._before:
            return None
        picture = self._folder / f"{safe_file_name(name)}.svg"
        try:
            text = picture.read_bytes().decode() if picture.is_file() else ""  # a pipe never ends
        except (OSError, UnicodeDecodeError):
            return None
        return text if _digest(text) == self._before[shows] else None


def kept_text(name: str, make: Callable[[], str]) -> str:
    """Return a long text that is dear to make and always the same, from the user's cache where it is there."""
    path = cache_root() / _FOLDER / name
    with contextlib.suppress(OSError, UnicodeDecodeError):
        digest, _, text = path.read_bytes().decode().partition("\n")
        if digest == _digest(text):
            return text
    text = make()
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_text(path, f"{_digest(text)}\n{text}")
    return text


def _read_notes(path: Path) -> dict[str, dict[str, str]]:
    try:
        notes = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    parts = notes.items() if isinstance(notes, dict) else ()
    return {name: part for name, part in parts if isinstance(part, dict)}


def _file_digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
