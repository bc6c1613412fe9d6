"""Servers of the test's own, and a disk that can be filled."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.disks import Disk, small_disk
from tests.live_fixtures import _server_log, make_server, postgres_database

__all__ = ["_server_log", "make_server", "postgres_database"]


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    """A small disk; see `tests.faults.disks`."""
    with small_disk(tmp_path / "disk") as disk:
        yield disk
