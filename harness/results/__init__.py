"""Results: what finished trials and timing runs leave behind, the one file that keeps it, and all of it read back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.results.snapshot import Results, load_results

__all__ = ["Results", "load_results"]


def __getattr__(name: str) -> Any:
    # Late: what only names a trial (a plan, the command line's help) opens no store and starts no NumPy.
    if name not in __all__:
        raise AttributeError(f"module 'harness.results' has no attribute {name!r}")
    from harness.results import snapshot

    return getattr(snapshot, name)
