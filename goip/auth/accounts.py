"""Users and tokens from the command line, also while the server runs: it catches up within seconds."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy.ext.asyncio import AsyncConnection

from goip.auth.keys import API, hash_key, new_key
from goip.auth.passwords import Passwords, check_password
from goip.auth.usernames import check_username, clean_username
from goip.clock import now_ms
from goip.errors import Conflict, NotFound
from goip.store import keys, users
from goip.store.users import User

_DAY_MS = 86_400_000


async def create_user(connection: AsyncConnection, *, username: str, role: str, password: str) -> int:
    """Add a user; returns the id. Raises InvalidPayload for a weak password, Conflict for a known name."""
    name = clean_username(username)
    check_username(name)
    check_password(password, name)
    if await users.find_user(connection, username=name) is not None:
        raise Conflict(f"there is a user {name} already", fields={"username": ["Is taken."]})
    password_hash = await Passwords().hash(password)
    return await users.add_user(
        connection, username=name, password_hash=password_hash, role=role, at=now_ms()
    )


async def set_password(connection: AsyncConnection, *, username: str, password: str) -> None:
    """Change a password, and end the user's logins."""
    name = clean_username(username)
    check_password(password, name)
    user = await users.find_user(connection, username=name)
    if user is None:
        raise NotFound(f"there is no user {name}", code="unknown_user")
    await users.change_user(connection, user.id, password_hash=await Passwords().hash(password))
    await users.revoke_sessions(connection, at=now_ms(), user_id=user.id)


async def list_users(connection: AsyncConnection) -> list[User]:
    """Every user, by name."""
    return await users.list_users(connection)


async def create_token(
    connection: AsyncConnection, *, name: str, scopes: Iterable[str], days: int | None
) -> str:
    """An API token, in the clear, this once."""
    key, at = new_key(API), now_ms()
    expires_at = None if days is None else at + days * _DAY_MS
    scope_text = " ".join(sorted(set(scopes)))
    await keys.add_key(
        connection,
        kind="api",
        hash=hash_key(key),
        name=name,
        scopes=scope_text,
        created_at=at,
        expires_at=expires_at,
    )
    return key
