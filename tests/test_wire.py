"""The wire form of devices, messages, totals and events: the names of the contract."""

from __future__ import annotations

import orjson
from msgspec.structs import replace

from goip.models import Device, Event, SimSlot, Sms, Stats
from goip.wire import device_json, dumps, event_json, phone_numbers, sms_json, stats_json

AT = 1_795_238_541_123
ISO = "2026-11-21T05:22:21.123Z"
DEVICE = Device(
    pk=7,
    device_id="gw-1",
    registered_at=AT - 1_000,
    make="http",
    name="Roof",
    battery_level=0,
    charging=False,
    signal_strength=-77,
    device_status="idle",
    slots=(SimSlot(0, "T", "Telekom", "+491", "Good", 17, "8949", "262", "490", "LOGIN", "12.50", "raw"),),
    brand_info={"brand": "google"},
    ip_address="192.0.2.1",
    firmware="14",
    declared_interval_seconds=30,
    phone_number="+490",
    counter=5,
    last_seen_at=AT,
    status="late",
    status_reason="a heartbeat is overdue",
    status_since=AT,
    seq=9,
)


def test_a_device_has_the_names_of_the_contract() -> None:
    assert device_json(DEVICE) == {
        "deviceId": "gw-1",
        "name": "Roof",
        "make": "http",
        "status": "late",
        "statusReason": "a heartbeat is overdue",
        "statusSince": ISO,
        "isOnline": True,
        "isPending": False,
        "deviceStatus": "idle",
        "batteryLevel": 0,
        "charging": False,
        "signalStrength": -77,
        "firmware": "14",
        "ipAddress": "192.0.2.1",
        "intervalSeconds": 30,
        "setIntervalSeconds": None,
        "parent": None,
        "timeZone": None,
        "lastSeen": ISO,
        "nextDueAt": "2026-11-21T05:22:51.123Z",
        "registeredAt": "2026-11-21T05:22:20.123Z",
        "counter": 5,
        "phoneNumbers": ["+490", "+491"],
        "deviceBrandInfo": {"brand": "google"},
        "simSlots": [
            {
                "slotIndex": 0,
                "carrierName": "T",
                "operatorName": "Telekom",
                "phoneNumber": "+491",
                "signalStatus": "Good",
                "signalStrength": 17,
                "iccid": "8949",
                "imsi": "262",
                "imei": "490",
                "status": "LOGIN",
                "balance": "12.50",
                "rawStatus": "raw",
            }
        ],
        "seq": 9,
    }


def test_a_device_of_which_nothing_is_known_has_every_name_too() -> None:
    bare = device_json(Device(pk=1, device_id="gw-1", registered_at=AT))
    assert set(bare) == set(device_json(DEVICE))
    assert (bare["lastSeen"], bare["nextDueAt"], bare["simSlots"], bare["phoneNumbers"]) == (
        None,
        None,
        [],
        [],
    )


def test_numbers_are_told_once_the_devices_own_first() -> None:
    slots = (
        SimSlot(0, phone_number="+2"),
        SimSlot(1),
        SimSlot(2, phone_number="+1"),
        SimSlot(3, phone_number="+2"),
    )
    assert phone_numbers(replace(DEVICE, phone_number="+1", slots=slots)) == ["+1", "+2"]


def test_a_message_has_the_names_of_the_contract() -> None:
    sms = Sms(12, "gw-1", "inbound", "BANK", "+491", "TAN 88", AT - 1_000, AT, 0, "T", "+491", "received")
    told = {
        "id": "12",
        "deviceId": "gw-1",
        "direction": "inbound",
        "sender": "BANK",
        "recipient": "+491",
        "message": "TAN 88",
        "timestamp": "2026-11-21T05:22:20.123Z",
        "receivedAt": ISO,
        "slotIndex": 0,
        "carrierName": "T",
        "slotInfo": {"slotIndex": 0, "carrierName": "T", "phoneNumber": "+491"},
        "status": "received",
        "seq": 12,
    }
    assert sms_json(sms) == told
    unknown = Sms(12, "gw-1", "inbound", "BANK", None, "TAN 88", AT, AT, None, None, None, "received")
    assert sms_json(unknown)["slotInfo"] is None


def test_totals_have_the_names_of_the_contract() -> None:
    stats = Stats(10, 6, 1, 3, 1, 20, 5, 4, 1)
    assert stats_json(stats, AT, 77) == {
        "totalDevices": 10,
        "onlineDevices": 6,
        "lateDevices": 1,
        "offlineDevices": 3,
        "unknownDevices": 1,
        "totalSms": 25,
        "receivedSms": 20,
        "sentSms": 5,
        "deliveredSms": 4,
        "failedSms": 1,
        "timestamp": ISO,
        "seq": 77,
    }


def test_an_event_is_seen_from_a_room() -> None:
    event = Event(9, "device-heartbeat", ("device-gw-1", "dashboard"), DEVICE, AT, "gw-1")
    assert event_json(event, "dashboard") == {
        "seq": 9,
        "event": "device-heartbeat",
        "room": "dashboard",
        "data": device_json(DEVICE),
        "at": ISO,
    }


def test_json_is_utf_8_as_it_is() -> None:
    assert dumps({"text": "ü 🎉 رمز"}) == '{"text":"ü 🎉 رمز"}'.encode()
    assert orjson.loads(dumps({"text": "\x00 \u2028 \"'<"})) == {"text": "\x00 \u2028 \"'<"}
