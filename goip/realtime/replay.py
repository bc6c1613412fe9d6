"""The snapshot that a client starts from, and what a returning client missed."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from goip.clock import to_iso
from goip.models import DASHBOARD, Cursor, Device, Event, device_room
from goip.realtime.envelope import Batch, Envelope
from goip.store.draft import device_event
from goip.store.facts import list_facts
from goip.store.store import Store
from goip.wire import device_json, dumps, stats_json

NOTHING: Mapping[str, int] = {}


class History:
    """Reads the stream backwards for the transports: `snapshot` and `missed`."""

    def __init__(self, store: Store, replay_limit: int) -> None:
        self._store = store
        self._replay_limit = replay_limit
        self._encoded: dict[int, tuple[Device, bytes]] = {}

    def snapshot(self, rooms: Collection[str]) -> bytes:
        """`state`, as JSON: everything that a subscriber to these rooms needs to begin with, at one cursor."""
        fleet = self._store.fleet
        now = self._store.clock()
        head = dumps({"cursor": str(fleet.cursor), "rooms": sorted(rooms)})
        devices = b",".join(map(self._device_bytes, self._devices_in(rooms)))
        tail = dumps(
            {
                "stats": stats_json(fleet.stats(), now, fleet.stats_seq),
                "alerts": [],
                "notifications": [],
                "serverTime": to_iso(now),
            }
        )
        return head[:-1] + b',"devices":[' + devices + b"]," + tail[1:]

    def _device_bytes(self, device: Device) -> bytes:
        """The device's JSON; most of a fleet is as it was when somebody last asked."""
        known = self._encoded.get(device.pk)
        if known is not None and known[0] is device:
            return known[1]
        if len(self._encoded) > 2 * len(self._store.fleet) + 100:
            self._encoded.clear()  # devices that were removed
        encoded = dumps(device_json(device))
        self._encoded[device.pk] = (device, encoded)
        return encoded

    async def missed(self, rooms: Collection[str], after: Cursor, told: Mapping[str, int] = NOTHING) -> Batch:
        """All that these rooms had after `after`, or a snapshot where that cannot be told any more.

        Facts come every one, in order; of each subject's states only the newest. `told` are other rooms of
        the client, each with the place since when it hears them: what it heard there is left out.
        """
        fleet = self._store.fleet
        upto = fleet.cursor
        if not self._is_good(after):
            return self.fresh(rooms, after)
        events = list(self._states_after(rooms, after.seq))
        if after.seq < upto.seq:
            async with self._store.reading() as connection:
                facts = await list_facts(
                    connection, rooms, after=after.seq, upto=upto.seq, limit=self._replay_limit
                )
            if facts is None or not self._is_good(after):  # too many, or trimmed while this was reading
                return self.fresh(rooms, after)
            events += facts
        if told:
            events = [e for e in events if not any(room in told and e.seq > told[room] for room in e.rooms)]
        events.sort(key=lambda event: event.seq)
        return Batch(after, upto, map(Envelope, events), rooms)

    def _is_good(self, after: Cursor) -> bool:
        fleet = self._store.fleet
        return after.epoch == fleet.epoch and fleet.oldest_seq <= after.seq <= fleet.seq

    def fresh(self, rooms: Collection[str], after: Cursor | None) -> Batch:
        """A batch that says honestly that nothing was recovered, with the snapshot to go on from."""
        cursor = self._store.fleet.cursor
        return Batch(after, cursor, (), rooms, recovered=False, state=self.snapshot(rooms))

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
        devices = fleet.newest_first(seq) if DASHBOARD in rooms else self._devices_in(rooms)
        for device in devices:
            if device.seq > seq:
                yield device_event(device, device.last_seen_at or device.status_since)
        if fleet.stats_seq > seq and DASHBOARD in rooms:
            now = self._store.clock()
            data = stats_json(fleet.stats(), now, fleet.stats_seq)
            yield Event(fleet.stats_seq, "stats-update", (DASHBOARD,), data, now, "stats")
