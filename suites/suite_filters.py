"""How wide and how deep: fewer filters, more filters, a third block."""

from harness import BASELINE, Suite

SUITE = Suite(
    "filters",
    [
        BASELINE.replace(filters=(16, 32)),
        BASELINE.replace(filters=(64, 128)),
        BASELINE.replace(filters=(32, 64, 64)),
    ],
)
