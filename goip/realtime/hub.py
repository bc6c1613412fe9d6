"""The hub: who listens to which rooms, and the rhythm in which they are told.

Subscribers to the same set of rooms form a group and share their batches. Events of one flush go out
together; the pause between flushes is short when there is little to tell and grows with the work that
telling makes, so that watching never starves the gateways. The hub never waits for a client.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection, Iterable, Sequence

from goip.models import EVERYWHERE, Cursor, Event
from goip.realtime.envelope import Batch, Envelope
from goip.realtime.subscriber import Key, Subscriber, merge
from goip.store.fleet import Fleet

SHORTEST_PAUSE_SECONDS = 0.01
LONGEST_PAUSE_SECONDS = 1.0
_SHARE_OF_TIME = 0.2
"""The part of the loop's time that telling may take."""
_SECONDS_PER_BYTE = 0.8e-9
"""What a byte to one client costs at least: much of it after the flush, as its socket takes it in pieces."""
_CATCH_UP_SECONDS = 0.25


class Group:
    """The subscribers to one set of rooms, and what they are to be told next."""

    __slots__ = ("pending", "rooms", "subscribers")

    def __init__(self, rooms: frozenset[str]) -> None:
        self.rooms = rooms
        self.subscribers: set[Subscriber] = set()
        self.pending: dict[Key, Envelope] = {}


class Hub:
    """See the module. All methods are for the event loop's thread."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._connected: set[Subscriber] = set()
        self._groups: dict[frozenset[str], Group] = {}
        self._by_room: dict[str, set[Group]] = {}
        self._touched: set[Group] = set()
        self._flush_handle: asyncio.TimerHandle | None = None
        self._pause_seconds = SHORTEST_PAUSE_SECONDS
        self._catch_up_handle: asyncio.TimerHandle | None = None
        self.n_events = 0

    @property
    def subscribers(self) -> Collection[Subscriber]:
        """Every connection, also those that listen to nothing yet."""
        return tuple(self._connected)

    def members(self, room: str) -> list[Subscriber]:
        """Who listens to this room."""
        return [one for group in self._by_room.get(room, ()) for one in group.subscribers]

    def count_by_room(self) -> dict[str, int]:
        """The rooms that somebody listens to, and how many do."""
        return {room: sum(len(group.subscribers) for group in self._by_room[room]) for room in self._by_room}

    def has_user(self, username: str) -> bool:
        """True while that user has a connection."""
        return any(one.principal.username == username for one in self._connected)

    def connect(self, subscriber: Subscriber) -> None:
        """A connection is there; it listens to nothing yet."""
        self._connected.add(subscriber)

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
        started = time.thread_time()  # of this thread: on a busy machine, others are no reason to tell later
        cursor = self._fleet.cursor
        n_bytes = sum(self._flush_group(group, cursor) for group in touched)
        # What subscribers queued is written in the next turns of the loop: look at the clock after them.
        loop = asyncio.get_running_loop()
        loop.call_soon(lambda: loop.call_soon(self._set_pause, started, n_bytes))

    def _flush_group(self, group: Group, cursor: Cursor) -> int:
        """Tell the group; returns the bytes that this is, over all of its subscribers."""
        pending, group.pending = group.pending, {}
        batches: dict[Cursor | None, Batch] = {}
        batch, is_anyone_behind = None, False
        for subscriber in tuple(group.subscribers):
            # Whoever joined since the last flush was told more than the others: its frame starts there.
            after = subscriber.told_upto
            if batch is None or batch.after is not after:  # almost all were told the same last
                batch = batches.get(after)
                if batch is None:
                    batch = batches[after] = Batch(after, cursor, pending.values(), group.rooms)
            subscriber.told_upto = cursor
            if not subscriber.deliver(batch):
                is_anyone_behind = True
        if is_anyone_behind:
            self._catch_up_later()
        return len(group.subscribers) * sum(envelope.n_bytes for envelope in pending.values())

    def _set_pause(self, started: float, n_bytes: int) -> None:
        spent = max(time.thread_time() - started, n_bytes * _SECONDS_PER_BYTE)
        # What held the loop up once is no reason to let everybody wait five times as long: work that lasts shows again.
        wanted = min(spent / _SHARE_OF_TIME, 2 * self._pause_seconds)
        self._pause_seconds = min(max(wanted, SHORTEST_PAUSE_SECONDS), LONGEST_PAUSE_SECONDS)

    def subscribe(self, subscriber: Subscriber, rooms: Iterable[str]) -> Cursor:
        """Listen to exactly these rooms from now on; everything after the returned cursor will be told.

        What is pending for the rooms that it leaves and for those who are in the new ones goes out first.
        """
        cursor = self._fleet.cursor
        wanted = frozenset(rooms)
        self._connected.add(subscriber)
        for concerned in (self._groups.get(subscriber.rooms), self._groups.get(wanted)):
            if concerned in self._touched:
                self._touched.discard(concerned)
                self._flush_group(concerned, cursor)
        is_joining = not wanted <= subscriber.rooms
        self._leave_group(subscriber)
        subscriber.rooms = wanted
        if is_joining or subscriber.told_upto is None:
            subscriber.told_upto = cursor
        if wanted:
            self._group_of(wanted).subscribers.add(subscriber)
        return subscriber.told_upto

    def _group_of(self, rooms: frozenset[str]) -> Group:
        group = self._groups.get(rooms)
        if group is None:
            group = self._groups[rooms] = Group(rooms)
            for room in rooms:
                self._by_room.setdefault(room, set()).add(group)
        return group

    def unsubscribe(self, subscriber: Subscriber) -> None:
        """The listener is gone."""
        self._connected.discard(subscriber)
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
