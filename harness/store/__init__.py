"""The store: one SQLite file that remembers every finished trial and timing run."""

from harness.store.opening import open_store, read_store
from harness.store.schema import STORE_NAME
from harness.store.store import Selection, Store, TestSet

__all__ = ["STORE_NAME", "Selection", "Store", "TestSet", "open_store", "read_store"]
