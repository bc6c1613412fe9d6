"""Who is calling, and what that caller may do: one table for every endpoint, room and export."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Literal

from goip.errors import Forbidden, NotFound
from goip.models import DASHBOARD, device_room, session_of

Role = Literal["viewer", "operator", "admin"]
ROLES: tuple[Role, ...] = ("viewer", "operator", "admin")


class Permission(Enum):
    """What a route or a room asks for. The value is the scope that grants it to an API token."""

    READ = "read"
    OPERATE = "operate"
    ADMINISTER = "admin"


_GRANTED: dict[str, frozenset[Permission]] = {
    "viewer": frozenset({Permission.READ}),
    "operator": frozenset({Permission.READ, Permission.OPERATE}),
    "admin": frozenset(Permission),
}


@dataclass(frozen=True, slots=True)
class Principal:
    """A caller whose proof held.

    `kind` is user (a person who logged in), script (an API token), device (its own key) or nobody (not
    authenticated yet). `expires_at` is ms since the epoch, None for
    what does not run out; `session_id` names the login and `key_hash` the key, for revocation.
    """

    kind: Literal["user", "script", "device", "nobody"]
    permissions: frozenset[Permission] = frozenset()
    user_id: int | None = None
    username: str | None = None
    role: str | None = None
    device_id: str | None = None
    session_id: str | None = None
    key_id: int | None = None
    key_hash: str | None = None
    expires_at: int | None = None

    @property
    def owner(self) -> str:
        """Whose is what this caller starts: the user's, be it by a script of that user, or the token's own."""
        return f"user:{self.user_id}" if self.user_id is not None else f"key:{self.key_id}"

    def may(self, permission: Permission) -> bool:
        """True when the caller has that permission."""
        return permission in self.permissions


NOBODY = Principal(kind="nobody")
"""A live connection that has not said yet who it is."""


def permissions_of(role: str) -> frozenset[Permission]:
    """What a role grants; nothing for a role that is not known."""
    return _GRANTED.get(role, frozenset())


def need(principal: Principal, permission: Permission) -> None:
    """Raises Forbidden when the caller lacks the permission."""
    if not principal.may(permission):
        raise Forbidden(f"this needs the permission to {permission.value}")


def authorise_join(principal: Principal, room: str, owner: str | None = None) -> None:
    """The one place that decides who may listen where. Raises Forbidden, NotFound.

    A session's room is for its `owner` (None where there is no such session) and for administrators; to
    anybody else it looks as if there were none.
    """
    if principal.kind == "device":
        if principal.device_id is None or room != device_room(principal.device_id):
            raise Forbidden("a device may join only its own room")
        return
    if not principal.may(Permission.READ):
        raise Forbidden(f"room {room} is not open to you")
    if session_of(room) is None:
        if not _exists(room):
            raise Forbidden(f"room {room} is not open to you")
    elif owner is None or not (owner == principal.owner or principal.may(Permission.ADMINISTER)):
        raise NotFound("there is no such session", code="unknown_session")


def _exists(room: str) -> bool:
    return room == DASHBOARD or (room.startswith("device-") and len(room) > len("device-"))
