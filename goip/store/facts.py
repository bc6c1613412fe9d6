"""The log of facts, read forward: what a subscription missed."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import ColumnElement, Select, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from goip.models import DASHBOARD, EVERYWHERE, Event
from goip.store import tables as t
from goip.store.rows import event_of


async def list_facts(
    connection: AsyncConnection, rooms: Collection[str], *, after: int, upto: int, limit: int
) -> list[Event] | None:
    """The facts of `rooms` with `after < seq <= upto`, in order; None when there are more than `limit`."""
    events = t.events.c
    query = _between(after, upto).where(_in_rooms(rooms)).order_by(events.seq).limit(limit + 1)
    rows = (await connection.execute(query)).all()
    if len(rows) > limit:
        return None
    return [_fact(row) for row in rows]


async def list_all_facts(connection: AsyncConnection, *, after: int, upto: int) -> list[Event]:
    """The facts of every room with `after < seq <= upto`, in order."""
    rows = await connection.execute(_between(after, upto).order_by(t.events.c.seq))
    return [_fact(row) for row in rows]


def _between(after: int, upto: int) -> Select[Any]:
    return select(t.events).where(t.events.c.seq > after, t.events.c.seq <= upto)


def _fact(row: Any) -> Event:
    return event_of(row, (row.room, DASHBOARD) if row.on_dashboard else (row.room,))


def _in_rooms(rooms: Collection[str]) -> ColumnElement[bool]:
    events = t.events.c
    inside = events.room.in_([*rooms, EVERYWHERE])
    return or_(inside, events.on_dashboard) if DASHBOARD in rooms else inside
