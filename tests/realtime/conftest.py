"""What the store's tests have made ready."""

from tests.store.conftest import sqlite_store

__all__ = ["sqlite_store"]
