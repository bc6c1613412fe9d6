"""Letting go of the old: single heartbeats, facts, fine rollups, in small bites through the writer."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Delete, delete, func, literal, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from goip.store import tables as t
from goip.store.fold import STEP_SECONDS
from goip.store.statements import adding_rollup

COARSE_STEP_SECONDS = 3600
_BITE = 5_000
_DEVICES_AT_ONCE = 500


async def drop_heartbeats(connection: AsyncConnection, before_at: int) -> int:
    """Drop folded heartbeats received before `before_at`, a bite of them; returns how many.

    One that claims to be younger than the newest was received while the clock was wrong: it goes with those
    around it, or it would hold up all that are behind it.
    """
    log = t.heartbeat_log.c
    folded_seq = select(t.stream.c.folded_seq).scalar_subquery()
    first = select(func.min(log.seq)).scalar_subquery()
    newest_at = select(log.received_at).order_by(log.seq.desc()).limit(1).scalar_subquery()
    is_old = or_(log.received_at < before_at, log.received_at > newest_at)
    old = delete(t.heartbeat_log).where(is_old, log.seq <= folded_seq, log.seq < first + _BITE)
    return await _count(connection, old)


async def oldest_facts(connection: AsyncConnection, before_at: int) -> int | None:
    """The newest seq from before `before_at` in the first bite of facts, None when all of it is younger."""
    events = t.events.c
    first = select(func.min(events.seq)).scalar_subquery()
    in_bite = (events.seq < first + _BITE, events.at < before_at)
    upto: int | None = (await connection.execute(select(func.max(events.seq)).where(*in_bite))).scalar()
    return upto


async def drop_facts(connection: AsyncConnection, upto: int) -> int:
    """Drop the facts up to `upto`, and say so in the stream: cursors from before cannot be resumed."""
    await connection.execute(update(t.stream).values(oldest_seq=upto))
    return await _count(connection, delete(t.events).where(t.events.c.seq <= upto))


async def coarsen_rollups(connection: AsyncConnection, before_at: int) -> int:
    """Sum the fine rollups of the oldest hour before `before_at` into coarse buckets, some devices at once."""
    rollups = t.heartbeat_rollups
    columns = rollups.c
    fine = columns.step_seconds == STEP_SECONDS
    oldest = (await connection.execute(select(func.min(columns.bucket_at)).where(fine))).scalar()
    width = COARSE_STEP_SECONDS * 1000
    if oldest is None or oldest - oldest % width + width > before_at:
        return 0
    hour_at = oldest - oldest % width
    in_hour = (fine, columns.bucket_at >= hour_at, columns.bucket_at < hour_at + width)
    first_pk = (await connection.execute(select(func.min(columns.device_pk)).where(*in_hour))).scalar_one()
    in_bite = (*in_hour, columns.device_pk < first_pk + _DEVICES_AT_ONCE)
    sums = [
        func.sum(columns[name]) for name in ("n_beats", "n_battery", "battery_sum", "n_signal", "signal_sum")
    ]
    battery = [func.min(columns.battery_min), func.max(columns.battery_max)]
    signal = [func.min(columns.signal_min), func.max(columns.signal_max)]
    values: list[Any] = [
        columns.device_pk,
        columns.slot_index,
        literal(COARSE_STEP_SECONDS),
        literal(hour_at),
    ]
    values += [*sums[:3], *battery, *sums[3:], *signal]
    query = select(*values).where(*in_bite).group_by(columns.device_pk, columns.slot_index)
    # Added to what is there: a backlog may come for an hour that was summed up long ago.
    summed = adding_rollup(connection.dialect).from_select([column.name for column in columns], query)
    await connection.execute(summed)
    return await _count(connection, delete(rollups).where(*in_bite))


async def drop_rollups(connection: AsyncConnection, before_at: int) -> int:
    """Drop rollups of every width from before `before_at`."""
    return await _count(
        connection, delete(t.heartbeat_rollups).where(t.heartbeat_rollups.c.bucket_at < before_at)
    )


async def _count(connection: AsyncConnection, statement: Delete) -> int:
    return int((await connection.execute(statement)).rowcount)
