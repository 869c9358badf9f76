"""Searches: keras-tuner's oracles choose variants, the store remembers, the winner is compared on fresh seeds.

Importing this starts no Keras; `harness.search.job` runs a search.
"""

from harness.search.declaration import (
    ORACLES,
    OracleName,
    Search,
    check_searches,
    load_searches,
    searches_of,
)
from harness.search.dimensions import Boolean, Choice, Float, Int

__all__ = [
    "ORACLES",
    "Boolean",
    "Choice",
    "Float",
    "Int",
    "OracleName",
    "Search",
    "check_searches",
    "load_searches",
    "searches_of",
]
