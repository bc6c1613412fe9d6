"""One server a database: a second one would give the same `seq` to other changes."""

from __future__ import annotations

import fcntl
import os
from typing import IO

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from goip.errors import StartupError
from goip.store.engine import Database, describe_trouble, is_trouble

_ADVISORY_KEY = 0x676F6970
"""`goip` in ASCII."""


class SingleNodeLock:
    """Held while the server runs: a file beside SQLite, an advisory lock in PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._file: IO[str] | None = None
        self._connection: AsyncConnection | None = None

    async def take(self) -> None:
        """Raises StartupError when another server holds the database, or it cannot be reached."""
        try:
            if self._database.path is not None:
                self._take_file()
            else:
                await self._take_advisory()
        except OSError as error:
            raise StartupError(f"The database cannot be used: {error}") from error
        except Exception as error:
            if isinstance(error, StartupError) or not is_trouble(error):
                raise
            raise StartupError(f"The database cannot be used: {describe_trouble(error)}") from error

    async def release(self) -> None:
        """Let another server have the database."""
        if self._file is not None:
            self._file.close()
            self._file = None
        if self._connection is not None:
            await self._connection.close()
            self._connection = None

    def _take_file(self) -> None:
        assert self._database.path is not None  # noqa: S101 - for the type checker; the caller looked
        self._database.path.parent.mkdir(parents=True, exist_ok=True)
        path = self._database.path.with_name(self._database.path.name + ".lock")
        self._file = path.open("a")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StartupError(
                f"Another goip server is using {self._database.path}. Stop it first, or set "
                "GOIP_DATABASE_URL to another file."
            ) from None
        os.set_inheritable(self._file.fileno(), False)

    async def _take_advisory(self) -> None:
        connection = await self._database.reader_engine.connect()
        taken = (await connection.execute(text(f"SELECT pg_try_advisory_lock({_ADVISORY_KEY})"))).scalar()
        await connection.commit()
        if not taken:
            await connection.close()
            raise StartupError("Another goip server is using this PostgreSQL database. Stop it first.")
        self._connection = connection
