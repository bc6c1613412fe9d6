"""Many rows, one hop to the driver.

aiosqlite hands each call to the connection's thread and waits for it, and SQLAlchemy's path costs as much
again per row. So the rows of one commit go to the driver's own connection together, as one transaction.
"""

from __future__ import annotations

import sqlite3
from typing import Any

import aiosqlite

from goip.store.statements import FENCED, Batch


class Fenced(Exception):
    """The stream is not where this server left it: somebody else has written, or a commit's answer was lost."""


async def commit_batch(driver: Any, batch: Batch) -> None:
    """Execute every statement with all of its rows, in order, in one transaction: all or nothing.

    The first statement has the fence: where that does not hold, nothing is written and Fenced is raised.
    The driver's connection must not be in a transaction.
    """
    if isinstance(driver, aiosqlite.Connection):
        # aiosqlite has no public call for "this function, on your thread"; a test pins this one.
        await driver._execute(_commit_one, driver._conn, batch)  # type: ignore[no-untyped-call]
        return
    (fence, (place,)), *others = batch
    async with driver.transaction():
        if await driver.execute(fence, *place) != "UPDATE 1":
            raise Fenced
        for sql, rows in others:
            await driver.executemany(sql, rows)


def _commit_one(connection: sqlite3.Connection, batch: Batch) -> None:
    """One statement, which is a transaction by itself."""
    ((sql, (row,)),) = batch
    try:
        connection.execute(sql, row)
    except sqlite3.IntegrityError as error:
        if str(error) == FENCED:
            raise Fenced from error
        raise
