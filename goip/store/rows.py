"""Between the immutable models and the tuples of the tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import orjson

from goip.models import Device, Direction, Event, Heartbeat, Rhythm, SetAside, SimSlot, Sms, Status
from goip.store.statements import Row

_SLOTS = Heartbeat._fields.index("sim_slots")
_IS_PARTIAL = Heartbeat._fields.index("is_partial")


def device_row(device: Device) -> Row:
    """A row of `devices`."""
    aside = device.set_aside
    return (
        device.pk,
        device.device_id,
        device.make,
        device.name,
        device.battery_level,
        device.charging,
        device.signal_strength,
        device.device_status,
        orjson.dumps(device.brand_info).decode(),
        device.ip_address,
        device.firmware,
        device.declared_interval_seconds,
        device.set_interval_seconds,
        device.parent,
        device.time_zone,
        device.phone_number,
        device.counter,
        device.sent_at,
        aside.sent_at if aside else None,
        aside.received_at if aside else None,
        device.last_seen_at,
        device.status,
        device.status_reason,
        device.status_since,
        device.is_pending,
        device.rhythm.period_seconds,
        device.rhythm.jitter_seconds,
        device.rhythm.n_gaps,
        device.registered_at,
        device.seq,
        device.beat_seq,
    )


def device_of(row: Any, slots: tuple[SimSlot, ...]) -> Device:
    """The device of a row of `devices`."""
    aside = None
    if row.aside_sent_at is not None:
        aside = SetAside(row.aside_sent_at, row.aside_received_at)
    return Device(
        pk=row.pk,
        device_id=row.device_id,
        registered_at=row.registered_at,
        make=row.make,
        name=row.name,
        battery_level=row.battery_level,
        charging=row.charging,
        signal_strength=row.signal_strength,
        device_status=row.device_status,
        slots=slots,
        brand_info=orjson.loads(row.brand_info),
        ip_address=row.ip_address,
        firmware=row.firmware,
        declared_interval_seconds=row.declared_interval_seconds,
        set_interval_seconds=row.set_interval_seconds,
        parent=row.parent,
        time_zone=row.time_zone,
        phone_number=row.phone_number,
        counter=row.counter,
        sent_at=row.sent_at,
        set_aside=aside,
        last_seen_at=row.last_seen_at,
        status=cast(Status, row.status),
        status_reason=row.status_reason,
        status_since=row.status_since,
        is_pending=row.is_pending,
        rhythm=Rhythm(row.period_seconds, row.jitter_seconds, row.n_gaps),
        seq=row.seq,
        beat_seq=row.beat_seq,
    )


def slot_row(device_pk: int, slot: SimSlot) -> Row:
    """A row of `slots`."""
    return (device_pk, *slot)


def slot_of(row: Any) -> SimSlot:
    """The slot of a row of `slots`."""
    return SimSlot(*row[1:])


def sim_row(device: Device, slot: SimSlot, sim_key: str, at: int) -> Row:
    """A row of `sims`: where the card is now."""
    return (
        sim_key,
        slot.iccid,
        slot.imsi,
        slot.phone_number,
        slot.carrier_name,
        slot.operator_name,
        slot.balance,
        device.pk,
        slot.slot_index,
        at,
        at,
    )


def heartbeat_row(device: Device, previous_seq: int, beat: Heartbeat) -> Row:
    """A row of `heartbeat_log`: the beat that made `device` what it is."""
    return (device.seq, device.pk, previous_seq, device.last_seen_at, heartbeat_text(beat))


def heartbeat_text(beat: Heartbeat) -> str:
    """A heartbeat as JSON: its values in the order of the model, trailing absences cut."""
    values: list[Any] = list(beat)
    if beat.sim_slots is not None:
        values[_SLOTS] = [tuple(slot) for slot in beat.sim_slots]
    values[_IS_PARTIAL] = beat.is_partial or None
    while values[-1] is None:
        values.pop()
    return orjson.dumps(values).decode()


def heartbeat_of(text: str) -> Heartbeat:
    """The heartbeat of a row of `heartbeat_log`."""
    values = orjson.loads(text)
    beat = Heartbeat(*values)
    if beat.sim_slots is None:
        return beat
    return beat._replace(sim_slots=tuple(SimSlot(*slot) for slot in beat.sim_slots))


def sms_row(sms: Sms, repeat_key: str) -> Row:
    """A row of `sms`."""
    return (
        sms.id,
        sms.device_id,
        sms.direction,
        sms.sender,
        sms.recipient,
        sms.peer,
        sms.message,
        sms.sent_at,
        sms.received_at,
        sms.slot_index,
        sms.carrier_name,
        sms.slot_phone_number,
        sms.status,
        repeat_key,
    )


def sms_of(row: Any) -> Sms:
    """The message of a row of `sms`."""
    return Sms(
        id=row.id,
        device_id=row.device_id,
        direction=cast(Direction, row.direction),
        sender=row.sender,
        recipient=row.recipient,
        message=row.message,
        sent_at=row.sent_at,
        received_at=row.received_at,
        slot_index=row.slot_index,
        carrier_name=row.carrier_name,
        slot_phone_number=row.slot_phone_number,
        status=row.status,
    )


def event_row(event: Event, room: str, *, on_dashboard: bool) -> Row:
    """A row of `events`."""
    return (event.seq, event.name, room, on_dashboard, orjson.dumps(event.data).decode(), event.at)


def event_of(row: Any, rooms: Sequence[str]) -> Event:
    """The fact of a row of `events`."""
    return Event(row.seq, row.event, tuple(rooms), orjson.loads(row.data), row.at)
