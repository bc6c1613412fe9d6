"""Connections to either database, and the words for what goes wrong with them.

SQLite: one connection that writes, a small pool that reads, WAL, `synchronous=FULL`. PostgreSQL: the same
two engines on asyncpg. Nothing above this folder learns which of the two it is.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy.exc
from sqlalchemy import URL, event, make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool

from goip.errors import StartupError, Unavailable
from goip.store.links import Fenced, Link, PostgresLink, SqliteLink
from goip.store.statements import Row, Write, one_statement

N_READERS = 4
_BUSY_SECONDS = 5
PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=FULL",
    "foreign_keys=ON",
    "wal_autocheckpoint=2000",
    "cache_size=-65536",
    "temp_store=MEMORY",
)
"""Durable and concurrent, for every connection to SQLite."""
_POSTGRES_ARGUMENTS: dict[str, Any] = {
    "command_timeout": 60,
    # A link that died unseen holds the lock of the one server: its other end is to notice within half a minute.
    "server_settings": {
        "application_name": "goip",
        "tcp_keepalives_idle": "15",
        "tcp_keepalives_interval": "5",
        "tcp_keepalives_count": "3",
    },
}
_TROUBLE = (sqlalchemy.exc.TimeoutError, OSError, asyncio.TimeoutError)
_BAD_VALUE = (
    sqlite3.IntegrityError,
    sqlite3.DataError,
    sqlite3.ProgrammingError,
    sqlite3.NotSupportedError,
)
_TROUBLE_STATES = {"08", "25", "40", "53", "55", "57", "58", "XX"}
"""PostgreSQL's error classes for links, locks, resources, operators and the system."""
_TROUBLE_NAMES = {"InterfaceError", "ConnectionDoesNotExistError", "InternalClientError"}
"""asyncpg's client-side errors, which bear no state; asyncpg is optional, so they go by name."""


class Database:
    """The two engines of one database URL (`sqlite:///PATH` or `postgresql://…`)."""

    def __init__(self, url: str) -> None:
        self.url = _driver_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self.path = _sqlite_path(self.url) if self.is_sqlite else None
        self.kind = "sqlite" if self.is_sqlite else "postgresql"
        self.writer_engine = self._engine(pool_size=1, begin="BEGIN IMMEDIATE")
        self.reader_engine = self._engine(pool_size=N_READERS, begin="BEGIN")
        self._looking_engine = self._engine(pool_size=1, begin="BEGIN")
        self._link = self._new_link()
        self._turn = asyncio.Lock()

    def _new_link(self) -> Link:
        if self.path is None:
            return PostgresLink(self.writer_engine)
        script = "".join(f"PRAGMA {pragma};\n" for pragma in PRAGMAS)
        return SqliteLink(self.path, _BUSY_SECONDS, script, one_statement(self.writer_engine.dialect))

    def _engine(self, *, pool_size: int, begin: str) -> AsyncEngine:
        arguments: dict[str, Any] = {"timeout": _BUSY_SECONDS} if self.is_sqlite else _POSTGRES_ARGUMENTS
        engine = create_async_engine(
            self.url,
            poolclass=AsyncAdaptedQueuePool,
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=10,
            pool_reset_on_return=None if self.is_sqlite else "rollback",
            pool_pre_ping=not self.is_sqlite,
            connect_args=arguments,
        )
        if self.is_sqlite:
            _tune_sqlite(engine, begin)
        return engine

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """A connection for queries; what the database cannot do now is `Unavailable`."""
        with trouble_is_unavailable():
            async with self.reader_engine.connect() as connection:
                yield connection

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection]:
        """The writing connection, in one transaction. Only the writer and the migrations ask for it."""
        async with self._turn:
            await self._link.make_way()
            async with self.writer_engine.begin() as connection:
                yield connection

    async def commit(self, rows: Mapping[Write, list[Row]]) -> None:
        """Write the rows of a commit in one transaction; see `links.Link`."""
        async with self._turn:
            await self._link.commit(rows)

    def looking(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """The writer's own connection for queries: it never waits for readers who take their time."""
        return self._looking_engine.connect()

    async def close(self) -> None:
        """Give back every connection; the last one to leave SQLite folds its log into the file."""
        await self.reader_engine.dispose()
        await self._looking_engine.dispose()
        await self._link.close()
        await self.writer_engine.dispose()


@contextmanager
def trouble_is_unavailable() -> Iterator[None]:
    """Driver errors that may pass become `Unavailable`, in an operator's words, not the driver's."""
    try:
        yield
    except Exception as error:
        if not is_trouble(error):
            raise
        raise Unavailable(describe_trouble(error), code="storage_unavailable") from error


def is_trouble(error: BaseException) -> bool:
    """True for what the database, the disk or the link did; False for a defect or a bad value."""
    if isinstance(error, Fenced):
        return True
    if isinstance(error, DBAPIError):
        return error.connection_invalidated or (error.orig is not None and is_trouble(error.orig))
    state = getattr(error, "sqlstate", None)
    if isinstance(state, str):
        return state[:2] in _TROUBLE_STATES
    if isinstance(error, sqlite3.DatabaseError):
        return not isinstance(error, _BAD_VALUE)
    return isinstance(error, _TROUBLE) or type(error).__name__ in _TROUBLE_NAMES


def describe_trouble(error: BaseException) -> str:
    """What is wrong with the database, in words for an operator."""
    if isinstance(error, Fenced):
        return "the database is ahead of this server"
    text = str(getattr(error, "orig", None) or error).lower()
    for sign, words in _SIGNS.items():
        if sign in text:
            return words
    return "the database does not answer"


def startup_error(database: Database, error: Exception) -> StartupError:
    """What to tell the person at the terminal whose database cannot be used."""
    where = str(database.path or database.url.render_as_string(hide_password=True))
    words = describe_trouble(error) if is_trouble(error) else str(getattr(error, "orig", None) or error)
    return StartupError(f"The database {where} cannot be used: {words}")


_SIGNS = {
    "disk is full": "the disk is full",
    "no space left": "the disk is full",
    "database or disk is full": "the disk is full",
    "locked": "the database is locked by another process",
    "busy": "the database is locked by another process",
    "readonly": "the database cannot be written: it is read-only",
    "read-only": "the database cannot be written: it is read-only",
    "malformed": "the database file is damaged: restore a backup",
    "not a database": "the database file is damaged: restore a backup",
    "disk i/o error": "the disk reports an error",
    "unable to open": "the database file cannot be opened",
    "another goip server": "another goip server is using the database",
}


def _driver_url(text: str) -> URL:
    try:
        url = make_url(text)
    except Exception as error:
        # Not the text itself: it may hold a password.
        raise StartupError("GOIP_DATABASE_URL is not a database address, as sqlite:///PATH") from error
    drivers = {
        "sqlite": "sqlite+aiosqlite",
        "postgresql": "postgresql+asyncpg",
        "postgres": "postgresql+asyncpg",
    }
    driver = drivers.get(url.drivername)
    if driver is None:
        raise StartupError("GOIP_DATABASE_URL must be sqlite:///PATH or postgresql://USER@HOST/NAME")
    if driver == "postgresql+asyncpg":
        _need_asyncpg()
    return url.set(drivername=driver)


def _need_asyncpg() -> None:
    try:
        import asyncpg  # noqa: F401
    except ImportError as error:
        raise StartupError("PostgreSQL needs the extra: pip install 'goip[postgres]'") from error


def _sqlite_path(url: URL) -> Path:
    if not url.database or url.database == ":memory:":
        raise StartupError("GOIP_DATABASE_URL must name a file: a database in memory loses every message")
    return Path(url.database)


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


def _tune_sqlite(engine: AsyncEngine, begin: str) -> None:
    @event.listens_for(engine.sync_engine, "connect")
    def on_connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # transactions are begun below, not by the driver's guess
        connection.create_function("lower", 1, _lower, deterministic=True)  # SQLite's own knows ASCII only
        cursor = connection.cursor()
        for pragma in PRAGMAS:
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def on_begin(connection: Any) -> None:
        connection.exec_driver_sql(begin)
