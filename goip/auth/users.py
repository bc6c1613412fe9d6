"""Users, as an administrator and they themselves change them: what they lose, they lose at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from goip.auth.keys import Keyring
from goip.auth.logins import Logins
from goip.auth.passwords import Passwords, check_password
from goip.auth.principals import ROLES
from goip.auth.usernames import check_username, clean_username
from goip.errors import Conflict, InvalidPayload, NotFound
from goip.store import keys as stored_keys
from goip.store import users as stored
from goip.store.keys import Key
from goip.store.store import Store
from goip.store.users import User


@dataclass(frozen=True, slots=True)
class UserChanges:
    """What to change; None leaves it."""

    role: str | None = None
    is_active: bool | None = None
    password: str | None = None


async def list_users(store: Store) -> list[User]:
    """Every user, by name."""
    async with store.reading() as connection:
        return await stored.list_users(connection)


async def add_user(store: Store, passwords: Passwords, *, username: str, password: str, role: str) -> User:
    """A new user. Raises InvalidPayload for a bad name, role or password, Conflict for a taken name."""
    name = clean_username(username)
    check_username(name)
    check_password(password, name)
    _check_role(role)
    password_hash, at = await passwords.hash(password), store.clock()

    async def work(connection: AsyncConnection) -> User:
        if await stored.find_user(connection, username=name) is not None:
            raise Conflict("this username is taken", fields={"username": ["Is taken."]})
        user_id = await stored.add_user(
            connection, username=name, password_hash=password_hash, role=role, at=at
        )
        return await _get(connection, user_id)

    return await store.transact(work)


async def change_user(
    store: Store,
    logins: Logins,
    keyring: Keyring,
    user_id: int,
    changes: UserChanges,
    *,
    own_session_id: str | None = None,
    wire_name: str = "password",
) -> User:
    """Change a user, and end what rested on the old values.

    A new role, a new password and being shut out end the user's sessions; all but the password end the API
    tokens too. `own_session_id` is the session of whoever changes: a change of nothing but the password
    leaves that one. `wire_name` is what the caller calls the password. Raises NotFound, InvalidPayload, and
    Conflict for the last administrator.
    """
    columns = await _columns(store, logins.passwords, user_id, changes, wire_name)
    at = store.clock()
    user, ended, revoked = await store.transact(
        lambda connection: _apply(connection, user_id, columns, at, own_session_id)
    )
    logins.forget(ended)
    keyring.forget(revoked)
    return user


async def _apply(
    connection: AsyncConnection, user_id: int, columns: dict[str, Any], at: int, own_session_id: str | None
) -> tuple[User, set[str], list[Key]]:
    """The changed user, and the sessions and keys that ended with the change, all in one transaction."""
    before = await _get(connection, user_id)
    differing = {name: value for name, value in columns.items() if getattr(before, name) != value}
    if not differing:
        return before, set(), []
    await stored.change_user(connection, user_id, **differing)
    await _need_an_admin(connection, before)
    is_password_only = set(differing) == {"password_hash"}
    spared = own_session_id if is_password_only else None
    ended = await stored.revoke_sessions(connection, at=at, user_id=user_id, but=spared)
    revoked: list[Key] = []
    if not is_password_only:
        revoked = await stored_keys.revoke_keys(connection, at=at, user_id=user_id, kind="api")
    return await _get(connection, user_id), ended, revoked


async def _columns(
    store: Store, passwords: Passwords, user_id: int, changes: UserChanges, wire_name: str
) -> dict[str, Any]:
    """What to write; the slow hash is made here, before the writer is asked."""
    async with store.reading() as connection:
        user = await _get(connection, user_id)
    columns: dict[str, Any] = {}
    if changes.role is not None:
        _check_role(changes.role)
        columns["role"] = changes.role
    if changes.is_active is not None:
        columns["is_active"] = changes.is_active
    if changes.password is not None:
        check_password(changes.password, user.username, field=wire_name)
        columns["password_hash"] = await passwords.hash(changes.password)
    return columns


async def _need_an_admin(connection: AsyncConnection, before: User) -> None:
    """Raises Conflict, which rolls the change back, when it would leave nobody who can undo it."""
    if before.role != "admin" or not before.is_active:
        return
    users = await stored.list_users(connection)
    if not any(user.role == "admin" and user.is_active for user in users):
        raise Conflict("this is the last administrator", code="last_admin")


async def _get(connection: AsyncConnection, user_id: int) -> User:
    user = await stored.find_user(connection, user_id=user_id)
    if user is None:
        raise NotFound("no such user", code="unknown_user")
    return user


def _check_role(role: str) -> None:
    if role not in ROLES:
        problem = f"must be one of {', '.join(ROLES)}"
        raise InvalidPayload(f"role {problem}", fields={"role": [f"{problem.capitalize()}."]})
