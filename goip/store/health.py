"""Whether the database answers, and what is in it: for the health endpoint and the doctor."""

from __future__ import annotations

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from goip.store import tables as t


async def ping(connection: AsyncConnection) -> None:
    """Ask the least that there is to ask."""
    await connection.execute(text("SELECT 1"))


async def find_damage(connection: AsyncConnection) -> str | None:
    """What is broken inside the file, in SQLite's words; None where nothing is, or where the server looks itself."""
    if connection.dialect.name != "sqlite":
        return None
    verdict = str((await connection.execute(text("PRAGMA quick_check"))).scalar_one())
    return None if verdict == "ok" else verdict


async def count_rows(connection: AsyncConnection) -> dict[str, int]:
    """How many devices, messages and users there are."""
    tables = {"devices": t.devices, "messages": t.sms, "users": t.users}
    return {
        name: (await connection.execute(select(func.count()).select_from(table))).scalar_one()
        for name, table in tables.items()
    }
