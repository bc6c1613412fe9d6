"""The hub: who listens to which rooms, and the rhythm in which they are told.

Subscribers to the same set of rooms form a group and share their batches. Events of one flush go out
together; the pause between flushes is short when there is little to tell and grows with the work that
telling makes, so that watching never starves the gateways. The hub never waits for a client.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Sequence

from goip.models import EVERYWHERE, Cursor, Event
from goip.realtime.envelope import Batch, Envelope
from goip.realtime.subscriber import Key, Subscriber, merge
from goip.store.fleet import Fleet

SHORTEST_PAUSE_SECONDS = 0.01
LONGEST_PAUSE_SECONDS = 0.5
_SHARE_OF_TIME = 0.15
"""The part of the loop's time that telling may take."""
_CATCH_UP_SECONDS = 0.25


class Group:
    """The subscribers to one set of rooms; all of them have been told everything up to `cursor`."""

    __slots__ = ("cursor", "pending", "rooms", "subscribers")

    def __init__(self, rooms: frozenset[str], cursor: Cursor) -> None:
        self.rooms = rooms
        self.cursor = cursor
        self.subscribers: set[Subscriber] = set()
        self.pending: dict[Key, Envelope] = {}


class Hub:
    """See the module. All methods are for the event loop's thread."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._groups: dict[frozenset[str], Group] = {}
        self._by_room: dict[str, set[Group]] = {}
        self._touched: set[Group] = set()
        self._flush_handle: asyncio.TimerHandle | None = None
        self._pause_seconds = SHORTEST_PAUSE_SECONDS
        self._catch_up_handle: asyncio.TimerHandle | None = None
        self.n_events = 0

    @property
    def subscribers(self) -> Iterable[Subscriber]:
        """Everyone who listens."""
        return [subscriber for group in self._groups.values() for subscriber in group.subscribers]

    def publish(self, events: Sequence[Event]) -> None:
        """Queue committed events for whoever listens; they leave with the next flush."""
        self.n_events += len(events)
        if not self._groups:
            return
        for event in events:
            envelope: Envelope | None = None
            for room in event.rooms:
                groups = self._groups.values() if room == EVERYWHERE else self._by_room.get(room, ())
                for group in groups:
                    envelope = envelope or Envelope(event)
                    merge(group.pending, envelope)
                    self._touched.add(group)
        if self._touched and self._flush_handle is None:
            loop = asyncio.get_running_loop()
            self._flush_handle = loop.call_later(self._pause_seconds, self.flush)

    def flush(self) -> None:
        """Tell every group what is pending."""
        if self._flush_handle is not None:
            self._flush_handle.cancel()
            self._flush_handle = None
        touched, self._touched = self._touched, set()
        if not touched:
            return
        started = time.perf_counter()
        cursor = self._fleet.cursor
        for group in touched:
            self._flush_group(group, cursor)
        # What subscribers queued is written in the next turns of the loop: look at the clock after them.
        loop = asyncio.get_running_loop()
        loop.call_soon(lambda: loop.call_soon(self._set_pause, started))

    def _flush_group(self, group: Group, cursor: Cursor) -> None:
        pending, group.pending = group.pending, {}
        batch = Batch(group.cursor, cursor, pending.values(), group.rooms)
        group.cursor = cursor
        for subscriber in tuple(group.subscribers):
            subscriber.deliver(batch)
            if subscriber.is_behind:
                self._catch_up_later()

    def _set_pause(self, started: float) -> None:
        wanted = (time.perf_counter() - started) / _SHARE_OF_TIME
        self._pause_seconds = min(max(wanted, SHORTEST_PAUSE_SECONDS), LONGEST_PAUSE_SECONDS)

    def subscribe(self, subscriber: Subscriber, rooms: Iterable[str]) -> Cursor:
        """Listen to exactly these rooms from now on; everything after the returned cursor will be told."""
        self.flush()
        self._leave_group(subscriber)
        subscriber.rooms = frozenset(rooms)
        if not subscriber.rooms:
            return self._fleet.cursor
        group = self._groups.get(subscriber.rooms)
        if group is None:
            group = self._groups[subscriber.rooms] = Group(subscriber.rooms, self._fleet.cursor)
            for room in subscriber.rooms:
                self._by_room.setdefault(room, set()).add(group)
        group.cursor = self._fleet.cursor
        group.subscribers.add(subscriber)
        return group.cursor

    def unsubscribe(self, subscriber: Subscriber) -> None:
        """The listener is gone."""
        self._leave_group(subscriber)
        subscriber.rooms = frozenset()

    def _leave_group(self, subscriber: Subscriber) -> None:
        group = self._groups.get(subscriber.rooms)
        if group is None:
            return
        group.subscribers.discard(subscriber)
        if group.subscribers:
            return
        del self._groups[group.rooms]
        self._touched.discard(group)
        for room in group.rooms:
            groups = self._by_room[room]
            groups.discard(group)
            if not groups:
                del self._by_room[room]

    def _catch_up_later(self) -> None:
        if self._catch_up_handle is None:
            loop = asyncio.get_running_loop()
            self._catch_up_handle = loop.call_later(_CATCH_UP_SECONDS, self._catch_up)

    def _catch_up(self) -> None:
        self._catch_up_handle = None
        for subscriber in self.subscribers:
            subscriber.catch_up()
            if subscriber.is_behind:
                self._catch_up_later()

    def close(self) -> None:
        """Stop telling; end every connection."""
        self.flush()
        for handle in (self._flush_handle, self._catch_up_handle):
            if handle is not None:
                handle.cancel()
        for subscriber in tuple(self.subscribers):
            subscriber.close("the server is stopping")
