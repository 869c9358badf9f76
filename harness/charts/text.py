"""Text from outside, made fit for a chart: no control characters, no endless labels."""

from __future__ import annotations

import unicodedata

LABEL_LENGTH = 28

# Control, format (bidirectional overrides among them), surrogate, private and unassigned characters, line and
# paragraph separators: none can be drawn, some are not allowed in XML, some turn the text around them.
_UNDRAWABLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
# What every object of JavaScript has: Vega looks its categories up by name, and stumbles on these.
_OBJECT_PROPERTIES = frozenset(
    """
    constructor hasOwnProperty isPrototypeOf propertyIsEnumerable toLocaleString toString valueOf __proto__
    __defineGetter__ __defineSetter__ __lookupGetter__ __lookupSetter__
    """.split()  # noqa: SIM905  # a name a line would fill a page
)
_NO_BREAK_SPACE = "\N{NO-BREAK SPACE}"
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


def clean(text: str) -> str:
    """Return text with every character that cannot be drawn replaced, white space but blanks included.

    >>> clean("a\\x00b\\u202e")
    'a�b�'
    """
    return "".join(_REPLACEMENT if unicodedata.category(letter) in _UNDRAWABLE else letter for letter in text)


def label(text: str, length: int = LABEL_LENGTH) -> str:
    """Return clean text cut in its middle to at most `length` letters, since names often differ at their ends.

    >>> label("filters:64-128-256+dropout:0.5+l2:0.001", 20)
    'filters:64…+l2:0.001'
    """
    whole = clean(text)
    if whole in _OBJECT_PROPERTIES:
        whole += _NO_BREAK_SPACE
    if len(whole) <= length:
        return whole
    tail = (length - 1) // 2
    return f"{whole[: length - 1 - tail]}…{whole[len(whole) - tail :]}"


def unique_labels(texts: tuple[str, ...], length: int = LABEL_LENGTH) -> tuple[str, ...]:
    """Return labels of which no two are equal: a number tells apart what cutting made alike.

    >>> unique_labels(("cat", "cat\\x00", "cat\\x01"))
    ('cat', 'cat�', 'cat� (2)')
    """
    seen: set[str] = set()
    found = []
    for text in texts:
        short = label(text, length)
        unique, number = short, 1
        while unique in seen:
            number += 1
            unique = f"{short} ({number})"
        seen.add(unique)
        found.append(unique)
    return tuple(found)
