"""Parts of long messages, from when they are acknowledged until some time after the whole is stored."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from goip.store import tables as t


class SmsPart(NamedTuple):
    """One part; `message_id` is the whole's, `number` its own, by which a repeat is known. `received_at` is in ms."""

    message_id: str
    place: int
    device_id: str
    sender: str
    number: str
    message: str
    slot_index: int | None
    received_at: int


async def put_part(connection: AsyncConnection, part: SmsPart) -> None:
    """Keep a part; where a try before this one was stored after all, that one goes."""
    parts = t.sms_parts.c
    same = (parts.message_id == part.message_id) & (parts.place == part.place)
    await connection.execute(delete(t.sms_parts).where(same))
    await connection.execute(insert(t.sms_parts).values(part._asdict()))


async def list_parts(connection: AsyncConnection) -> list[SmsPart]:
    """All that is kept, the wholes by their beginning."""
    parts = t.sms_parts.c
    columns = [parts[name] for name in SmsPart._fields]
    rows = await connection.execute(
        select(*columns).order_by(parts.received_at, parts.message_id, parts.place)
    )
    return [SmsPart(*row) for row in rows]


async def forget_parts(connection: AsyncConnection, message_id: str) -> None:
    """The parts of that whole are needed no more."""
    await connection.execute(delete(t.sms_parts).where(t.sms_parts.c.message_id == message_id))
