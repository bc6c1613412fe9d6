"""What goip talks about: devices, slots, heartbeats, messages, events and cursors.

Every class is immutable: a change is a new value, made by `transitions`, committed by `store`.
Times are ms since the epoch (`*_at`), durations are seconds (`*_seconds`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, NamedTuple, Self

import msgspec

from goip.errors import InvalidPayload

Status = Literal["online", "late", "offline", "unknown"]
"""`unknown` is the honest word after a start of ours, until a beat arrives or its deadline passes."""

Direction = Literal["inbound", "outbound"]

DASHBOARD = "dashboard"
EVERYWHERE = "*"
"""The room of `emit_to_all`: whoever is subscribed to anything."""


def device_room(device_id: str) -> str:
    """The room of one device."""
    return f"device-{device_id}"


_SESSION = "session-"


def session_room(session_id: str) -> str:
    """The room of one long job."""
    return _SESSION + session_id


def session_of(room: str) -> str | None:
    """The id of the session that the room tells of; None for a room of the stream."""
    return room.removeprefix(_SESSION) if room.startswith(_SESSION) else None


class SimSlot(NamedTuple):
    """One port or SIM position of a device, as its latest heartbeat told it.

    `signal_strength` keeps the sender's number and scale: CSQ 0 to 31, dBm below zero, else percent.
    """

    slot_index: int
    carrier_name: str | None = None
    operator_name: str | None = None
    phone_number: str | None = None
    signal_status: str | None = None
    signal_strength: int | None = None
    iccid: str | None = None
    imsi: str | None = None
    imei: str | None = None
    status: str | None = None
    balance: str | None = None
    raw_status: str | None = None

    @property
    def sim_key(self) -> str | None:
        """What names the card in the slot: its ICCID, or its IMSI where the gateway tells no ICCID."""
        return self.iccid or (f"imsi:{self.imsi}" if self.imsi else None)


class CardPlace(NamedTuple):
    """Where a card was told to be."""

    device_id: str
    slot_index: int


class Heartbeat(NamedTuple):
    """One sign of life, whatever make it came from; None means that the gateway did not say.

    With `is_partial`, `sim_slots` are some of the device's slots only, each of them told whole: the others stay.
    """

    device_id: str
    name: str | None = None
    battery_level: int | None = None
    charging: bool | None = None
    signal_strength: int | None = None
    device_status: str | None = None
    sim_slots: tuple[SimSlot, ...] | None = None
    brand_info: Mapping[str, str] | None = None
    ip_address: str | None = None
    firmware: str | None = None
    interval_seconds: int | None = None
    sent_at: int | None = None
    counter: int | None = None
    phone_number: str | None = None
    is_partial: bool = False


class Rhythm(NamedTuple):
    """How regularly a device beats: smoothed gap and smoothed deviation from it, in seconds."""

    period_seconds: float = 0.0
    jitter_seconds: float = 0.0
    n_gaps: int = 0


class SetAside(NamedTuple):
    """The newest heartbeat that looked older than what was known: by the device's clock, and by ours."""

    sent_at: int
    received_at: int


NO_BRAND: Mapping[str, str] = {}


class Device(msgspec.Struct, frozen=True, gc=False):
    """A box or a phone: what heartbeats, and has a room. `msgspec.structs.replace` makes the next value of it.

    `pk` is the number inside the database, `device_id` the make's own name for it on the wire.
    `parent` is the `device_id` of the box that it is a line of, one level up and no more; `time_zone` the IANA name of
    the zone that its own clock is in. An operator sets both, and `set_interval_seconds`.
    `seq` is the change that made this value; `beat_seq` the newest heartbeat in the log, the head
    of the device's chain of heartbeats.
    """

    pk: int
    device_id: str
    registered_at: int
    make: str = "http"
    name: str | None = None
    battery_level: int | None = None
    charging: bool | None = None
    signal_strength: int | None = None
    device_status: str | None = None
    slots: tuple[SimSlot, ...] = ()
    brand_info: Mapping[str, str] = NO_BRAND
    ip_address: str | None = None
    firmware: str | None = None
    declared_interval_seconds: int | None = None
    set_interval_seconds: int | None = None
    parent: str | None = None
    time_zone: str | None = None
    phone_number: str | None = None
    counter: int | None = None
    sent_at: int | None = None
    set_aside: SetAside | None = None
    last_seen_at: int | None = None
    status: Status = "unknown"
    status_reason: str = ""
    status_since: int = 0
    is_pending: bool = False
    rhythm: Rhythm = Rhythm()
    seq: int = 0
    beat_seq: int = 0

    @property
    def is_online(self) -> bool:
        """True while the device is heard from, be it late."""
        return self.status in ("online", "late")

    @property
    def interval_seconds(self) -> int | None:
        """The interval that an operator set, else the one that the device declares."""
        return self.set_interval_seconds or self.declared_interval_seconds

    def slot(self, slot_index: int | None) -> SimSlot | None:
        """The slot with that index; of a device with one slot, that one when nothing was named."""
        if slot_index is None:
            return self.slots[0] if len(self.slots) == 1 else None
        return next((slot for slot in self.slots if slot.slot_index == slot_index), None)


@dataclass(frozen=True, slots=True)
class InboundSms:
    """A message that a device received, before it is stored.

    `message_id` is the gateway's own id for it, for good; `sending_id` only tells the repeats of one sending from
    the next, and is used again some day. `sent_at` is the device's time, None where it tells none. `wall_clock` is
    what the device's own clock showed, without a zone: a moment only where the device's zone is known. `centre_at` is
    the SMS centre's time: the message's where there is no other, and the same in whatever way a device tells of it.
    """

    device_id: str
    sender: str
    message: str
    sent_at: int | None = None
    recipient: str | None = None
    slot_index: int | None = None
    message_id: str | None = None
    subscription_id: str | None = None
    sending_id: str | None = None
    wall_clock: datetime | None = None
    centre_at: int | None = None


@dataclass(frozen=True, slots=True)
class DeliveryReport:
    """What became of a message that a device sent, in the gateway's own terms.

    `reference` is the gateway's own number of the message (it may wrap), `status_code` a TP-Status of GSM 03.40:
    0 delivered, up to 31 other success, 32 to 63 still trying, from 64 on given up; None where it tells words only.
    """

    device_id: str
    reference: str | None = None
    status_code: int | None = None
    status: str | None = None
    recipient: str | None = None
    slot_index: int | None = None
    sent_at: int | None = None


@dataclass(frozen=True, slots=True)
class CallEvent:
    """One step of a call over a SIM: `state` is one of `CALL_STATES`, or the vendor's word for another."""

    device_id: str
    state: str
    direction: Direction | None = None
    number: str | None = None
    slot_index: int | None = None
    duration_seconds: int | None = None
    cause: str | None = None


CALL_STATES = ("idle", "dialing", "alerting", "incoming", "active", "missed", "ended")


@dataclass(frozen=True, slots=True)
class Ussd:
    """What the network said over USSD, asked or unasked."""

    device_id: str
    text: str
    slot_index: int | None = None
    is_final: bool = True


Note = DeliveryReport | CallEvent | Ussd
"""What is told of a device as a fact, and changes nothing else."""

Told = Heartbeat | InboundSms | Note
"""Whatever a gateway may tell."""


@dataclass(frozen=True, slots=True)
class Sms:
    """A stored message. Its `id` is the `seq` of the change that stored it."""

    id: int
    device_id: str
    direction: Direction
    sender: str
    recipient: str | None
    message: str
    sent_at: int
    received_at: int
    slot_index: int | None
    carrier_name: str | None
    slot_phone_number: str | None
    status: str

    @property
    def peer(self) -> str:
        """The other side of the conversation."""
        return self.sender if self.direction == "inbound" else (self.recipient or "")


class Stats(NamedTuple):
    """The totals of the dashboard."""

    total_devices: int = 0
    online_devices: int = 0
    late_devices: int = 0
    offline_devices: int = 0
    unknown_devices: int = 0
    received_sms: int = 0
    sent_sms: int = 0
    delivered_sms: int = 0
    failed_sms: int = 0


class Cursor(NamedTuple):
    """A place in the stream: `epoch` names one life of a database, `seq` a change in it."""

    epoch: str
    seq: int

    def __str__(self) -> str:
        return f"{self.epoch}:{self.seq}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """The cursor that `text` writes; raises InvalidPayload when it writes none."""
        epoch, _, number = text.rpartition(":")
        if not epoch or not number.isascii() or not number.isdigit() or len(number) > 18:
            raise InvalidPayload(
                "after must be a cursor, as `epoch:seq`", fields={"after": ["Not a valid cursor."]}
            )
        return cls(epoch, int(number))


class Event(NamedTuple):
    """One change, as subscribers meet it.

    A **fact** (`subject` is None) is told to everyone, once, in order. A **state** event is
    latest-wins per subject: a newer one makes an older one with the same subject worthless.
    `data` is the wire form; for the state of a device it is the `Device` itself, encoded by whoever
    needs the bytes, which is nobody when nobody watches.
    """

    seq: int
    name: str
    rooms: tuple[str, ...]
    data: Mapping[str, Any] | Device
    at: int
    subject: str | None = None
