"""Fixtures around `LiveServer`; a folder's conftest imports what its tests ask for."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import pytest
from sqlalchemy import make_url

from tests.live_server import LiveServer
from tests.services import POSTGRES_URL, postgres_trouble

MakeServer = Callable[..., LiveServer]
_SHOWN: WeakKeyDictionary[LiveServer, int] = WeakKeyDictionary()
_LOG_CHARACTERS = 6000
_DATABASE_NUMBERS = itertools.count(1)


def on_postgres(statement: str, *values: object, url: str = POSTGRES_URL) -> list[Any]:
    """The rows of one statement, run beside the server."""

    async def fetch() -> list[Any]:
        import asyncpg

        connection = await asyncpg.connect(url)
        try:
            return list(await connection.fetch(statement, *values))
        finally:
            await connection.close()

    # In a thread of its own: fixtures of async tests may be run inside a loop.
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(lambda: asyncio.run(fetch())).result()


@contextlib.contextmanager
def fresh_postgres_database() -> Iterator[str]:
    """The address of an empty database; skips loudly where there is no server, and fails where there must be."""
    trouble = postgres_trouble()
    if trouble is not None:
        refuse = pytest.fail if os.environ.get("CI", "").lower() == "true" else pytest.skip
        refuse(f"PostgreSQL is left out: {trouble}")
    name = f"goip_live_{os.getpid()}_{next(_DATABASE_NUMBERS)}"
    on_postgres(f"CREATE DATABASE {name}")
    try:
        yield make_url(POSTGRES_URL).set(database=name).render_as_string(hide_password=False)
    finally:
        on_postgres(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(autouse=True)
def _server_log() -> Iterator[None]:
    """Let a failed test show what the servers printed meanwhile."""
    yield
    for server, shown in list(_SHOWN.items()):
        log = server.log
        _SHOWN[server] = len(log)
        if log[shown:].strip():
            print(f"---- log of the server at {server.url} ----\n{log[shown:][-_LOG_CHARACTERS:]}")


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A server that all tests share, on each kind of database: nobody may stop it or count its devices."""
    with running_on(request.param, tmp_path_factory) as server:
        yield server


@contextlib.contextmanager
def running_on(kind: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A server on a database of that kind (`sqlite` or `postgresql`), until the end of the block."""
    folder = tmp_path_factory.mktemp(f"server-{kind}")
    if kind == "sqlite":
        with running(LiveServer(folder)) as server:
            yield server
    else:
        with fresh_postgres_database() as url, running(LiveServer(folder, url)) as server:
            yield server


@pytest.fixture
def make_server(tmp_path: Path) -> Iterator[MakeServer]:
    """Servers of the test's own, with settings of their own; not started. Ended with the test."""
    made: list[LiveServer] = []

    def make(database_url: str | None = None, *, folder: Path | None = None, **settings: str) -> LiveServer:
        server = LiveServer(folder or tmp_path / f"server-{len(made)}", database_url, **settings)
        made.append(server)
        _SHOWN[server] = len(server.log)
        return server

    yield make
    for server in made:
        if server.is_running:
            server.stop()


@pytest.fixture
def postgres_database() -> Iterator[str]:
    """The address of a fresh PostgreSQL database."""
    with fresh_postgres_database() as url:
        yield url


@contextlib.contextmanager
def running(server: LiveServer) -> Iterator[LiveServer]:
    """Start it for a fixture of more than one test, and stop it after."""
    _SHOWN[server] = 0
    try:
        yield server.start()
    finally:
        server.stop()
