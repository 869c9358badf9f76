"""What can go wrong, and the exit code that each kind of failure ends with."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class HarnessError(Exception):
    """A failure that a person can act on; its text is shown without a traceback."""

    exit_code = 1


class InputError(HarnessError, ValueError):
    """Bad usage or bad input, refused before any work: the value, what is allowed, what to do."""

    exit_code = 4


class NothingSelectedError(InputError):
    """Nothing of what there is was chosen, as when only slow suites are there."""

    exit_code = 5


def nearest(word: str, allowed: Iterable[str]) -> str:
    """Return the end of a message that names the closest allowed word, if one is close.

    >>> nearest("fliters", ["filters", "dropout"])
    '; did you mean "filters"?'
    >>> nearest("xyz", ["filters", "dropout"])
    ''
    """
    matches = difflib.get_close_matches(word, list(allowed), n=1)
    return f'; did you mean "{matches[0]}"?' if matches else ""
