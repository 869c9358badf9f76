"""How people say numbers of things and lengths of time, and what of a text a terminal may see."""

from __future__ import annotations

import html
import re
import shlex
from collections.abc import Iterable, Sequence
from pathlib import Path

HALVES = re.compile("[\ud800-\udfff]")
"""Half a character, as Python makes of a byte that is no UTF-8: no file or page can hold it."""

GOES_ON = "finished trials are kept; the same command goes on from there"
"""What is said of a run that was interrupted."""


def harmless(text: str) -> str:
    """Return text in which a terminal obeys nothing but line ends: control and format characters are replaced.

    >>> harmless("a\\x1b[31m\\x9b\\u202eb\\n")
    'a�[31m��b\\n'
    """
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() or letter == "\n" else "\N{REPLACEMENT CHARACTER}" for letter in text)


def counted(count: int, noun: str) -> str:
    """Return a number with its noun.

    >>> counted(1, "trial"), counted(1200, "trial")
    ('1 trial', '1,200 trials')
    """
    return f"{count:,} {noun}{'s' * (count != 1)}"


def duration(seconds: float) -> str:
    """Return a length of time.

    >>> duration(8.4), duration(95), duration(4000)
    ('8 s', '1 min 35 s', '1 h 06 min')
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def at_results(folder: Path) -> str:
    """Return what a command is given to read a results folder, with a space before it; nothing for the usual one.

    >>> at_results(Path("old runs")), at_results(Path("results"))
    (" --results 'old runs'", '')
    """
    return "" if folder == Path("results") else f" --results {shlex.quote(str(folder))}"


def html_table(title: str, head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table for a notebook, with whatever its texts hold escaped.

    >>> html_table("<a>", ["n"], [[1]])
    '<table><caption>&lt;a&gt;</caption><tr><th>n</th></tr><tr><td>1</td></tr></table>'
    """

    def line(cells: Sequence[object], tag: str) -> str:
        return "<tr>" + "".join(f"<{tag}>{html.escape(str(cell))}</{tag}>" for cell in cells) + "</tr>"

    body = "".join(line(row, "td") for row in rows)
    return f"<table><caption>{html.escape(title)}</caption>{line(head, 'th')}{body}</table>"
