"""What a device did before: rollups for charts, single heartbeats, facts."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

from sqlalchemy import func, literal_column, select
from sqlalchemy.ext.asyncio import AsyncConnection

from goip.models import Event, Heartbeat, device_room
from goip.store import tables as t
from goip.store.fold import DEVICE_ITSELF
from goip.store.pages import Page
from goip.store.rows import event_of, heartbeat_of

Metric = Literal["battery", "signal", "heartbeats"]


class Point(NamedTuple):
    """A metric in one bucket of time; the values are None for `heartbeats`, which only counts."""

    at: int
    n: int
    average: float | None
    low: int | None
    high: int | None


class LoggedBeat(NamedTuple):
    """A heartbeat as it was received."""

    seq: int
    received_at: int
    heartbeat: Heartbeat


async def list_points(
    connection: AsyncConnection,
    device_pk: int,
    metric: Metric,
    *,
    from_at: int,
    to_at: int,
    step_seconds: int,
    slot_index: int | None = None,
) -> list[Point]:
    """The metric from `from_at` to `to_at` in buckets of `step_seconds`; an empty bucket is absent."""
    rollups = t.heartbeat_rollups.c
    width = step_seconds * 1000
    bucket = (rollups.bucket_at - rollups.bucket_at % width).label("at")
    query = (
        select(bucket, *_sums(metric))
        .where(
            rollups.device_pk == device_pk,
            rollups.slot_index == (DEVICE_ITSELF if slot_index is None else slot_index),
            rollups.bucket_at >= from_at - from_at % width,
            rollups.bucket_at < to_at,
        )
        .group_by(literal_column("1"))
        .order_by(literal_column("1"))
    )
    rows = await connection.execute(query)
    return [_point(row, metric) for row in rows if row.n]


def _sums(metric: Metric) -> list[Any]:
    rollups = t.heartbeat_rollups.c
    if metric == "heartbeats":
        return [func.sum(rollups.n_beats).label("n")]
    return [
        func.sum(rollups[f"n_{metric}"]).label("n"),
        func.sum(rollups[f"{metric}_sum"]).label("total"),
        func.min(rollups[f"{metric}_min"]).label("low"),
        func.max(rollups[f"{metric}_max"]).label("high"),
    ]


def _point(row: Any, metric: Metric) -> Point:
    if metric == "heartbeats":
        return Point(row.at, int(row.n), None, None, None)
    return Point(row.at, int(row.n), float(row.total) / int(row.n), row.low, row.high)


async def list_heartbeats(
    connection: AsyncConnection, device_pk: int, newest_seq: int, *, limit: int
) -> Page[LoggedBeat]:
    """Single heartbeats of one device, newest first, along the chain that starts at `newest_seq`."""
    log = t.heartbeat_log
    first = (log.c.seq == newest_seq, log.c.device_pk == device_pk)
    chain = select(log, literal_column("1").label("depth")).where(*first).cte(recursive=True)
    older = select(log, chain.c.depth + 1).join(chain, log.c.seq == chain.c.previous_seq)
    chain = chain.union_all(older.where(chain.c.depth <= limit))
    rows = await connection.execute(select(chain).order_by(chain.c.seq.desc()))
    beats = [LoggedBeat(row.seq, row.received_at, heartbeat_of(row.heartbeat)) for row in rows]
    return Page(beats[:limit], beats[limit].seq if len(beats) > limit else None)


async def list_device_facts(
    connection: AsyncConnection, device_id: str, *, limit: int, before: int | None = None
) -> Page[Event]:
    """What happened to a device, newest first."""
    room = device_room(device_id)
    query = select(t.events).where(t.events.c.room == room)
    if before is not None:
        query = query.where(t.events.c.seq < before)
    rows = await connection.execute(query.order_by(t.events.c.seq.desc()).limit(limit + 1))
    events = [event_of(row, (room,)) for row in rows]
    return Page(events[:limit], events[limit - 1].seq if len(events) > limit else None)
