"""Many rows, one hop to the driver.

aiosqlite hands each call to the connection's thread and waits for it; a commit of ten statements would
pay that ten times. SQLAlchemy's path costs as much again per row. So the prepared rows of one commit go
to the driver's own connection together.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

import aiosqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from goip.store.statements import Row

Batch = Sequence[tuple[str, list[Row]]]


async def execute_batch(connection: AsyncConnection, batch: Batch) -> None:
    """Execute every statement with all of its rows, in order, inside the connection's transaction."""
    driver = (await connection.get_raw_connection()).driver_connection
    if isinstance(driver, aiosqlite.Connection):
        # aiosqlite has no public call for "this function, on your thread"; a test pins this one.
        await driver._execute(_execute_all, driver._conn, batch)  # type: ignore[no-untyped-call]
        return
    for sql, rows in batch:
        await driver.executemany(sql, rows)  # type: ignore[union-attr]


def _execute_all(connection: sqlite3.Connection, batch: Batch) -> None:
    for sql, rows in batch:
        if len(rows) == 1:
            connection.execute(sql, rows[0])
        else:
            connection.executemany(sql, rows)
