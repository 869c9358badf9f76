"""Outcomes laid out: for a terminal, in Markdown, or as comments of LaTeX."""

from __future__ import annotations

import shlex
import textwrap
from collections.abc import Sequence

from harness.comparison.outcome import SuiteOutcome
from harness.tables import escape
from harness.tables.grid import TextStyle, text_width
from harness.tables.outcome_words import OutcomeLine, OutcomeWords, outcome_words
from harness.tables.screen import Paint, Screen

TITLE = "outcome: which variant, at what price, how sure"
_LABEL_WIDTH = 8
_NARROW = 40  # columns below which what hangs is moved in by two
_PAINTS: dict[str, Paint] = {"take": "good", "trade": "best", "open": "unsure", "beaten": "faint"}


def outcome_section(
    outcomes: Sequence[SuiteOutcome], *, style: TextStyle = "plain", screen: Screen | None = None
) -> str:
    """Return outcomes as one text, with how to read it; empty where there are none.

    Args:
        outcomes: From `outcomes_of`.
        style: github, plain or latex (comments).
        screen: What plain text has to fit; default 100 columns without colour.
    """
    if not outcomes:
        return ""
    words = outcome_words(outcomes)
    if style == "github":
        return _markdown(words)
    lines = _plain(words, screen or Screen())
    return "\n".join(f"% {line}".rstrip() if style == "latex" else line for line in lines)


def _plain(words: OutcomeWords, screen: Screen) -> list[str]:
    lines, conditions = _folded(TITLE, screen, indent=2), ""
    for one in words.suites:
        # Said once, where suites in a row share them.
        told = "" if one.conditions == conditions else f" ({one.conditions})"
        conditions = one.conditions
        lines += ["", *_folded(f"{one.suite}{told}: {one.headline}", screen, indent=2)]
        lines += [part for line in one.lines for part in _labelled(line, screen)]
    lines += [""] * bool(words.settling)
    for line in words.settling:
        lines += [*_labelled(OutcomeLine(line.label, line.names, ""), screen), *_continued(line.text, screen)]
    how = [part for text in words.how for part in _folded(f"- {text}", screen, indent=2)]
    return [*lines, "", *how] if how else lines


def _labelled(line: OutcomeLine, screen: Screen) -> list[str]:
    text = ": ".join(part for part in (line.names, line.text) if part)
    first, *rest = _folded(
        f"{line.label:<{_LABEL_WIDTH}}{escape.one_line(text)}", screen, indent=_hanging(screen), first=2
    )
    return [first.replace(line.label, screen.paint(line.label, _PAINTS.get(line.label)), 1), *rest]


def _folded(text: str, screen: Screen, *, indent: int, first: int = 0) -> list[str]:
    """Break a text into lines that fit the screen: the first moved in by `first` columns, the others by `indent`."""
    text = "".join(c if c.isprintable() else "�" for c in text)
    width = min(screen.width, 120)
    wide = text_width(text) - len(text)
    return textwrap.wrap(
        text,
        max(width // 2, width - wide),
        initial_indent=" " * first,
        subsequent_indent=" " * indent,
        break_on_hyphens=False,
    )


def _continued(command: str, screen: Screen) -> list[str]:
    """Return a command line within the screen, broken before an option, as a shell reads on."""
    indent, lines = " " * _hanging(screen), [""]
    room = screen.width - len(indent) - len(" \\")
    options = _options_of(command)
    for part in (piece for one in options for piece in ([one] if len(one) <= room else one.split(" ", 1))):
        if lines[-1] and len(lines[-1]) + 1 + len(part) > room:
            lines.append("")
        lines[-1] += f"{' ' * bool(lines[-1])}{part}"
    return [f"{indent}{line}{' ' + chr(92) if number < len(lines) - 1 else ''}" for number, line in enumerate(lines)]


def _hanging(screen: Screen) -> int:
    return _LABEL_WIDTH + 2 if screen.width >= _NARROW else 4


def _options_of(command: str) -> list[str]:
    """Return a command line's words as they are quoted in it, an option with its value."""
    parts: list[str] = []
    for word in map(shlex.quote, shlex.split(command)):
        if parts and parts[-1].startswith("-") and " " not in parts[-1] and not word.startswith("-"):
            parts[-1] += f" {word}"
        else:
            parts.append(word)
    return parts


def _markdown(words: OutcomeWords) -> str:
    lines = [f"### {escape.markdown(TITLE.capitalize())}"]
    for one in words.suites:
        suite, conditions, headline = map(escape.markdown, (one.suite, one.conditions, one.headline))
        lines += ["", f"**{suite}** ({conditions}): {headline}", *[""] * bool(one.lines)]
        for line in one.lines:
            names = f"**{escape.markdown(line.names)}**" if line.names else ""
            lines.append(f"- {line.label}: {': '.join(part for part in (names, escape.markdown(line.text)) if part)}")
    lines += [""] * bool(words.settling)
    lines += [f"- {line.label} {escape.markdown(line.names)}: {_code(line.text)}" for line in words.settling]
    # Of one list the bullets would be read as more variants.
    how = "; ".join(escape.markdown(text) for text in words.how)
    return "\n".join([*lines, *(["", f"<sub>{how}</sub>"] if how else [])])


def _code(text: str) -> str:
    """Return text as a span of code, whatever backticks are in it."""
    text = escape.one_line(text)
    fence = "`"
    while fence in text:
        fence += "`"
    return f"{fence} {text} {fence}" if "`" in text else f"{fence}{text}{fence}"
