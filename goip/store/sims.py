"""SIM cards: where each was seen last."""

from __future__ import annotations

from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from goip.store import tables as t


async def list_sims(
    connection: AsyncConnection, *, search: str | None, limit: int, after: str | None
) -> tuple[list[Any], int]:
    """A page of cards in the order of their key, each with its device's id, and how many there are."""
    sims = t.sims
    query = select(sims, t.devices.c.device_id).outerjoin(t.devices, t.devices.c.pk == sims.c.device_pk)
    count = select(func.count()).select_from(sims)
    if search:
        columns = (sims.c.iccid, sims.c.imsi, sims.c.phone_number, sims.c.carrier_name, sims.c.operator_name)
        matches = or_(*(column.icontains(search, autoescape=True) for column in columns))
        query, count = query.where(matches), count.where(matches)
    if after is not None:
        query = query.where(sims.c.sim_key > after)
    rows = (await connection.execute(query.order_by(sims.c.sim_key).limit(limit))).all()
    return list(rows), (await connection.execute(count)).scalar_one()
