"""A listener that writes down what it is told, and events to tell it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from goip.auth.principals import Principal
from goip.models import Cursor, Event
from goip.realtime.envelope import Batch
from goip.realtime.subscriber import Subscriber
from goip.store.fleet import Fleet

VIEWER = Principal(kind="user", username="anna")
AT = 1_795_238_541_123


class Listener(Subscriber):
    """Reads while `reads` is true; `told` are the batches and the resyncs, in order."""

    def __init__(self, principal: Principal = VIEWER, transport: str = "test") -> None:
        super().__init__(principal, transport)
        self.reads = True
        self.told: list[Batch | Cursor] = []
        self.closed: list[str] = []

    def is_writable(self) -> bool:
        return self.reads

    def write(self, batch: Batch) -> None:
        self.told.append(batch)

    def tell_resync(self, cursor: Cursor) -> None:
        self.told.append(cursor)

    def close(self, reason: str) -> None:
        self.closed.append(reason)

    @property
    def batches(self) -> list[Batch]:
        return [each for each in self.told if isinstance(each, Batch)]

    @property
    def seqs(self) -> list[int]:
        """The places of all events that it was told."""
        return [envelope.event.seq for batch in self.batches for envelope in batch.envelopes]

    @property
    def spans(self) -> list[tuple[int | None, int]]:
        """From where to where each batch vouches for."""
        return [(batch.after.seq if batch.after else None, batch.cursor.seq) for batch in self.batches]


class Stream:
    """A stream without a database: each event gets the next place."""

    def __init__(self) -> None:
        self.fleet = Fleet("epoch", 0)

    @property
    def cursor(self) -> Cursor:
        return self.fleet.cursor

    def fact(self, *rooms: str, name: str = "told", **data: Any) -> Event:
        return self._next(name, rooms, data, None)

    def state(self, subject: str, *rooms: str, name: str = "device-heartbeat", **data: Any) -> Event:
        return self._next(name, rooms, data, subject)

    def _next(self, name: str, rooms: Iterable[str], data: dict[str, Any], subject: str | None) -> Event:
        self.fleet.seq += 1
        return Event(self.fleet.seq, name, tuple(rooms), {**data, "seq": self.fleet.seq}, AT, subject)
