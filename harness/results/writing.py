"""Contents on their way into the store: JSON of texts that can be read again."""

from __future__ import annotations

import json
from typing import Any

from harness.wording import HALVES


def to_json(content: Any, **options: Any) -> str:
    r"""Return content as JSON; half a character, as Python makes of a byte that is no UTF-8, becomes a mark.

    An error may name such a file, and a command line hold it; a store refuses it, as no file or page can show it.

    >>> to_json(["caf\udce9", "\N{SNOWMAN}"])
    '["caf\\ufffd", "\\u2603"]'
    """
    text = json.dumps(content, **options)
    if "\\ud" not in text:
        return text
    plain = HALVES.sub("\N{REPLACEMENT CHARACTER}", json.dumps(content, **options, ensure_ascii=False))
    return json.dumps(json.loads(plain), **options)
