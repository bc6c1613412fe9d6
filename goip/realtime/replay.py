"""The snapshot that a client starts from, and what a returning client missed."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from goip.clock import to_iso
from goip.models import DASHBOARD, Cursor, Device, Event, device_room
from goip.realtime.envelope import Batch, Envelope
from goip.store.draft import device_event
from goip.store.facts import list_facts
from goip.store.store import Store
from goip.wire import Json, device_json, dumps, stats_json


class History:
    """Reads the stream backwards for the transports: `snapshot` and `missed`."""

    def __init__(self, store: Store, replay_limit: int) -> None:
        self._store = store
        self._replay_limit = replay_limit

    def snapshot(self, rooms: Collection[str]) -> Json:
        """`state`: everything that a subscriber to these rooms needs to begin with, at one cursor."""
        fleet = self._store.fleet
        now = self._store.clock()
        return {
            "cursor": str(fleet.cursor),
            "rooms": sorted(rooms),
            "devices": [device_json(device) for device in self._devices_in(rooms)],
            "stats": stats_json(fleet.stats(), now, fleet.stats_seq),
            "alerts": [],
            "notifications": [],
            "serverTime": to_iso(now),
        }

    async def missed(self, rooms: Collection[str], after: Cursor) -> Batch:
        """All that these rooms had after `after`, or a snapshot where that cannot be told any more.

        Facts come every one, in order; of each subject's states only the newest.
        """
        fleet = self._store.fleet
        upto = fleet.cursor
        states = [Envelope(event) for event in self._states_after(rooms, after.seq)]
        if not (after.epoch == upto.epoch and fleet.oldest_seq <= after.seq <= upto.seq):
            return self.fresh(rooms, after)
        facts: list[Event] | None = []
        if after.seq < upto.seq:
            async with self._store.reading() as connection:
                facts = await list_facts(
                    connection, rooms, after=after.seq, upto=upto.seq, limit=self._replay_limit
                )
        if facts is None:
            return self.fresh(rooms, after)
        envelopes = sorted([*states, *map(Envelope, facts)], key=lambda envelope: envelope.event.seq)
        return Batch(after, upto, envelopes, rooms)

    def fresh(self, rooms: Collection[str], after: Cursor | None) -> Batch:
        """A batch that says honestly that nothing was recovered, with the snapshot to go on from."""
        state = dumps(self.snapshot(rooms))
        return Batch(after, self._store.fleet.cursor, (), rooms, recovered=False, state=state)

    def _devices_in(self, rooms: Collection[str]) -> Iterator[Device]:
        fleet = self._store.fleet
        if DASHBOARD in rooms:
            yield from fleet
            return
        for room in sorted(rooms):
            device = fleet.find(room.removeprefix("device-")) if room.startswith("device-") else None
            if device is not None and device_room(device.device_id) == room:
                yield device

    def _states_after(self, rooms: Collection[str], seq: int) -> Iterator[Event]:
        fleet = self._store.fleet
        for device in self._devices_in(rooms):
            if device.seq > seq:
                yield device_event(device, device.last_seen_at or device.status_since)
        if fleet.stats_seq > seq and DASHBOARD in rooms:
            now = self._store.clock()
            data = stats_json(fleet.stats(), now, fleet.stats_seq)
            yield Event(fleet.stats_seq, "stats-update", (DASHBOARD,), data, now, "stats")
