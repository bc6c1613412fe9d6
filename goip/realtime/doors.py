"""The doors that live connections come in by: how many each address, and each user, may hold open.

A connection takes a place before anything else is done for it, says whose it is as soon as that is known,
and gives the place back at its end, however it ends. Plain requests take none.
"""

from __future__ import annotations

import ipaddress
from collections import Counter
from types import TracebackType
from typing import Protocol

from goip.auth.principals import Principal
from goip.errors import TooManyRequests

TOO_MANY_CONNECTIONS = "too_many_connections"
_COME_AGAIN_SECONDS = 10
_HOME_PREFIX = 64
"""One customer of IPv6 has a whole network of this size to call from."""


class Newcomers(Protocol):
    """How often one address may open something new."""

    def spend(self, name: str) -> None:
        """One more; raises TooManyRequests."""

    def check(self, name: str) -> None:
        """Raises as `spend` would, and counts nothing."""


class Place:
    """What one connection holds while it is open."""

    def __init__(self, doors: Doors, home: str) -> None:
        self._doors = doors
        self._home: str | None = home
        self._owner: str | None = None

    def belong_to(self, principal: Principal) -> None:
        """Count for this user, script or device from now on. Raises TooManyRequests; then nothing has changed."""
        owner = _owner_of(principal)
        if owner == self._owner or self._home is None:
            return
        if owner is not None:
            self._doors.take_of_owner(owner)
        self._doors.give_back(None, self._owner)
        self._owner = owner

    def leave(self) -> None:
        """Give the place back; once is enough, and more often does no harm."""
        if self._home is not None:
            self._doors.give_back(self._home, self._owner)
            self._home = self._owner = None

    def __enter__(self) -> Place:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.leave()


class Doors:
    """Live connections of one server, by address and by whom they belong to; a limit of 0 is none."""

    def __init__(self, per_address: int, per_user: int, newcomers: Newcomers) -> None:
        self._per_address = per_address
        self._per_user = per_user
        self._newcomers = newcomers
        self.homes: Counter[str] = Counter()
        self.owners: Counter[str] = Counter()

    def check(self, address: str) -> None:
        """Raises TooManyRequests where a new connection from this address would be refused; nothing is taken."""
        home = home_of(address)
        _need_room(self.homes[home], self._per_address, "address")
        self._newcomers.check(home)

    def enter(self, address: str, principal: Principal | None = None, *, is_new: bool = True) -> Place:
        """A place for a connection from this address, and of this caller if known. Raises TooManyRequests.

        `is_new` is false for what a client asks again and again, as in long polling: its rate is no flood.
        """
        home = home_of(address)
        _need_room(self.homes[home], self._per_address, "address")
        if is_new:
            self._newcomers.spend(home)
        self.homes[home] += 1
        place = Place(self, home)
        if principal is not None:
            try:
                place.belong_to(principal)
            except TooManyRequests:
                place.leave()
                raise
        return place

    def take_of_owner(self, owner: str) -> None:
        """One more connection of this user. Raises TooManyRequests."""
        _need_room(self.owners[owner], self._per_user, "user")
        self.owners[owner] += 1

    def give_back(self, home: str | None, owner: str | None) -> None:
        """The end of a connection; whoever has none left is forgotten."""
        for counted, name in ((self.homes, home), (self.owners, owner)):
            if name is not None:
                counted[name] -= 1
                if not counted[name]:
                    del counted[name]


def _need_room(n_open: int, most: int, whose: str) -> None:
    if most and n_open >= most:
        raise TooManyRequests(
            f"too many connections of this {whose}",
            code=TOO_MANY_CONNECTIONS,
            retry_after_seconds=_COME_AGAIN_SECONDS,
        )


def _owner_of(principal: Principal) -> str | None:
    """A person's connections count together, whatever they logged in with; a script's by its token."""
    match principal.kind:
        case "user":
            return f"user {principal.user_id}"
        case "script":
            return f"token {principal.key_id}"
        case "device":
            return f"device {principal.device_id}"
        case _:
            return None


def home_of(address: str) -> str:
    """What is counted as one address: of IPv6 the network that one customer has."""
    if ":" not in address:
        return address
    try:
        ip = ipaddress.IPv6Address(address.partition("%")[0])
    except ValueError:
        return address
    if ip.ipv4_mapped is not None:
        return str(ip.ipv4_mapped)
    return str(ipaddress.IPv6Network((ip, _HOME_PREFIX), strict=False))
