"""What a heartbeat, silence or an operator does to a device.

Pure functions from one `Device` to the next, with the facts that come of it. The writer applies them
in commit order; at a start the same functions replay the heartbeats that were logged but not yet
folded into the device's row, so memory and disk cannot disagree.
"""

from __future__ import annotations

from collections.abc import Mapping
from operator import attrgetter
from typing import Any, NamedTuple

from msgspec.structs import replace

from goip import rhythm
from goip.clock import to_iso
from goip.models import Device, Heartbeat, Rhythm, SetAside, SimSlot, Status

_REORDERED_BEATS = 5
"""A counter that is this little behind is a late datagram, not a reboot."""

_CLOCKS_AGREE_MS = 5_000
_PHONE_NUMBER = attrgetter("phone_number")
_SLOT_INDEX = attrgetter("slot_index")  # the order in which slots are read back at a start


class Fact(NamedTuple):
    """Something that happened, by its event name and wire data."""

    name: str
    data: Mapping[str, Any]


class Step(NamedTuple):
    """The next value of a device, and what there is to tell about it."""

    device: Device
    facts: tuple[Fact, ...] = ()
    is_backlog: bool = False


def beat(device: Device, heartbeat: Heartbeat, received_at: int, seq: int) -> Step:
    """The device after a heartbeat.

    Every beat proves that the device is there. One that is older than what is known (a backlog, a
    late datagram) says nothing else, so it never moves the rest of the state backwards.
    """
    facts: list[Fact] = []
    if device.status != "online":
        facts.append(status_fact(device, "online", _return_reason(device, received_at), received_at))
    if _is_stale(device, heartbeat, received_at):
        return Step(_seen(device, heartbeat, received_at, seq), tuple(facts), is_backlog=True)
    if is_reboot(device.counter, heartbeat.counter):
        facts.append(
            Fact(
                "device-reboot",
                {
                    "deviceId": device.device_id,
                    "previousCounter": device.counter,
                    "counter": heartbeat.counter,
                    "at": to_iso(received_at),
                },
            )
        )
    return Step(_updated(device, heartbeat, received_at, seq), tuple(facts))


def silence(device: Device, status: Status, reason: str, at: int, seq: int) -> Step:
    """The device after a deadline passed, or after a start of ours."""
    fact = status_fact(device, status, reason, at)
    return Step(replace(device, status=status, status_reason=reason, status_since=at, seq=seq), (fact,))


def status_fact(device: Device, status: Status, reason: str, at: int, *, is_new_device: bool = False) -> Fact:
    """`device-status-change` for a device that was as `device` says and now has `status`."""
    return Fact(
        "device-status-change",
        {
            "deviceId": device.device_id,
            "previousStatus": None if is_new_device else device.status,
            "currentStatus": status,
            "isOnline": status in ("online", "late"),
            "isNewDevice": is_new_device,
            "reason": reason,
            "at": to_iso(at),
        },
    )


def _return_reason(device: Device, received_at: int) -> str:
    if device.last_seen_at is None:
        return "first heartbeat"
    if device.status == "unknown":
        return "first heartbeat since the server started"
    silent_seconds = max(0, received_at - device.last_seen_at) // 1000
    return f"heartbeat after {silent_seconds} s of silence"


def _is_stale(device: Device, heartbeat: Heartbeat, received_at: int) -> bool:
    """True for a beat from before the newest one known."""
    if heartbeat.sent_at is not None and device.sent_at is not None:
        return heartbeat.sent_at < device.sent_at and not _clock_was_set_back(device, heartbeat, received_at)
    if heartbeat.counter is not None and device.counter is not None:
        return 0 < device.counter - heartbeat.counter <= _REORDERED_BEATS and heartbeat.counter != 1
    return False


def _clock_was_set_back(device: Device, heartbeat: Heartbeat, received_at: int) -> bool:
    """True when old times keep pace with our clock: then the device's clock changed, and this is no backlog."""
    aside = device.set_aside
    if aside is None or heartbeat.sent_at is None:
        return False
    passed_here = received_at - aside.received_at
    passed_there = heartbeat.sent_at - aside.sent_at
    return passed_here >= 1_000 and abs(passed_here - passed_there) <= min(_CLOCKS_AGREE_MS, passed_here // 2)


def is_reboot(known: int | None, counter: int | None) -> bool:
    """True when a device that counted up to `known` has begun to count anew."""
    if known is None or counter is None or counter >= known:
        return False
    return counter == 1 or known - counter > _REORDERED_BEATS


def _seen(device: Device, heartbeat: Heartbeat, received_at: int, seq: int) -> Device:
    """The device after a backlog beat: it was heard from, and nothing else is news."""
    aside = device.set_aside
    if heartbeat.sent_at is not None:
        aside = SetAside(heartbeat.sent_at, received_at)
    return replace(
        device,
        last_seen_at=received_at,
        set_aside=aside,
        seq=seq,
        beat_seq=seq,
        **_online(device, received_at),
    )


def _online(device: Device, received_at: int) -> dict[str, Any]:
    if device.status == "online":
        return {}
    return {
        "status": "online",
        "status_reason": _return_reason(device, received_at),
        "status_since": received_at,
    }


def _updated(known: Device, told: Heartbeat, received_at: int, seq: int) -> Device:
    """The device with what a heartbeat tells; what that does not say stays."""
    sim_slots, brand_info, interval_seconds = told.sim_slots, told.brand_info, told.interval_seconds
    return replace(
        known,
        name=told.name if known.name is None else known.name,  # one that an operator gave is kept
        battery_level=known.battery_level if told.battery_level is None else told.battery_level,
        charging=known.charging if told.charging is None else told.charging,
        signal_strength=known.signal_strength if told.signal_strength is None else told.signal_strength,
        device_status=known.device_status if told.device_status is None else told.device_status,
        slots=known.slots if sim_slots is None else _merged_slots(known.slots, sim_slots, told.is_partial),
        brand_info=known.brand_info if brand_info is None else brand_info,
        ip_address=known.ip_address if told.ip_address is None else told.ip_address,
        firmware=known.firmware if told.firmware is None else told.firmware,
        declared_interval_seconds=interval_seconds or known.declared_interval_seconds,
        sent_at=known.sent_at if told.sent_at is None else told.sent_at,
        counter=known.counter if told.counter is None else told.counter,
        phone_number=known.phone_number if told.phone_number is None else told.phone_number,
        last_seen_at=received_at,
        set_aside=None,
        rhythm=_learned(known, received_at),
        seq=seq,
        beat_seq=seq,
        **_online(known, received_at),
    )


def _learned(device: Device, received_at: int) -> Rhythm:
    if device.last_seen_at is None:
        return device.rhythm
    gap_seconds = (received_at - device.last_seen_at) / 1000
    return rhythm.learn(device.rhythm, gap_seconds, rhythm.offline_seconds(device))


def _merged_slots(
    known: tuple[SimSlot, ...], told: tuple[SimSlot, ...], is_partial: bool
) -> tuple[SimSlot, ...]:
    """The slots by their index; a number known for the same card is kept where the beat does not tell it.

    Those that are not told are gone, unless the beat tells some slots only.
    """
    if not is_partial and all(map(_PHONE_NUMBER, told)):
        return tuple(sorted(told, key=_SLOT_INDEX))
    by_index = {slot.slot_index: slot for slot in known}
    merged = [_with_known_number(slot, by_index.get(slot.slot_index)) for slot in told]
    if is_partial:
        indexes = {slot.slot_index for slot in told}
        merged += [slot for slot in known if slot.slot_index not in indexes]
    return tuple(sorted(merged, key=_SLOT_INDEX))


def _with_known_number(slot: SimSlot, known: SimSlot | None) -> SimSlot:
    if slot.phone_number or known is None or not known.phone_number or slot.sim_key != known.sim_key:
        return slot
    return slot._replace(phone_number=known.phone_number)


def time_of_values(step: Step, heartbeat: Heartbeat, received_at: int) -> int:
    """When what a heartbeat tells was so: for a backlog the device's own time, else the time of arrival."""
    if step.is_backlog and heartbeat.sent_at is not None:
        return min(heartbeat.sent_at, received_at)
    return received_at
