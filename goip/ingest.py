"""The one way in for what gateways tell: heartbeats and messages, whatever make they came from.

Each `record_*` returns when the change is on disk and published, and raises what the sender is to be told.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from msgspec.structs import replace

from goip import boxes, transitions
from goip.cards import compare_cards, conflicts
from goip.clock import moment_in_zone, to_iso
from goip.digest import digest_of
from goip.errors import NotFound, Unavailable
from goip.models import Device, Heartbeat, InboundSms, Note, SimSlot, Sms, device_room
from goip.once import Once
from goip.store.draft import Draft
from goip.store.statements import Write
from goip.store.store import Store
from goip.wire import device_json, note_json, sms_json

_REPEAT_WINDOW_MS = 60_000
"""Of messages with neither an id nor a time: how long an equal one is taken for a repeat, and up to twice that."""

_LONGEST_UNDERWAY_MS = 30 * 86_400_000
_CLOCKS_DIFFER_MS = 600_000
"""A box without a time server shows anything: what its clock says counts within these bounds around the arrival."""


class Enrolment(NamedTuple):
    """What an unknown device gets: the hash of its own key (None while it waits), its make, and whether it waits."""

    key_hash: str | None
    make: str = "http"
    is_pending: bool = False


class HeartbeatOutcome(NamedTuple):
    """The device as the heartbeat left it; `is_new` when it was registered by it."""

    device: Device
    is_new: bool


class SmsOutcome(NamedTuple):
    """The stored message; `is_repeat` when it had been stored before."""

    sms: Sms
    is_repeat: bool


async def record_heartbeat(
    store: Store, heartbeat: Heartbeat, *, enrolment: Enrolment | None = None, notes: tuple[Note, ...] = ()
) -> HeartbeatOutcome:
    """Commit a heartbeat, and with `enrolment` register the device where it is unknown.

    `notes` are what it tells beside: they are on disk with it, or nothing is.

    Raises NotFound for an unknown device without enrolment, Unavailable when it cannot be stored now.
    """
    return await store.record(HeartbeatChange(heartbeat, store.clock(), enrolment, notes))


async def record_sms(store: Store, sms: InboundSms) -> SmsOutcome:
    """Commit a received message, once however often it is sent.

    Raises NotFound for an unknown device, Unavailable when it cannot be stored now.
    """
    return await store.record(SmsChange(sms, store.clock()))


async def record_note(store: Store, note: Note) -> None:
    """Commit a delivery report, a step of a call or a USSD text, as a fact of its device.

    Raises NotFound for an unknown device, Unavailable when it cannot be stored now.
    """
    await store.record(NoteChange(note, store.clock()))


async def record_note_once(store: Store, note: Note, told: Once, push: str) -> None:
    """The same for a sender that says it again when our answer is lost; `push` names what it said, to the byte.

    A note has no id, and two of one content may be two: only what is said in the very same words is a repeat.
    """
    key = digest_of(push, note)
    await told.do(key, lambda: store.record(NoteChange(note, store.clock())))


async def record_departure(store: Store, device_id: str, reason: str) -> None:
    """Commit that a device is gone, by its own word or that of who holds its line; once, until it is heard again.

    Raises NotFound for an unknown device, Unavailable when it cannot be stored now.
    """
    await store.record(DepartureChange(device_id, reason))


class HeartbeatChange(NamedTuple):
    """A heartbeat on its way to disk; `received_at` is the one look at the clock."""

    heartbeat: Heartbeat
    received_at: int
    enrolment: Enrolment | None = None
    notes: tuple[Note, ...] = ()

    def repeat_keys(self) -> tuple[str, ...]:
        """A heartbeat is no message."""
        return ()

    def decide(self, draft: Draft) -> HeartbeatOutcome:
        """Append the beat, tell what changed; register a device that enrols."""
        outcome = self._beat_or_register(draft)
        for note in self.notes:
            NoteChange(note, self.received_at).decide(draft)
        return outcome

    def _beat_or_register(self, draft: Draft) -> HeartbeatOutcome:
        device = draft.find_device(self.heartbeat.device_id)
        if device is None:
            if self.enrolment is None:
                raise NotFound("Device not found", code="unknown_device")
            return HeartbeatOutcome(self._register(draft, self.enrolment), is_new=True)
        return HeartbeatOutcome(self._beat(draft, device, device.slots), is_new=False)

    def _register(self, draft: Draft, enrolment: Enrolment) -> Device:
        heartbeat, at = self.heartbeat, self.received_at
        device = Device(
            pk=draft.next_pk(),
            device_id=heartbeat.device_id,
            registered_at=at,
            make=enrolment.make,
            is_pending=enrolment.is_pending,
            status="online",
            status_reason="registered",
            status_since=at,
        )
        if enrolment.key_hash is not None:
            draft.write(Write.KEY, ("device", enrolment.key_hash, device.device_id, device.pk, "", at))
        fact = transitions.status_fact(device, "online", "registered", at, is_new_device=True)
        draft.fact(fact.name, fact.data, device_room(device.device_id))
        device = self._beat(draft, device, ())
        draft.put_device(device)
        return join_box(draft, device, at)

    def _beat(self, draft: Draft, device: Device, known_slots: tuple[SimSlot, ...]) -> Device:
        seq = draft.next_seq()
        step = transitions.beat(device, self.heartbeat, self.received_at, seq)
        at = transitions.time_of_values(step, self.heartbeat, self.received_at)
        draft.beat(step.device, device.beat_seq, self.heartbeat, at)
        for fact in step.facts:
            draft.fact(fact.name, fact.data, device_room(device.device_id))
        doubts = draft.doubts_of(device.device_id)
        if doubts:
            self._settle(draft, step.device, doubts)
        if not _are_same_cards(step.device.slots, known_slots):
            self._compare_cards(draft, step.device, known_slots)
            draft.put_device(step.device)
        if device.parent is not None:
            self._count_for_box(draft, device.parent)
        return step.device

    def _count_for_box(self, draft: Draft, box_id: str) -> None:
        """A box that says nothing itself lives as long as any of its lines."""
        box = draft.find_device(box_id)
        if box is not None and boxes.has_no_line_of_its_own(box) and boxes.is_due(box, self.received_at):
            told = self.heartbeat
            beat = Heartbeat(box_id, ip_address=told.ip_address, interval_seconds=told.interval_seconds)
            HeartbeatChange(beat, self.received_at).decide(draft)

    def _compare_cards(self, draft: Draft, device: Device, known_slots: tuple[SimSlot, ...]) -> None:
        """Tell which cards came, went and moved."""
        at = to_iso(self.received_at)
        news = compare_cards(device.device_id, known_slots, device.slots, draft.find_card, at)
        for fact in news.facts:
            draft.fact(fact.name, fact.data, device_room(device.device_id))
        draft.cards.update(news.places)
        for other_id, key in news.doubted:
            draft.doubts[other_id] = draft.doubts_of(other_id) | {key}

    def _settle(self, draft: Draft, device: Device, doubts: frozenset[str]) -> None:
        """It speaks again: a card of which another device has spoken since is in two places, or it has gone."""
        at = to_iso(self.received_at)
        for fact in conflicts(device.device_id, device.slots, doubts, draft.find_card, at):
            draft.fact(fact.name, fact.data, device_room(device.device_id))
        draft.doubts[device.device_id] = frozenset()


def join_box(draft: Draft, line: Device, at: int) -> Device:
    """The line, under its box where that is certain; the box is registered with its second line."""
    place = boxes.place_of(line, draft.find_device)
    lines = (line,) if place is None or place.founder is None else (line, place.founder)
    if place is None or any(draft.lines_of(each.device_id) for each in lines):  # a box is no line of another
        return line
    if place.founder is not None:
        seconds = place.founder.declared_interval_seconds
        name = boxes.stem_of(line.device_id)
        beat = Heartbeat(place.box_id, name=name, ip_address=line.ip_address, interval_seconds=seconds)
        HeartbeatChange(beat, at, Enrolment(None, line.make)).decide(draft)
        tell_device(draft, replace(place.founder, parent=place.box_id))
    return tell_device(draft, replace(line, parent=place.box_id))


def tell_device(draft: Draft, device: Device) -> Device:
    """Store what was decided about a device, and tell of it."""
    device = replace(device, seq=draft.next_seq())
    draft.put_device(device)
    draft.fact("device-updated", device_json(device), device_room(device.device_id))
    return device


@dataclass(frozen=True, slots=True)
class SmsChange:
    """A received message on its way to disk."""

    sms: InboundSms
    received_at: int

    def repeat_keys(self) -> tuple[str, ...]:
        """The keys under which this very message may be stored; it is stored under the first that is free."""
        sms = self.sms
        if sms.message_id is not None:
            return (digest_of("id", sms.device_id, sms.message_id),)
        content: tuple[object, ...] = (sms.device_id, sms.slot_index, sms.sender, sms.message)
        if sms.sending_id is not None:
            content = (*content, sms.sending_id)
        times = {"centre": sms.centre_at, "time": sms.sent_at}
        keys = tuple(digest_of(kind, *content, at) for kind, at in times.items() if at is not None)
        if keys:
            return keys
        window = self.received_at // _REPEAT_WINDOW_MS
        return (digest_of("window", *content, window), digest_of("window", *content, window - 1))

    def decide(self, draft: Draft) -> SmsOutcome:
        """Store and tell the message, unless it is a repeat."""
        device = draft.find_device(self.sms.device_id)
        if device is None:
            raise NotFound("Device not found", code="unknown_device")
        if device.is_pending:
            # Not a 4xx: a phone takes that for final, and the message would be lost.
            raise Unavailable(
                "the device waits to be adopted by an operator", code="device_pending", retry_after_seconds=60
            )
        keys = self.repeat_keys()
        for key in keys:
            stored = draft.find_sms(key)
            if stored is not None and self._is_same(stored):
                return SmsOutcome(stored, is_repeat=True)
        sms = self._stored(draft, device)
        draft.sms(sms, next(key for key in keys if draft.find_sms(key) is None))
        draft.sms_fact("sms-received", sms_json(sms), sms)
        return SmsOutcome(sms, is_repeat=False)

    def _is_same(self, stored: Sms) -> bool:
        """False where the SMS centre had two equal messages in one second, and the device tells their own times."""
        told = self.sms
        if told.sent_at is None or told.centre_at is None:
            return True
        return stored.sent_at in (told.sent_at, told.centre_at)

    def _sent_at(self, device: Device) -> int:
        """The moment that was told; else the SMS centre's; else the wall clock in the device's zone; else now.

        A clock that is plainly wrong does not count.
        """
        told, now = self.sms, self.received_at
        at = told.centre_at if told.sent_at is None else told.sent_at
        if at is not None:
            return at
        if told.wall_clock is None or device.time_zone is None:
            return now
        at = moment_in_zone(told.wall_clock, device.time_zone, now)
        if at is None or not now - _LONGEST_UNDERWAY_MS <= at <= now + _CLOCKS_DIFFER_MS:
            return now
        return at

    def _stored(self, draft: Draft, device: Device) -> Sms:
        told = self.sms
        slot = device.slot(told.slot_index) or _slot_of_number(device, told.recipient)
        return Sms(
            id=draft.next_seq(),
            device_id=told.device_id,
            direction="inbound",
            sender=told.sender,
            recipient=told.recipient or (slot.phone_number if slot else None) or device.phone_number,
            message=told.message,
            sent_at=self._sent_at(device),
            received_at=self.received_at,
            slot_index=slot.slot_index if slot else told.slot_index,
            carrier_name=slot.carrier_name if slot else None,
            slot_phone_number=slot.phone_number if slot else None,
            status="received",
        )


class DepartureChange(NamedTuple):
    """A device's leaving, on its way to disk."""

    device_id: str
    reason: str

    def repeat_keys(self) -> tuple[str, ...]:
        """It is no message."""
        return ()

    def decide(self, draft: Draft) -> None:
        """Put the device offline at once, without waiting for its deadline."""
        device = draft.find_device(self.device_id)
        if device is None:
            raise NotFound("Device not found", code="unknown_device")
        if device.status == "offline":
            return
        step = transitions.silence(device, "offline", self.reason, draft.at, draft.next_seq())
        draft.put_device(step.device)
        for fact in step.facts:
            draft.fact(fact.name, fact.data, device_room(device.device_id))


class NoteChange(NamedTuple):
    """Something that happened at a device and changes nothing else, on its way to disk."""

    note: Note
    received_at: int

    def repeat_keys(self) -> tuple[str, ...]:
        """It is no message."""
        return ()

    def decide(self, draft: Draft) -> None:
        """Tell it in the device's room."""
        device = draft.find_device(self.note.device_id)
        if device is None:
            raise NotFound("Device not found", code="unknown_device")
        name, data = note_json(self.note)
        fact = {**data, "at": to_iso(self.received_at)}
        draft.fact(name, fact, device_room(device.device_id), on_dashboard=False)


def _slot_of_number(device: Device, number: str | None) -> SimSlot | None:
    if not number:
        return None
    return next((slot for slot in device.slots if slot.phone_number == number), None)


def _are_same_cards(slots: tuple[SimSlot, ...], others: tuple[SimSlot, ...]) -> bool:
    """True when the same cards are in the same slots, which both have in order."""
    if len(slots) != len(others):
        return False
    for slot, other in zip(slots, others, strict=True):
        if (
            slot.slot_index != other.slot_index
            or slot.iccid != other.iccid
            or slot.imsi != other.imsi
            or slot.phone_number != other.phone_number
        ):
            return False
    return True
