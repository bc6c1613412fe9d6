"""From disk to memory, at a start: the folded rows, and the log after them."""

from __future__ import annotations

import time
from collections import defaultdict
from typing import Any

from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from goip import transitions
from goip.models import SimSlot
from goip.store import tables as t
from goip.store.backup import new_epoch
from goip.store.fleet import Fleet, SmsTotals
from goip.store.fold import Beat, Folder
from goip.store.rows import device_of, heartbeat_of, slot_of


async def load(connection: AsyncConnection, fleet: Fleet, folder: Folder) -> None:
    """Fill `fleet` and `folder` with what is on disk; makes the stream's row in a new database."""
    stream = (await connection.execute(select(t.stream))).one_or_none()
    if stream is None:
        stream = await _begin_stream(connection)
    fleet.epoch, fleet.seq, fleet.oldest_seq = stream.epoch, stream.seq, stream.oldest_seq
    fleet.stats_seq = 0  # told anew as soon as they differ
    fleet.sms = SmsTotals(stream.received_sms, stream.sent_sms, stream.delivered_sms, stream.failed_sms)
    await _load_devices(connection, fleet)
    await _replay(connection, fleet, folder, stream.folded_seq)
    fleet.place_cards()


async def _begin_stream(connection: AsyncConnection) -> Any:
    zeros = dict.fromkeys(("seq", "oldest_seq", "folded_seq"), 0)
    totals = dict.fromkeys(("received_sms", "sent_sms", "delivered_sms", "failed_sms"), 0)
    row = {"id": 1, "epoch": new_epoch(), **zeros, **totals}
    await connection.execute(insert(t.stream).values(row))
    return (await connection.execute(select(t.stream))).one()


async def _load_devices(connection: AsyncConnection, fleet: Fleet) -> None:
    slots: dict[int, list[SimSlot]] = defaultdict(list)
    for row in await connection.execute(select(t.slots).order_by(t.slots.c.device_pk, t.slots.c.slot_index)):
        slots[row.device_pk].append(slot_of(row))
    rows = await connection.execute(select(t.devices).order_by(t.devices.c.seq))
    fleet.put(device_of(row, tuple(slots.get(row.pk, ()))) for row in rows)
    # A key is never given twice, or a removed device's heartbeats and charts would be another's. Whatever
    # has beaten has a rollup from that very commit, and there the key is indexed.
    last_pk = (await connection.execute(select(func.max(t.heartbeat_rollups.c.device_pk)))).scalar()
    fleet.next_pk = max(fleet.next_pk, (last_pk or 0) + 1)


async def _replay(connection: AsyncConnection, fleet: Fleet, folder: Folder, folded_seq: int) -> None:
    """Apply the heartbeats that were committed but not folded, as they were applied the first time."""
    log = t.heartbeat_log
    rows = await connection.stream(select(log).where(log.c.seq > folded_seq).order_by(log.c.seq))
    now = time.monotonic()
    async for row in rows:
        device = fleet.find_by_pk(row.device_pk)
        if device is None or row.seq <= device.seq:
            continue
        heartbeat = heartbeat_of(row.heartbeat)
        step = transitions.beat(device, heartbeat, row.received_at, row.seq)
        fleet.put([step.device])
        at = transitions.time_of_values(step, heartbeat, row.received_at)
        folder.add([Beat(row.seq, device.pk, device.device_id, heartbeat, at)], now)
