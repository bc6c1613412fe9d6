"""A few devices of every kind, with long names and long texts, for pages to be looked at."""

from __future__ import annotations

from dataclasses import dataclass

from tests.live_server import ENROLMENT_KEY, LiveServer

_OPERATORS = ("Example Mobile", "Telefon Ring Communications International", "شبكة المثال", "例の電話")
_TEXTS = (
    "Your verification code is 482193. Do not share it with anybody.",
    "رمز التحقق الخاص بك هو 771204",
    "Ihre Rechnung vom 12.11. über 1.299,00 € ist fällig. " * 6,
    "ok",
    "https://example.com/a/very/long/path/that/has/no/place/to/break/" + "x" * 120,
)


@dataclass(frozen=True)
class Fleet:
    """The ids of a box with many slots and of a phone, the phone's name, and somebody who wrote to the box."""

    box: str
    phone: str
    name: str
    peer: str


def slot(index: int, **fields: object) -> dict[str, object]:
    """A SIM position with everything set."""
    return {
        "slotIndex": index,
        "operatorName": _OPERATORS[index % len(_OPERATORS)],
        "phoneNumber": f"+1555010{index:04}",
        "signalStrength": (31, 20, 9, 2, 99)[index % 5],
        "iccid": f"8949020000{index:09}",
        "imsi": f"00101{index:010}",
        "imei": f"35693803{index:07}",
        "status": ("LOGIN", "REGISTERED", "No SIM", "busy")[index % 4],
        "balance": f"{index}.50 EUR",
        "rawStatus": f"+CREG: 0,{index} module ready since 2026-11-20 12:03:11",
    } | fields


def seed_fleet(server: LiveServer) -> Fleet:
    """Enrol them, with some heartbeats and messages."""
    phone, box, plain, late = (server.new_id(prefix) for prefix in ("phone", "box", "plain", "late"))
    fleet = Fleet(box, phone, f"Galaxy in the {phone} drawer", "+15550199")
    brand = {"brand": "Samsung", "model": "Galaxy A15 5G", "manufacturer": "Samsung Electronics Co., Ltd."}
    beats: list[dict[str, object]] = [
        {"deviceId": plain},
        {"deviceId": late, "intervalSeconds": 1, "batteryLevel": 7},
        {
            "deviceId": phone,
            "name": fleet.name,
            "deviceBrandInfo": brand,
            "batteryLevel": 12,
            "simSlots": [slot(0), slot(1)],
            "firmware": "Android 15 / goip-client 2.11.0",
        },
    ]
    name = "A box with thirty-two ports, in the second rack from the left, behind the door that sticks"
    for n in range(4):
        slots = [slot(index) for index in range(32)]
        beats.append(
            {"deviceId": box, "name": name, "signalStrength": 20 + n, "counter": n, "simSlots": slots}
        )
    for beat in beats:
        server.heartbeat(str(beat["deviceId"]), ENROLMENT_KEY, **{"intervalSeconds": 3600} | beat).must()
    for text in _TEXTS:
        for sender in (fleet.peer, "A-VERY-LONG-NAME"):
            server.receive_sms(box, ENROLMENT_KEY, text, sender=sender, slotIndex=3).must()
        server.receive_sms(phone, ENROLMENT_KEY, text, sender="BANK", slotIndex=0).must()
    return fleet
