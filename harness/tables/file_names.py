"""Names of files made of any text, on any disk: also on one that knows no capitals, and for Windows."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable

# What Windows takes for a device, whatever stands after a point.
_DEVICE = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.IGNORECASE)
_TABLE_OF_ALL = "comparison"


def safe_file_name(name: str, *, capitals: bool = True) -> str:
    """Return a file name for any text: what is not plain becomes _, with a hash so that two never meet.

    Two that differ in capitals alone meet on some disks: `FileNames` keeps them apart, or, where nobody knows all names
    of a folder, `capitals=False`, which takes them for letters that are not plain.

    >>> safe_file_name("dropout"), safe_file_name("../x")[:5], safe_file_name("nul.x")[:7]
    ('dropout', '.._x-', '_nul.x-')
    >>> safe_file_name("Net"), safe_file_name("Net", capitals=False)[:4]
    ('Net', 'Net-')
    """
    plain = re.sub(r"[^A-Za-z0-9_.-]", "_", name)[:80]
    device = _DEVICE.match(plain)
    taken = device or plain.casefold() == _TABLE_OF_ALL or not (capitals or plain == plain.casefold())
    if plain and plain == name == name.strip(".") and not taken:
        return plain
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{'_' if device else ''}{plain or '_'}-{digest}"


class FileNames:
    """Names for the files of one folder, none of which takes another's place.

    Args:
        file: Makes a file's name of one.
    """

    def __init__(self, file: Callable[[str], str] = safe_file_name) -> None:
        self._file = file
        self._taken: set[str] = set()

    def add(self, name: str) -> str:
        """Return the name; with a number where a file is there already that is called so, but for capitals.

        >>> names = FileNames()
        >>> [names.add(name) for name in ("wide", "Wide", "narrow")]
        ['wide', 'Wide (2)', 'narrow']
        """
        number, found = 1, name
        while (file := self._file(found).casefold()) in self._taken:
            number += 1
            found = f"{name} ({number})"
        self._taken.add(file)
        return found


def file_names(names: Iterable[str], file: Callable[[str], str] = safe_file_name) -> list[str]:
    """Return the files' names of some names, by `FileNames`."""
    taken = FileNames(file)
    return [file(taken.add(name)) for name in names]
