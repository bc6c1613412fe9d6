"""Users, and the logins that they hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from goip.store import tables as t


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who logs in. `role` is viewer, operator or admin."""

    id: int
    username: str
    password_hash: str
    role: str
    is_active: bool
    created_at: int
    last_login_at: int | None


@dataclass(frozen=True, slots=True)
class Session:
    """One login: a family of refresh tokens of which the newest is good, by its hash."""

    id: str
    user_id: int
    refresh_hash: str
    refreshed_at: int
    expires_at: int
    revoked_at: int | None = None


async def find_user(
    connection: AsyncConnection, *, username: str | None = None, user_id: int | None = None
) -> User | None:
    """The user of that name or id."""
    users = t.users.c
    condition = users.username == username if username is not None else users.id == user_id
    row = (await connection.execute(select(t.users).where(condition))).one_or_none()
    return None if row is None else _user(row)


async def list_users(connection: AsyncConnection) -> list[User]:
    """Every user, by name."""
    rows = await connection.execute(select(t.users).order_by(t.users.c.username))
    return [_user(row) for row in rows]


async def add_user(
    connection: AsyncConnection, *, username: str, password_hash: str, role: str, at: int
) -> int:
    """Add a user; returns the id."""
    values = {"username": username, "password_hash": password_hash, "role": role, "created_at": at}
    result = await connection.execute(insert(t.users).values(is_active=True, **values))
    (key,) = result.inserted_primary_key or (0,)
    return int(key)


async def change_user(connection: AsyncConnection, user_id: int, **changes: Any) -> None:
    """Set columns of a user: `password_hash`, `role`, `is_active`, `last_login_at`."""
    await connection.execute(update(t.users).where(t.users.c.id == user_id).values(**changes))


async def add_session(connection: AsyncConnection, session: Session, *, address: str, agent: str) -> None:
    """Remember a login."""
    await connection.execute(
        insert(t.sessions).values(
            id=session.id,
            user_id=session.user_id,
            refresh_hash=session.refresh_hash,
            created_at=session.refreshed_at,
            refreshed_at=session.refreshed_at,
            expires_at=session.expires_at,
            address=address,
            user_agent=agent,
        )
    )


async def find_session(connection: AsyncConnection, session_id: str) -> Session | None:
    """The login of that id, revoked or not."""
    row = (await connection.execute(select(t.sessions).where(t.sessions.c.id == session_id))).one_or_none()
    if row is None:
        return None
    return Session(row.id, row.user_id, row.refresh_hash, row.refreshed_at, row.expires_at, row.revoked_at)


async def rotate_session(
    connection: AsyncConnection, session_id: str, refresh_hash: str, *, at: int, expires_at: int
) -> None:
    """From now on only the refresh token with that hash is good."""
    changes = {"refresh_hash": refresh_hash, "refreshed_at": at, "expires_at": expires_at}
    await connection.execute(update(t.sessions).where(t.sessions.c.id == session_id).values(**changes))


async def revoke_sessions(
    connection: AsyncConnection,
    *,
    at: int,
    session_id: str | None = None,
    user_id: int | None = None,
    but: str | None = None,
) -> set[str]:
    """End one login, or all of a user's, `but` one; returns those that were ended by this."""
    sessions = t.sessions.c
    condition = sessions.id == session_id if session_id is not None else sessions.user_id == user_id
    revoked = update(t.sessions).where(condition, sessions.revoked_at.is_(None)).values(revoked_at=at)
    if but is not None:
        revoked = revoked.where(sessions.id != but)
    return {row.id for row in await connection.execute(revoked.returning(sessions.id))}


async def list_revoked_sessions(connection: AsyncConnection, since: int) -> set[str]:
    """The logins that were ended since then."""
    rows = await connection.execute(select(t.sessions.c.id).where(t.sessions.c.revoked_at >= since))
    return {row.id for row in rows}


async def drop_expired_sessions(connection: AsyncConnection, before_at: int) -> None:
    """Forget logins that ran out before then."""
    await connection.execute(delete(t.sessions).where(t.sessions.c.expires_at < before_at))


def _user(row: Any) -> User:
    return User(
        id=row.id,
        username=row.username,
        password_hash=row.password_hash,
        role=row.role,
        is_active=row.is_active,
        created_at=row.created_at,
        last_login_at=row.last_login_at,
    )
