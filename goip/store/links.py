"""The way of a commit to its database, all its rows at once: SQLite's is a process, PostgreSQL's a kept connection.

What either does not survive is thrown away, and made anew for the next commit.
"""

from __future__ import annotations

import asyncio
import json
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from goip.store import scribe
from goip.store.statements import FENCED, OneStatement, Row, Write, statements_by_kind

_GOOD_FOR_SECONDS = 1.0
"""How long a connection that has just worked is taken to work still."""


class Fenced(Exception):
    """The stream is not where this server left it: somebody else has written, or a commit's answer was lost."""


class Link(Protocol):
    """Writes the rows of a commit in one transaction: all or nothing."""

    async def commit(self, rows: Mapping[Write, list[Row]]) -> None:
        """Raises Fenced where the stream is elsewhere, and what the driver raises."""

    async def make_way(self) -> None:
        """Let go of the writing connection, which somebody else wants."""

    async def close(self) -> None:
        """Let go of everything."""


class _Process(NamedTuple):
    """A scribe at work, and the two directions of the line to it."""

    child: subprocess.Popen[bytes]
    answers: asyncio.StreamReader
    told: asyncio.StreamWriter


class SqliteLink:
    """A scribe; see there. It is started by the first commit, and holds no lock between two of them."""

    def __init__(self, path: Path, busy_seconds: float, script: str, statement: OneStatement) -> None:
        self._statement = statement
        self._sizes = scribe.sizes_of(len(Write))
        self._opening = scribe.Opening(
            path=str(path.absolute()),
            busy_seconds=busy_seconds,
            script=script + statement.setup,
            statement=statement.insert,
            n_parts=len(Write),
        )
        self._process: _Process | None = None

    @property
    def pid(self) -> int | None:
        """The scribe's process, while there is one."""
        return self._process.child.pid if self._process else None

    async def commit(self, rows: Mapping[Write, list[Row]]) -> None:
        """See `Link`. Raises what the sqlite3 module would, and OSError when the scribe is gone."""
        process = self._process or await self._start()
        parts = self._statement.parameters(rows)
        await self._ask(process, b"".join((self._sizes.pack(*map(len, parts)), *parts)))

    async def _start(self) -> _Process:
        ours, theirs = socket.socketpair()
        with theirs:
            command = [sys.executable, "-I", "-S", scribe.__file__]
            line = theirs.fileno()
            child = subprocess.Popen(command, stdin=line, stdout=line)  # noqa: S603, ASYNC220 - a few ms, once
        process = _Process(child, *await asyncio.open_unix_connection(sock=ours))
        self._process = process
        try:
            await self._ask(process, json.dumps(self._opening).encode() + b"\n")
        except BaseException:
            await self.close()
            raise
        return process

    async def _ask(self, process: _Process, told: bytes) -> None:
        """Tell the scribe, and wait for its answer; without one, nobody knows what it did, and it has to go."""
        try:
            process.told.write(told)
            await process.told.drain()
            answer = await process.answers.readline()
            if not answer.endswith(b"\n"):
                raise ConnectionResetError("the process that commits has ended")
        except BaseException:
            await self.close()
            raise
        if trouble := json.loads(answer):
            raise _raised(*trouble)

    async def make_way(self) -> None:
        """It has a connection of its own."""

    async def close(self) -> None:
        """Let the scribe finish and go."""
        process, self._process = self._process, None
        if process is not None:
            process.told.close()
            await asyncio.to_thread(process.child.wait)


def _raised(name: str, message: str) -> Exception:
    """The scribe's exception, on this side of the line."""
    if message == FENCED:
        return Fenced(message)
    error: Exception = getattr(sqlite3, name)(message)
    return error


@dataclass(slots=True)
class _Kept:
    """The writing connection between two commits."""

    connection: AsyncConnection
    driver: Any
    used_at: float


class PostgresLink:
    """The writing connection, kept from one commit to the next.

    To take it from the pool, and there to ask whether it is still good, costs more than the commit. It goes back
    after a rest, and when anything went wrong.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._sql = statements_by_kind(engine.dialect)
        self._kept: _Kept | None = None

    async def commit(self, rows: Mapping[Write, list[Row]]) -> None:
        """See `Link`. SQLAlchemy's own path costs as much again per row, so the rows go to the driver."""
        now = time.monotonic()
        if self._kept is not None and now - self._kept.used_at > _GOOD_FOR_SECONDS:
            await self.make_way()
        if self._kept is None:
            connection = await self._engine.connect()
            driver = (await connection.get_raw_connection()).driver_connection
            self._kept = _Kept(connection, driver, now)
        self._kept.used_at = now
        try:
            await self._write(self._kept.driver, rows)
        except BaseException:
            await self.make_way()
            raise

    async def _write(self, driver: Any, rows: Mapping[Write, list[Row]]) -> None:
        (fence, (place,)), *others = [(sql, rows[write]) for write, sql in self._sql.items() if write in rows]
        async with driver.transaction():
            if await driver.execute(fence, *place) != "UPDATE 1":
                raise Fenced
            for sql, each in others:
                await driver.executemany(sql, each)

    async def make_way(self) -> None:
        """Give the connection back."""
        kept, self._kept = self._kept, None
        if kept is not None:
            await kept.connection.close()

    async def close(self) -> None:
        """Give the connection back."""
        await self.make_way()
