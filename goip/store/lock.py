"""One server a database: a second one would give the same `seq` to other changes."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import IO, Any

from sqlalchemy import event
from sqlalchemy.exc import DBAPIError

from goip.errors import StartupError
from goip.store.engine import Database, startup_error

_ADVISORY_KEY = 0x676F6970
"""`goip` in ASCII."""


class LockedOut(OSError):
    """Another server has the database; to the writer this is trouble like any other, and may pass."""


class SingleNodeLock:
    """Held while the server runs: a file beside SQLite; in PostgreSQL an advisory lock on the very link that
    writes, so that whoever can write holds it, also after that link was cut and made again."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._file: IO[str] | None = None

    async def take(self) -> None:
        """Raises StartupError when another server holds the database, or it cannot be reached."""
        try:
            if self._database.path is not None:
                self._take_file(self._database.path)
            else:
                await self._take_link()
        except LockedOut as error:
            raise StartupError(f"{error} Stop it first.") from None
        except (DBAPIError, OSError) as error:
            raise startup_error(self._database, error) from error

    async def release(self) -> None:
        """Let another server have the file; PostgreSQL's lock goes with the link."""
        if self._file is not None:
            self._file.close()
            self._file = None

    async def _take_link(self) -> None:
        event.listen(self._database.writer_engine.sync_engine, "connect", _lock_link)
        async with self._database.writer_engine.connect():
            pass

    def _take_file(self, database: Path) -> None:
        database.parent.mkdir(parents=True, exist_ok=True)
        self._file = database.with_name(database.name + ".lock").open("a")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StartupError(
                f"Another goip server is using {database}. Stop it first, or set GOIP_DATABASE_URL to another file."
            ) from None
        os.set_inheritable(self._file.fileno(), False)


def _lock_link(connection: Any, _record: object) -> None:
    """A new link of the writer's to PostgreSQL; raises LockedOut where another server was quicker."""
    cursor = connection.cursor()
    cursor.execute(f"SELECT pg_try_advisory_lock({_ADVISORY_KEY})")
    (is_taken,) = cursor.fetchone()
    cursor.close()
    connection.commit()
    if not is_taken:
        connection.close()
        raise LockedOut("Another goip server is using this PostgreSQL database.")
