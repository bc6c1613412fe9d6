"""Databases by the dozen, for tests that need more than one."""

import asyncio
import itertools
import shutil
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from goip.store import engine
from goip.store.store import Store
from tests.conftest import FakeClock, PostgresDatabases, postgres_url


@pytest.fixture(params=["sqlite", "postgresql"])
def make_database(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], str]:
    """Makes an empty database with today's schema, on each of the two kinds; the one before is given up."""
    if request.param == "sqlite":
        template: Path = request.getfixturevalue("sqlite_template")
        paths = (tmp_path / f"goip-{n}.db" for n in itertools.count())
        return lambda: f"sqlite:///{shutil.copyfile(template, next(paths))}"
    databases: PostgresDatabases = request.getfixturevalue("postgres_databases")
    return lambda: postgres_url(databases.emptied())


@pytest.fixture
async def sqlite_store(
    sqlite_template: Any, tmp_path: Any, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Store]:
    """An open store on a file, which does not wait long for others."""
    monkeypatch.setattr(engine, "_BUSY_SECONDS", 0.05)
    path = tmp_path / "goip.db"
    path.write_bytes(sqlite_template.read_bytes())
    store = Store(f"sqlite:///{path}", clock=clock)
    await store.open()
    yield store
    await store.close()


@pytest.fixture
async def postgres_store(postgres_databases: Any, clock: FakeClock) -> AsyncIterator[Store]:
    name = await asyncio.to_thread(postgres_databases.emptied)
    store = Store(postgres_url(name), clock=clock)
    await store.open()
    yield store
    await store.close()
