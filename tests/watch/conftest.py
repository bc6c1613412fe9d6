"""What the store's tests have made ready, and time."""

import pytest

from tests.conftest import FakeClock
from tests.store.conftest import sqlite_store
from tests.watch.watching import Time

__all__ = ["sqlite_store"]


@pytest.fixture
def time(clock: FakeClock) -> Time:
    return Time(clock)
