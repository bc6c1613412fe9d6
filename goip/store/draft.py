"""One commit in the making.

Changes decide against a draft in commit order: they see what the changes before them in the same batch
did. Nothing outside sees a draft before it is committed; one that fails is dropped whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Protocol, TypeVar

from goip.models import (
    DASHBOARD,
    EVERYWHERE,
    CardPlace,
    Device,
    Event,
    Heartbeat,
    Sms,
    Stats,
    device_room,
)
from goip.store.fleet import Fleet
from goip.store.fold import Beat, Folder
from goip.store.rows import device_row, event_row, heartbeat_row, sim_row, slot_row, sms_row
from goip.store.statements import Row, Write
from goip.wire import stats_json

T_co = TypeVar("T_co", covariant=True)


class Change(Protocol[T_co]):
    """Something to record.

    `decide` is synchronous and looks only at the draft. It may raise GoipError, and does so before it
    puts anything into the draft: a change is whole or not at all.
    """

    def repeat_keys(self) -> tuple[str, ...]:
        """The keys of messages that may be stored already; the draft knows those when `decide` runs."""

    def decide(self, draft: Draft) -> T_co:
        """Put what changes into the draft and return the caller's answer."""


class Draft:
    """The rows, events and device values of one commit; `at` is its time, ms since the epoch."""

    def __init__(self, fleet: Fleet, at: int, stored: Mapping[str, Sms] | None = None) -> None:
        self.at = at
        self.seq = fleet.seq
        self.rows: dict[Write, list[Row]] = {}
        self.events: list[Event] = []
        self.devices: dict[str, Device | None] = {}
        self.due: set[str] = set()
        self.beats: list[Beat] = []
        self.totals = replace(fleet.sms)
        self.stats_told: Stats | None = None
        self.cards: dict[str, CardPlace] = {}
        self.doubts: dict[str, frozenset[str]] = {}
        self._stored = dict(stored or {})
        self._fleet = fleet
        self._next_pk = fleet.next_pk

    def next_seq(self) -> int:
        """The place in the stream of one more change."""
        self.seq += 1
        return self.seq

    def next_pk(self) -> int:
        """The key of one more device."""
        self._next_pk += 1
        return self._next_pk - 1

    def find_device(self, device_id: str) -> Device | None:
        """The device as the changes before this one left it."""
        if device_id in self.devices:
            return self.devices[device_id]
        return self._fleet.find(device_id)

    def lines_of(self, box_id: str) -> list[Device]:
        """The devices that are grouped under that one."""
        known = (self.find_device(device.device_id) for device in self._fleet)
        fresh = (device for name, device in self.devices.items() if self._fleet.find(name) is None)
        return [device for device in (*known, *fresh) if device is not None and device.parent == box_id]

    def find_sms(self, repeat_key: str) -> Sms | None:
        """The message that was stored under that key, in this commit or before."""
        return self._stored.get(repeat_key)

    def find_card(self, sim_key: str) -> CardPlace | None:
        """Where that card was told to be last."""
        return self.cards.get(sim_key) or self._fleet.cards.get(sim_key)

    def doubts_of(self, device_id: str) -> frozenset[str]:
        """The cards that this device told last, and another one has told since."""
        doubts = self.doubts.get(device_id)
        return self._fleet.doubts.get(device_id, frozenset()) if doubts is None else doubts

    def beat(self, device: Device, previous_seq: int, heartbeat: Heartbeat, at: int) -> None:
        """A heartbeat: appended to the log now, folded into the device's row later.

        `at` is the time that the values are of: earlier than now for a backlog.
        """
        self._add(Write.HEARTBEAT, heartbeat_row(device, previous_seq, heartbeat))
        self.beats.append(Beat(device.seq, device.pk, device.device_id, heartbeat, at))
        self.devices[device.device_id] = device
        self.events.append(device_event(device, self.at))

    def put_device(self, device: Device) -> None:
        """A change of the device that no heartbeat in the log can tell again: its rows are due now."""
        self.devices[device.device_id] = device
        self.due.add(device.device_id)

    def remove_device(self, device: Device) -> None:
        """The device goes, with its slots and keys."""
        self.devices[device.device_id] = None
        self.due.discard(device.device_id)
        self._add(Write.DROP_DEVICE, (device.pk,))

    def sms(self, sms: Sms, repeat_key: str) -> None:
        """A message to store, and to count."""
        self._stored[repeat_key] = sms
        self._add(Write.SMS, sms_row(sms, repeat_key))
        self._add(Write.CONVERSATION, (sms.device_id, sms.peer, sms.id, 1))
        if sms.direction == "inbound":
            self.totals.received += 1

    def write(self, write: Write, row: Row) -> None:
        """One more row of the lesser kinds."""
        self._add(write, row)

    def fact(self, name: str, data: Mapping[str, Any], room: str, *, on_dashboard: bool = True) -> int:
        """A fact for `room`, and for the dashboard; returns its seq, which `data` carries too."""
        seq = self.next_seq()
        self._fact(Event(seq, name, _rooms(room, on_dashboard), {**data, "seq": seq}, self.at), room)
        return seq

    def sms_fact(self, name: str, data: Mapping[str, Any], sms: Sms) -> None:
        """The fact that a message came, at the message's own place in the stream."""
        room = device_room(sms.device_id)
        self._fact(Event(sms.id, name, _rooms(room, True), data, self.at), room)

    def _fact(self, event: Event, room: str) -> None:
        self.events.append(event)
        self._add(Write.EVENT, event_row(event, room, on_dashboard=DASHBOARD in event.rooms))

    def stats(self) -> Stats:
        """The totals, had this draft been committed."""
        stats = self._fleet.stats()._replace(
            received_sms=self.totals.received,
            sent_sms=self.totals.sent,
            delivered_sms=self.totals.delivered,
            failed_sms=self.totals.failed,
        )
        count = {"online": 0, "late": 0, "offline": 0, "unknown": 0}
        for device_id, device in self.devices.items():
            known = self._fleet.find(device_id)
            if known is not None:
                count[known.status] -= 1
            if device is not None:
                count[device.status] += 1
        return stats._replace(
            total_devices=stats.total_devices + sum(count.values()),
            online_devices=stats.online_devices + count["online"] + count["late"],
            late_devices=stats.late_devices + count["late"],
            offline_devices=stats.offline_devices + count["offline"],
            unknown_devices=stats.unknown_devices + count["unknown"],
        )

    def tell_stats(self, stats: Stats) -> None:
        """The totals as a state event, after what changed them."""
        seq = self.next_seq()
        self.stats_told = stats
        data = stats_json(stats, self.at, seq)
        self.events.append(Event(seq, "stats-update", (DASHBOARD,), data, self.at, "stats"))

    def finish(self, folder: Folder, foldable: Iterable[str] = ()) -> None:
        """Add the rows that are written once for all the changes: `due` and `foldable` devices, the stream.

        Every commit moves the stream, one that only folds too: else nobody could see whether it happened.
        """
        if self.seq == self._fleet.seq:
            self.next_seq()
        self.due.update(foldable)
        devices = [device for name in self.due if (device := self.find_device(name)) is not None]
        for device in sorted(devices, key=lambda device: device.pk):
            self._write_device(device)
        pks = {device.pk for device in devices}
        for row in folder.rollup_rows(pks, self.beats):
            self._add(Write.ROLLUP, row)
        folded_seq = folder.folded_seq(self.due, self.beats, self.seq)
        totals = self.totals
        moved = (self.seq, folded_seq, totals.received, totals.sent, totals.delivered, totals.failed)
        self._add(Write.STREAM, (*moved, self._fleet.seq, self._fleet.epoch))

    def _write_device(self, device: Device) -> None:
        """The rows of a device, its slots and their cards, as they are now."""
        self._add(Write.DEVICE, device_row(device))
        self._add(Write.DROP_SLOTS, (device.pk,))
        for slot in device.slots:
            self._add(Write.SLOT, slot_row(device.pk, slot))
            if slot.sim_key is not None:
                self._add(Write.SIM, sim_row(device, slot, slot.sim_key, device.last_seen_at or self.at))

    def _add(self, write: Write, row: Row) -> None:
        rows = self.rows.get(write)
        if rows is None:
            self.rows[write] = [row]
        else:
            rows.append(row)


def device_event(device: Device, at: int) -> Event:
    """`device-heartbeat`: the newest state of a device."""
    device_id = device.device_id
    return Event(device.seq, "device-heartbeat", (device_room(device_id), DASHBOARD), device, at, device_id)


def _rooms(room: str, on_dashboard: bool) -> tuple[str, ...]:
    if room in (DASHBOARD, EVERYWHERE) or not on_dashboard:
        return (room,)
    return (room, DASHBOARD)
