"""One listener, whatever transport it is on, with a bound on what may wait for it.

A subscriber that does not read is not waited for: state events merge to the newest, facts pile up to
`MOST_FACTS_HELD`; past that it is told to resync, and when it stays stuck it is closed.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from typing import Any, Literal

from goip.auth.principals import Principal
from goip.clock import now_ms, to_iso
from goip.models import Cursor
from goip.realtime.envelope import Batch, Envelope

MOST_FACTS_HELD = 5_000
STUCK_SECONDS = 60.0

TOO_SLOW = "too slow"
NOT_AUTHENTICATED = "not authenticated"
EXPIRED = "token expired"
LOGGED_OUT = "logged out"
KEY_REVOKED = "key revoked"
NEEDS_LOGIN = frozenset({NOT_AUTHENTICATED, EXPIRED, LOGGED_OUT, KEY_REVOKED})
"""Reasons to be closed for which coming back with the same proof is useless."""

Key = int | tuple[str, str]


def merge(into: dict[Key, Envelope], envelope: Envelope) -> bool:
    """Add an event in its place, the newest last; an older state of its subject goes. True for a fact."""
    event = envelope.event
    if event.subject is None:
        into[event.seq] = envelope
        return True
    key = (event.name, event.subject)
    into.pop(key, None)
    into[key] = envelope
    return False


class Subscriber(ABC):
    """A listener to some rooms. The hub calls `deliver` and `catch_up`; a transport implements the rest.

    `told_upto` is the end of the last batch, `heard_since` the place after which it has heard all of a room.
    `looks_at` are those of its rooms whose wire log it wants to be told, too.
    `address` is the client's, as far as its transport knows it.
    """

    carrier: Literal["websocket", "http"] = "http"
    """What the connection runs over."""

    def __init__(self, principal: Principal, transport: str) -> None:
        self.principal = principal
        self.transport = transport
        self.address: str | None = None
        self.connected_at = now_ms()
        self.rooms: frozenset[str] = frozenset()
        self.told_upto: Cursor | None = None
        self.heard_since: dict[str, int] = {}
        self.looks_at: set[str] = set()
        self._held: dict[Key, Envelope] = {}
        self._held_after: Cursor | None = None
        self._held_upto: Cursor | None = None
        self._n_facts_held = 0
        self._held_since: float | None = None
        self._lost_track = False
        self._is_replaying = False

    @abstractmethod
    def is_writable(self) -> bool:
        """True when little waits to be sent to this client."""

    @abstractmethod
    def write(self, batch: Batch) -> None:
        """Queue a batch for sending; must not block."""

    @abstractmethod
    def tell_resync(self, cursor: Cursor) -> None:
        """Tell the client that it lost track: it has to fetch a snapshot."""

    @abstractmethod
    def close(self, reason: str) -> None:
        """End the connection; must not block."""

    def tell(self, name: str, data: bytes) -> None:  # noqa: B027
        """Queue one event, a JSON object, that is no part of the stream; must not block.

        For transports whose clients can join rooms outside of the stream; nobody else is ever told so.
        """

    @property
    def n_queued(self) -> int:
        """How many pieces wait to be sent to this client."""
        return 0

    @property
    def is_behind(self) -> bool:
        """True while something is held back for this client."""
        return self._held_since is not None

    def deliver(self, batch: Batch) -> bool:
        """Send a batch, or hold it while the client does not read or is being replayed to; True when it is sent."""
        if self._held_since is None and not self._is_replaying and self.is_writable():
            self.write(batch)
            return True
        self._hold(batch)
        return False

    def catch_up(self) -> None:
        """Send what was held, if the client reads again; close it when it has been stuck for long."""
        if self._held_since is None or self._is_replaying:
            return
        if not self.is_writable():
            if time.monotonic() - self._held_since > STUCK_SECONDS:
                self.close(TOO_SLOW)
            return
        self._send_held()

    def _send_held(self) -> None:
        if self._lost_track and self._held_upto is not None:
            self.tell_resync(self._held_upto)
        elif self._held_upto is not None:
            self.write(Batch(self._held_after, self._held_upto, self._held.values(), self.rooms))
        self._forget_held()

    def settle(self) -> None:
        """Send what is held, however slow the client is: history must not overtake it."""
        if self._held_since is not None and not self._is_replaying:
            self._send_held()

    def begin_replay(self) -> None:
        """Hold new events until `end_replay`: history goes first. What was pending must have been flushed."""
        self._is_replaying = True

    def end_replay(self) -> None:
        """History is sent: what came meanwhile follows."""
        self._is_replaying = False
        self.catch_up()

    def _hold(self, batch: Batch) -> None:
        if self._held_since is None:
            self._held_since = time.monotonic()
            self._held_after = batch.after
        self._held_upto = batch.cursor
        if self._lost_track:
            return
        for envelope in batch.envelopes:
            self._n_facts_held += merge(self._held, envelope)
        if self._n_facts_held > MOST_FACTS_HELD:
            self._lost_track = True
            self._held.clear()

    def _forget_held(self) -> None:
        self._held = {}
        self._held_after = self._held_upto = self._held_since = None
        self._n_facts_held = 0
        self._lost_track = False

    def describe(self) -> dict[str, Any]:
        """For the operator: who is connected how."""
        return {
            "transport": self.transport,
            "carrier": self.carrier,
            "kind": self.principal.kind,
            "user": self.principal.username,
            "deviceId": self.principal.device_id,
            "address": self.address,
            "since": to_iso(self.connected_at),
            "rooms": sorted(self.rooms),
            "queueLength": self.n_queued,
            "isBehind": self.is_behind,
        }
