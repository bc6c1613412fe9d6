"""Device keys, enrolment keys and API tokens: stored as SHA-256, which suits random keys of 128 bits and more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from goip.store import tables as t


@dataclass(frozen=True, slots=True)
class Key:
    """What a caller may show. `kind` is device, enrollment or api."""

    id: int
    kind: str
    hash: str
    name: str
    device_pk: int | None
    user_id: int | None
    scopes: frozenset[str]
    created_at: int
    expires_at: int | None
    first_used_at: int | None
    revoked_at: int | None


async def list_keys(connection: AsyncConnection, *, kind: str | None = None) -> list[Key]:
    """Every key that is not revoked, oldest first."""
    query = select(t.keys).where(t.keys.c.revoked_at.is_(None)).order_by(t.keys.c.id)
    if kind is not None:
        query = query.where(t.keys.c.kind == kind)
    return [_key(row) for row in await connection.execute(query)]


async def find_key(connection: AsyncConnection, key_hash: str) -> Key | None:
    """The key with that hash, unless it is revoked."""
    query = select(t.keys).where(t.keys.c.hash == key_hash, t.keys.c.revoked_at.is_(None))
    row = (await connection.execute(query)).one_or_none()
    return None if row is None else _key(row)


async def add_key(connection: AsyncConnection, **columns: Any) -> Key:
    """Add a key; the columns are those of the table but `id`."""
    await connection.execute(insert(t.keys).values({"scopes": "", **columns}))
    row = (await connection.execute(select(t.keys).where(t.keys.c.hash == columns["hash"]))).one()
    return _key(row)


async def revoke_keys(
    connection: AsyncConnection, *, at: int, key_id: int | None = None, device_pk: int | None = None
) -> int:
    """Revoke one key, or all of a device's; returns how many."""
    condition = t.keys.c.id == key_id if key_id is not None else t.keys.c.device_pk == device_pk
    revoked = update(t.keys).where(condition, t.keys.c.revoked_at.is_(None)).values(revoked_at=at)
    return int((await connection.execute(revoked)).rowcount)


async def note_first_use(connection: AsyncConnection, key_id: int, at: int) -> None:
    """The key was shown for the first time: whoever holds it has it."""
    await connection.execute(update(t.keys).where(t.keys.c.id == key_id).values(first_used_at=at))


def _key(row: Any) -> Key:
    return Key(
        id=row.id,
        kind=row.kind,
        hash=row.hash,
        name=row.name,
        device_pk=row.device_pk,
        user_id=row.user_id,
        scopes=frozenset(row.scopes.split()),
        created_at=row.created_at,
        expires_at=row.expires_at,
        first_used_at=row.first_used_at,
        revoked_at=row.revoked_at,
    )
