"""Device keys, enrolment keys and API tokens: stored as SHA-256, which suits random keys of 128 bits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import and_, bindparam, case, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from goip.errors import Conflict
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


async def set_enrollment_key(connection: AsyncConnection, *, name: str, key_hash: str, at: int) -> None:
    """Make this the one enrolment key of that name; one that was good before is good again.

    Raises Conflict when it is a key of another kind.
    """
    keys = t.keys.c
    kind = (await connection.execute(select(keys.kind).where(keys.hash == key_hash))).scalar()
    if kind not in (None, "enrollment"):
        raise Conflict("this is a key of another kind")
    others = (keys.kind == "enrollment", keys.name == name, keys.hash != key_hash, keys.revoked_at.is_(None))
    await connection.execute(update(t.keys).where(*others).values(revoked_at=at))
    if kind is None:
        await add_key(connection, kind="enrollment", name=name, hash=key_hash, created_at=at)
    else:
        await connection.execute(update(t.keys).where(keys.hash == key_hash).values(revoked_at=None))


async def has_had_keys(connection: AsyncConnection, kind: str) -> bool:
    """True when there is, or ever was, a key of that kind."""
    query = select(t.keys.c.id).where(t.keys.c.kind == kind).limit(1)
    return (await connection.execute(query)).scalar() is not None


async def list_changed_keys(connection: AsyncConnection, since: int) -> list[Key]:
    """The keys that were revoked since then, and those that were added, but for the devices'.

    Only the server itself gives keys to devices, a thousand a minute when a fleet moves in.
    """
    keys = t.keys.c
    is_added = and_(keys.kind.in_(("enrollment", "api")), keys.created_at >= since)
    changed = or_(is_added, keys.revoked_at >= since)
    return [_key(row) for row in await connection.execute(select(t.keys).where(changed))]


async def revoke_keys(
    connection: AsyncConnection,
    *,
    at: int,
    key_id: int | None = None,
    device_pk: int | None = None,
    user_id: int | None = None,
    kind: str | None = None,
) -> list[Key]:
    """Revoke the keys that fit all that is given, of which something must be; returns them."""
    keys = t.keys.c
    given = {keys.id: key_id, keys.device_pk: device_pk, keys.user_id: user_id, keys.kind: kind}
    conditions = [column == value for column, value in given.items() if value is not None]
    if not conditions:
        raise ValueError("say which keys to revoke")
    revoked = update(t.keys).where(*conditions, keys.revoked_at.is_(None)).values(revoked_at=at)
    return [_key(row) for row in await connection.execute(revoked.returning(t.keys))]


async def end_device_keys(connection: AsyncConnection, device_pk: int, until: int) -> list[Key]:
    """The device's keys are good until then, and no longer; returns them."""
    keys = t.keys.c
    earlier = case((keys.expires_at < until, keys.expires_at), else_=until)
    ended = update(t.keys).where(keys.device_pk == device_pk, keys.revoked_at.is_(None))
    return [_key(row) for row in await connection.execute(ended.values(expires_at=earlier).returning(t.keys))]


class FirstUse(NamedTuple):
    """When a key was shown for the first time; with `ends_others` its device needs those before it no more."""

    at: int
    ends_others: bool = False


async def note_first_uses(connection: AsyncConnection, uses: Mapping[str, FirstUse]) -> None:
    """Keys (by their hashes) were shown for the first time then: whoever is to hold them has them."""
    keys = t.keys.c
    used = update(t.keys).where(keys.hash == bindparam("of_hash"), keys.first_used_at.is_(None))
    rows = [{"of_hash": key_hash, "used_at": use.at} for key_hash, use in uses.items()]
    if rows:
        await connection.execute(used.values(first_used_at=bindparam("used_at")), rows)
    fresh = t.keys.alias("fresh")
    device_pk = select(fresh.c.device_pk).where(fresh.c.hash == bindparam("of_hash")).scalar_subquery()
    leaving = (
        keys.device_pk == device_pk,
        keys.hash != bindparam("of_hash"),  # which may be leaving itself by now
        keys.expires_at.is_not(None),
        keys.revoked_at.is_(None),
    )
    rows = [row for row, use in zip(rows, uses.values(), strict=True) if use.ends_others]
    if rows:
        await connection.execute(update(t.keys).where(*leaving).values(revoked_at=bindparam("used_at")), rows)


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
