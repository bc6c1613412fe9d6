"""The log of facts, read forward: what a subscription missed."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from goip.models import DASHBOARD, EVERYWHERE, Event
from goip.store import tables as t
from goip.store.rows import event_of


async def list_facts(
    connection: AsyncConnection, rooms: Collection[str], *, after: int, upto: int, limit: int
) -> list[Event] | None:
    """The facts of `rooms` with `after < seq <= upto`, in order; None when there are more than `limit`."""
    events = t.events.c
    query = (
        select(t.events)
        .where(events.seq > after, events.seq <= upto, _in_rooms(rooms))
        .order_by(events.seq)
        .limit(limit + 1)
    )
    rows = (await connection.execute(query)).all()
    if len(rows) > limit:
        return None
    return [event_of(row, (row.room, DASHBOARD) if row.on_dashboard else (row.room,)) for row in rows]


def _in_rooms(rooms: Collection[str]) -> ColumnElement[bool]:
    events = t.events.c
    inside = events.room.in_([*rooms, EVERYWHERE])
    return or_(inside, events.on_dashboard) if DASHBOARD in rooms else inside
