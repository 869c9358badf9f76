"""How wide: fewer filters, more filters, a third block."""

from harness import BASELINE, Suite

SUITE = Suite(
    "filters",
    [
        # Half the width: what does the baseline's size buy?
        BASELINE.replace(filters=(16, 32)),
        # Twice the width: more to learn with, four times the work.
        BASELINE.replace(filters=(64, 128)),
        # A third block: larger patterns, and a smaller flattened picture.
        BASELINE.replace(filters=(32, 64, 64)),
    ],
)
