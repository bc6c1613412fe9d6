"""Users, for administrators."""

from __future__ import annotations

from aiohttp import web

from goip.api.appkeys import KEYRING, LOGINS, PRINCIPAL, STORE
from goip.api.bodies import answer, load, read_json
from goip.api.schemas.auth import UserCreate, UserPatch
from goip.auth import users
from goip.auth.users import UserChanges
from goip.clock import iso_or_none, to_iso
from goip.errors import NotFound
from goip.store.users import User
from goip.wire import Json

_LONGEST_ID = 18


async def list_users(request: web.Request) -> web.Response:
    """`GET /api/users`: all of them, by name."""
    found = await users.list_users(request.app[STORE])
    return answer({"users": [_user_json(user) for user in found], "nextCursor": None, "total": len(found)})


async def create_user(request: web.Request) -> web.Response:
    """`POST /api/users`."""
    body = load(UserCreate(), await read_json(request))
    user = await users.add_user(
        request.app[STORE],
        request.app[LOGINS].passwords,
        username=body["username"],
        password=body["password"],
        role=body["role"],
    )
    return answer({"user": _user_json(user)}, status=201)


async def patch_user(request: web.Request) -> web.Response:
    """`PATCH /api/users/{userId}`: role, isActive, password; what rested on the old ones ends."""
    body = load(UserPatch(), await read_json(request))
    user = await users.change_user(
        request.app[STORE],
        request.app[LOGINS],
        request.app[KEYRING],
        number_of(request.match_info["userId"], "user"),
        UserChanges(**body),
        own_session_id=request[PRINCIPAL].session_id,
    )
    return answer({"user": _user_json(user)})


def number_of(text: str, noun: str) -> int:
    """The id that an address names. Raises NotFound for what is no id."""
    if not (text.isascii() and text.isdigit() and len(text) <= _LONGEST_ID):
        raise NotFound(f"no such {noun}", code=f"unknown_{noun}")
    return int(text)


def _user_json(user: User) -> Json:
    return {
        "id": str(user.id),
        "username": user.username,
        "role": user.role,
        "isActive": user.is_active,
        "createdAt": to_iso(user.created_at),
        "lastLoginAt": iso_or_none(user.last_login_at),
    }
