"""Devices that an operator turned away."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from goip.store import tables as t


@dataclass(frozen=True, slots=True)
class Rejection:
    """A device that waited and was turned away, as it was then; `rejected_by` is None where a script did it."""

    device_id: str
    make: str
    name: str | None
    ip_address: str | None
    first_seen_at: int
    rejected_at: int
    rejected_by: str | None


async def list_rejections(connection: AsyncConnection) -> list[Rejection]:
    """All of them, the newest first."""
    table = t.rejected_devices
    rows = await connection.execute(select(table).order_by(table.c.rejected_at.desc(), table.c.device_id))
    return [Rejection(**row._mapping) for row in rows]


async def put_rejection(connection: AsyncConnection, rejection: Rejection) -> None:
    """Keep it, in the place of an earlier one of that device."""
    await drop_rejection(connection, rejection.device_id)
    await connection.execute(insert(t.rejected_devices).values(asdict(rejection)))


async def drop_rejection(connection: AsyncConnection, device_id: str) -> None:
    """Forget the rejection of that device, if there is one."""
    table = t.rejected_devices
    await connection.execute(delete(table).where(table.c.device_id == device_id))
