"""How far the memories of boxes are read, and what is known already of what stands in them."""

from __future__ import annotations

from typing import Any, NamedTuple

import orjson
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from goip.models import device_room
from goip.store import tables as t


class Place(NamedTuple):
    """Where to read on in the memory of a box.

    `life` is the box's word for the time since it began to count. `n_recovered` messages were found since the last
    fact that told how many; as long as it is not told, they are counted here.
    """

    life: str
    next_id: int
    n_recovered: int = 0


async def find_place(connection: AsyncConnection, device_id: str) -> Place | None:
    """How far the memory of that box is read; None for one that was never read."""
    places = t.memory_places.c
    query = select(places.life, places.next_id, places.n_recovered).where(places.device_id == device_id)
    row = (await connection.execute(query)).one_or_none()
    return None if row is None else Place(*row)


async def list_newest_data(
    connection: AsyncConnection, device_id: str, name: str, limit: int
) -> list[dict[str, Any]]:
    """The data of the device's newest facts of that name."""
    events = t.events.c
    of_device = select(events.data).where(events.room == device_room(device_id), events.event == name)
    rows = await connection.execute(of_device.order_by(events.seq.desc()).limit(limit))
    return [orjson.loads(row.data) for row in rows]
