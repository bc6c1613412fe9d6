"""Many rows, one hop to the driver.

aiosqlite hands each call to the connection's thread and waits for it; a commit of ten statements would
pay that a dozen times, and SQLAlchemy's path costs as much again per row. So the prepared rows of one
commit go to the driver's own connection together, as one transaction.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

import aiosqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from goip.store.statements import Row

Batch = Sequence[tuple[str, list[Row]]]


async def commit_batch(connection: AsyncConnection, batch: Batch) -> None:
    """Execute every statement with all of its rows, in order, in one transaction: all or nothing.

    The connection must not be in a transaction.
    """
    driver = (await connection.get_raw_connection()).driver_connection
    if isinstance(driver, aiosqlite.Connection):
        # aiosqlite has no public call for "this function, on your thread"; a test pins this one.
        await driver._execute(_commit_all, driver._conn, batch)  # type: ignore[no-untyped-call]
        return
    async with driver.transaction():  # type: ignore[union-attr]
        for sql, rows in batch:
            await driver.executemany(sql, rows)  # type: ignore[union-attr]


def _commit_all(connection: sqlite3.Connection, batch: Batch) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        for sql, rows in batch:
            if len(rows) == 1:
                connection.execute(sql, rows[0])
            else:
                connection.executemany(sql, rows)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
