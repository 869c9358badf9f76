"""Text from elsewhere, made harmless for the place it is printed in; digits and signs stay as they are."""

from __future__ import annotations

import re

from harness.wording import harmless

# An underscore inside a word is no markup.
_MARKDOWN = re.compile(r"([\\`*\[\]<>#|~$&]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9]))")
_LATEX = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
} | {character: f"\\{character}" for character in "&%$#_"}

# The wide forms too: where they are typed, spreadsheets take them for the narrow ones.
_FORMULA = frozenset("=+-@\t\r\n＝＋－＠")


def one_line(text: str) -> str:
    """Return text on one line without control characters, which a terminal would obey.

    >>> one_line("a\\x1b[31m\\nb")
    'a�[31m b'
    """
    flat = " ".join(text.split())
    return "".join(character if character.isprintable() else "�" for character in flat)


def markdown(text: str) -> str:
    """Return text that Markdown shows as it is, also inside a table.

    >>> markdown("a|b <script>")
    'a\\\\|b \\\\<script\\\\>'
    """
    return _MARKDOWN.sub(r"\\\1", one_line(text))


def latex(text: str) -> str:
    """Return text that LaTeX prints as it is.

    >>> latex("step_time 5 %")
    'step\\\\_time 5 \\\\%'
    """
    return "".join(_LATEX.get(character, character) for character in one_line(text))


def spreadsheet(text: str) -> str:
    """Return text that a spreadsheet does not take for a formula: one that could begin one gets a quote before it.

    Control characters are replaced, since CSV is shown on terminals too; line ends stay.

    >>> spreadsheet("=1+1"), spreadsheet("baseline")
    ("'=1+1", 'baseline')
    """
    # Python's csv does not quote a lone carriage return, which every reader takes for the end of a row.
    begins = text[:1]
    text = harmless(text.replace("\r\n", "\n").replace("\r", "\n").replace("\t", " "))
    return f"'{text}" if begins in _FORMULA else text
