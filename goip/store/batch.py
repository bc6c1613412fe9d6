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

from goip.store.engine import Fenced
from goip.store.statements import Row

Batch = Sequence[tuple[str, list[Row]]]


async def commit_batch(connection: AsyncConnection, batch: Batch) -> None:
    """Execute every statement with all of its rows, in order, in one transaction: all or nothing.

    The first statement is the fence: it has to change just one row, or nothing is written and Fenced is
    raised. The connection must not be in a transaction.
    """
    driver = (await connection.get_raw_connection()).driver_connection
    if isinstance(driver, aiosqlite.Connection):
        # aiosqlite has no public call for "this function, on your thread"; a test pins this one.
        await driver._execute(_commit_all, driver._conn, batch)  # type: ignore[no-untyped-call]
        return
    (fence, (place,)), *others = batch
    async with driver.transaction():  # type: ignore[union-attr]
        if await driver.execute(fence, *place) != "UPDATE 1":  # type: ignore[union-attr]
            raise Fenced
        for sql, rows in others:
            await driver.executemany(sql, rows)  # type: ignore[union-attr]


def _commit_all(connection: sqlite3.Connection, batch: Batch) -> None:
    (fence, (place,)), *others = batch
    connection.execute("BEGIN IMMEDIATE")
    try:
        if connection.execute(fence, place).rowcount != 1:
            raise Fenced
        for sql, rows in others:
            if len(rows) == 1:
                connection.execute(sql, rows[0])
            else:
                connection.executemany(sql, rows)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
