"""Events as bytes, encoded once however many listen, and not at all when nobody does."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any, TypeVar

from goip.clock import to_iso
from goip.models import EVERYWHERE, Cursor, Event
from goip.wire import dumps, event_data

T = TypeVar("T")


class Envelope:
    """An event and its JSON."""

    __slots__ = ("_data", "_objects", "event")

    def __init__(self, event: Event) -> None:
        self.event = event
        self._data: bytes | None = None
        self._objects: dict[str, bytes] = {}

    @property
    def data(self) -> bytes:
        """The JSON of the event's data."""
        if self._data is None:
            self._data = dumps(event_data(self.event))
        return self._data

    @property
    def n_bytes(self) -> int:
        """How long the JSON of its data is, once somebody has asked for it."""
        return 0 if self._data is None else len(self._data)

    def object_in(self, room: str) -> bytes:
        """The JSON of the event object of a frame, seen from `room`."""
        found = self._objects.get(room)
        if found is None:
            event = self.event
            head = dumps({"seq": event.seq, "event": event.name, "room": room})
            found = head[:-1] + b',"data":' + self.data + b',"at":"' + to_iso(event.at).encode() + b'"}'
            self._objects[room] = found
        return found


class Batch:
    """What one subscription is told at once: everything of its rooms after `after`, up to `cursor`.

    Of the state events of one subject only the newest is in it; facts are all in it. Subscribers to the
    same rooms share the batch, and `encoded` its bytes. `message` are those of a WebSocket message, once somebody has
    made them: thousands ask for them in one flush, and a look-up each would be felt.
    """

    __slots__ = ("_encoded", "after", "cursor", "envelopes", "message", "recovered", "rooms", "state")

    def __init__(
        self,
        after: Cursor | None,
        cursor: Cursor,
        envelopes: Iterable[Envelope],
        rooms: Collection[str],
        *,
        recovered: bool = True,
        state: bytes | None = None,
    ) -> None:
        self.after = after
        self.cursor = cursor
        self.envelopes = tuple(envelopes)
        self.rooms = rooms
        self.recovered = recovered
        self.state = state
        self.message: bytes | None = None
        self._encoded: dict[str, Any] = {}

    def encoded(self, form: str, encode: Callable[[Batch], T]) -> T:
        """The batch in a transport's form, made by the first who asks."""
        found: T | None = self._encoded.get(form)
        if found is None:
            found = self._encoded[form] = encode(self)
        return found

    def objects(self) -> Iterator[tuple[Envelope, bytes]]:
        """Every envelope with its event object, seen from the subscriber's rooms."""
        for envelope in self.envelopes:
            yield envelope, envelope.object_in(_room_seen(envelope.event.rooms, self.rooms))

    def frame(self) -> bytes:
        """The frame of the contract, as JSON; with the snapshot in it where nothing could be recovered."""
        return self.encoded("frame", _frame)


def _frame(batch: Batch) -> bytes:
    events = b",".join(data for _, data in batch.objects())
    head = dumps(
        {
            "after": None if batch.after is None else str(batch.after),
            "cursor": str(batch.cursor),
            "recovered": batch.recovered,
        }
    )
    tail = b"" if batch.state is None else b',"state":' + batch.state
    return head[:-1] + b',"events":[' + events + b"]" + tail + b"}"


def _room_seen(rooms: tuple[str, ...], mine: Collection[str]) -> str:
    """The room by which a subscriber of `mine` comes to an event of `rooms`."""
    return next((room for room in rooms if room in mine or room == EVERYWHERE), rooms[0])
