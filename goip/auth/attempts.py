"""How often somebody may be wrong: counted per name, in memory, with a wait that doubles."""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from collections.abc import Hashable
from typing import NamedTuple

from goip.clock import Clock
from goip.errors import TooManyRequests

_FIRST_WAIT_SECONDS = 5
_FORGOTTEN_AFTER_MS = 15 * 60_000
_MOST_REMEMBERED = 20_000


class _Count(NamedTuple):
    n: int
    blocked_until: int


class Attempts:
    """Lets `free` attempts pass, then one after 5 s, 10 s, 20 s, … up to `longest_seconds`.

    A name is forgotten a quarter of an hour after its last wait was over. The least recently counted
    names go first when there are too many.
    """

    def __init__(self, clock: Clock, *, free: int, longest_seconds: int) -> None:
        self._clock = clock
        self._free = free
        self._longest_seconds = longest_seconds
        self._counts: OrderedDict[Hashable, _Count] = OrderedDict()

    def __len__(self) -> int:
        return len(self._counts)

    def seconds_to_wait(self, name: Hashable) -> int:
        """How long this name has to wait, 0 when it may try now."""
        left_ms = self._known(name).blocked_until - self._clock()
        return max(0, -(-left_ms // 1000))

    def count(self, name: Hashable) -> None:
        """One more attempt that counts as wrong until `forget` or `undo` says otherwise."""
        n = self._known(name).n + 1
        # The doubling is capped by itself: 2 ** n of a patient attacker is no number to compute.
        doublings = min(n - self._free, 16)
        wait = 0 if doublings < 0 else min(_FIRST_WAIT_SECONDS * 2**doublings, self._longest_seconds)
        self._counts[name] = _Count(n, self._clock() + wait * 1000)
        self._counts.move_to_end(name)
        if len(self._counts) > _MOST_REMEMBERED:
            self._counts.popitem(last=False)

    def undo(self, name: Hashable) -> None:
        """The last attempt was not a wrong one."""
        known = self._counts.get(name)
        if known is not None:
            self._counts[name] = _Count(max(0, known.n - 1), self._clock())

    def forget(self, name: Hashable) -> None:
        """Start from nothing."""
        self._counts.pop(name, None)

    def _known(self, name: Hashable) -> _Count:
        known = self._counts.get(name)
        if known is None or self._clock() > known.blocked_until + _FORGOTTEN_AFTER_MS:
            return _Count(0, 0)
        return known


class Try(NamedTuple):
    """One try to log in, counted already: as `username` from `network`."""

    username: str
    network: str
    is_known_place: bool


class LoginTries:
    """The limit on tries: per username, and per network of the caller.

    Whoever has logged in from there before is counted alone, by both together: so a stranger who uses up
    a username's tries, or a neighbour who uses up the address's, does not shut its owner out.
    """

    def __init__(self, clock: Clock) -> None:
        self._by_username = Attempts(clock, free=10, longest_seconds=300)
        self._by_network = Attempts(clock, free=30, longest_seconds=900)
        self._known_places: OrderedDict[tuple[str, str], None] = OrderedDict()

    def begin(self, username: str, address: str) -> Try:
        """Count a try before it is judged, or many at once would all pass. Raises TooManyRequests."""
        network = _network(address)
        attempt = Try(username, network, (username, network) in self._known_places)
        counts = self._counts(attempt)
        seconds = max(attempts.seconds_to_wait(name) for attempts, name in counts)
        if seconds:
            raise TooManyRequests(
                f"too many failed logins: try again in {seconds} s",
                code="too_many_logins",
                retry_after_seconds=seconds,
            )
        for attempts, name in counts:
            attempts.count(name)
        return attempt

    def undo(self, attempt: Try) -> None:
        """It was not judged."""
        for attempts, name in self._counts(attempt):
            attempts.undo(name)

    def succeeded(self, attempt: Try) -> None:
        """It was right. The network's count only goes back by one: an own account must not clear it."""
        by_username, *by_network = self._counts(attempt)
        by_username[0].forget(by_username[1])
        for attempts, name in by_network:
            attempts.undo(name)
        place = (attempt.username, attempt.network)
        self._known_places[place] = None
        self._known_places.move_to_end(place)
        if len(self._known_places) > _MOST_REMEMBERED:
            self._known_places.popitem(last=False)

    def _counts(self, attempt: Try) -> list[tuple[Attempts, Hashable]]:
        if attempt.is_known_place:
            return [(self._by_username, (attempt.username, attempt.network))]
        return [(self._by_username, attempt.username), (self._by_network, attempt.network)]


def _network(address: str) -> str:
    """The address, or of IPv6 the /64 in which one caller has them all."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if parsed.version == 4:
        return str(parsed)
    return str(parsed.ipv4_mapped or ipaddress.ip_network((parsed, 64), strict=False))
