"""The wire form of what `models` holds: camelCase JSON, as the contract names it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from goip import rhythm
from goip.clock import iso_or_none, to_iso
from goip.models import CallEvent, DeliveryReport, Device, Event, Note, SimSlot, Sms, Stats, Ussd

Json = dict[str, Any]

BRAND_FIELDS = ("brand", "model", "product", "board", "device", "manufacturer")


def slot_json(slot: SimSlot) -> Json:
    """A member of `simSlots`."""
    return {
        "slotIndex": slot.slot_index,
        "carrierName": slot.carrier_name,
        "operatorName": slot.operator_name,
        "phoneNumber": slot.phone_number,
        "signalStatus": slot.signal_status,
        "signalStrength": slot.signal_strength,
        "iccid": slot.iccid,
        "imsi": slot.imsi,
        "imei": slot.imei,
        "status": slot.status,
        "balance": slot.balance,
        "rawStatus": slot.raw_status,
    }


def phone_numbers(device: Device) -> list[str]:
    """The numbers of a device, its own first, then its slots', each once."""
    numbers = [device.phone_number, *(slot.phone_number for slot in device.slots)]
    return list(dict.fromkeys(number for number in numbers if number))


def device_json(device: Device) -> Json:
    """A device, as lists, `state` and `device-heartbeat` show it."""
    return {
        "deviceId": device.device_id,
        "name": device.name,
        "make": device.make,
        "status": device.status,
        "statusReason": device.status_reason,
        "statusSince": to_iso(device.status_since),
        "isOnline": device.is_online,
        "isPending": device.is_pending,
        "deviceStatus": device.device_status,
        "batteryLevel": device.battery_level,
        "charging": device.charging,
        "signalStrength": device.signal_strength,
        "firmware": device.firmware,
        "ipAddress": device.ip_address,
        "intervalSeconds": device.interval_seconds,
        "setIntervalSeconds": device.set_interval_seconds,
        "parent": device.parent,
        "timeZone": device.time_zone,
        "lastSeen": iso_or_none(device.last_seen_at),
        "nextDueAt": iso_or_none(rhythm.next_due_at(device)),
        "registeredAt": to_iso(device.registered_at),
        "counter": device.counter,
        "phoneNumbers": phone_numbers(device),
        "deviceBrandInfo": device.brand_info,
        "simSlots": [slot_json(slot) for slot in device.slots],
        "seq": device.seq,
    }


def slot_info_json(sms: Sms) -> Json | None:
    """`slotInfo`: where in the device the message came in, None when the gateway did not say."""
    if sms.slot_index is None:
        return None
    return {
        "slotIndex": sms.slot_index,
        "carrierName": sms.carrier_name,
        "phoneNumber": sms.slot_phone_number,
    }


def sms_json(sms: Sms) -> Json:
    """A message, as lists and `sms-received` show it."""
    return {
        "id": str(sms.id),
        "deviceId": sms.device_id,
        "direction": sms.direction,
        "sender": sms.sender,
        "recipient": sms.recipient,
        "message": sms.message,
        "timestamp": to_iso(sms.sent_at),
        "receivedAt": to_iso(sms.received_at),
        "slotIndex": sms.slot_index,
        "carrierName": sms.carrier_name,
        "slotInfo": slot_info_json(sms),
        "status": sms.status,
        "seq": sms.id,
    }


def note_json(note: Note) -> tuple[str, Json]:
    """The name and the data of the fact that tells a note."""
    data: Json = {"deviceId": note.device_id, "slotIndex": note.slot_index}
    match note:
        case DeliveryReport():
            told = {
                "reference": note.reference,
                "statusCode": note.status_code,
                "status": note.status,
                "recipient": note.recipient,
                "sentAt": iso_or_none(note.sent_at),
            }
            return "delivery-report", data | told
        case CallEvent():
            told = {
                "state": note.state,
                "direction": note.direction,
                "number": note.number,
                "durationSeconds": note.duration_seconds,
                "cause": note.cause,
            }
            return "call-event", data | told
        case Ussd():
            return "ussd-received", data | {"text": note.text, "isFinal": note.is_final}


def stats_json(stats: Stats, at: int, seq: int) -> Json:
    """`stats-update`, and the `stats` of the snapshot."""
    return {
        "totalDevices": stats.total_devices,
        "onlineDevices": stats.online_devices,
        "lateDevices": stats.late_devices,
        "offlineDevices": stats.offline_devices,
        "unknownDevices": stats.unknown_devices,
        "totalSms": stats.received_sms + stats.sent_sms,
        "receivedSms": stats.received_sms,
        "sentSms": stats.sent_sms,
        "deliveredSms": stats.delivered_sms,
        "failedSms": stats.failed_sms,
        "timestamp": to_iso(at),
        "seq": seq,
    }


def event_data(event: Event) -> Mapping[str, Any]:
    """The `data` of an event."""
    return device_json(event.data) if isinstance(event.data, Device) else event.data


def event_json(event: Event, room: str) -> Json:
    """An event as a member of a frame, seen from `room`."""
    return {
        "seq": event.seq,
        "event": event.name,
        "room": room,
        "data": event_data(event),
        "at": to_iso(event.at),
    }


def dumps(value: object) -> bytes:
    """UTF-8 JSON."""
    return orjson.dumps(value)
