"""Forwarder apps and OpenVox at the real server."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.conftest import Client, refused
from tests.api.test_inbound import ENROLMENT_KEY, messages, store_of

APP = {"from": "+15550101", "text": "Your code is 271828", "sentStamp": 1_795_238_540_000, "sim": "sim1"}
OPENVOX_CALL = {
    "phonenumber": "+15550101",
    "portname": "gsm-1.3",
    "message": "Hello, box!",
    "time": "2026-11-21 05:22:20",
}


@pytest.mark.parametrize("make", ["forwarder", "openvox"])
async def test_a_message_is_stored_once_and_answered_ok(client: Client, make: str) -> None:
    for _ in range(3):
        answer = await client.post(f"/in/{make}/{ENROLMENT_KEY}/pixel", json=APP)
        assert (answer.status, answer.content_type, await answer.read()) == (200, "text/plain", b"OK")
    [stored] = await messages(client)
    assert (stored["deviceId"], stored["sender"], stored["message"], stored["slotIndex"]) == (
        "pixel",
        "+15550101",
        "Your code is 271828",
        0,
    )
    assert stored["timestamp"] == "2026-11-21T05:22:20.000Z"
    device = store_of(client).fleet.find("pixel")
    assert device is not None
    assert (device.make, device.interval_seconds) == (make, 86_400)


async def test_openvox_calls_by_get(client: Client) -> None:
    for _ in range(2):
        answer = await client.get(f"/in/openvox/{ENROLMENT_KEY}/office", params=OPENVOX_CALL)
        assert (answer.status, await answer.text()) == (200, "OK")
    later = {**OPENVOX_CALL, "time": "2026-11-21 05:22:21"}
    assert (await client.get(f"/in/openvox/{ENROLMENT_KEY}/office", params=later)).status == 200
    stored = await messages(client)
    assert [(each["sender"], each["message"], each["slotIndex"]) for each in stored] == [
        ("+15550101", "Hello, box!", 3)
    ] * 2


async def test_cards_of_openvox_ports_gather_one_by_one(client: Client) -> None:
    for port in ("3", "1", "3"):
        call = {**OPENVOX_CALL, "portname": f"gsm-1.{port}", "imsi": f"90170000001234{port}"}
        assert (await client.get(f"/in/openvox/{ENROLMENT_KEY}/office", params=call)).status == 200
    device = store_of(client).fleet.find("office")
    assert device is not None
    assert [(slot.slot_index, slot.imsi) for slot in device.slots] == [
        (1, "901700000012341"),
        (3, "901700000012343"),
    ]


async def test_the_apps_heartbeat_is_held_to_its_own_interval(client: Client) -> None:
    for path in ("?heartbeat=15", ""):
        answer = await client.post(f"/in/forwarder/{ENROLMENT_KEY}/pixel{path}", json=APP)
        assert answer.status == 200
    device = store_of(client).fleet.find("pixel")
    assert device is not None
    assert device.interval_seconds == 900
    assert len(await messages(client)) == 1


async def test_a_battery_in_the_template_is_the_devices(client: Client) -> None:
    body: dict[str, Any] = {**APP, "battery": 81, "power": "ac"}
    assert (await client.post(f"/in/forwarder/{ENROLMENT_KEY}/pixel", json=body)).status == 200
    device = store_of(client).fleet.find("pixel")
    assert device is not None
    assert (device.battery_level, device.charging) == (81, True)


@pytest.mark.parametrize(("body", "code"), [(b"{", "invalid_json"), (b'{"from": "a"}', "invalid_payload")])
async def test_what_is_no_message_is_told_so(client: Client, body: bytes, code: str) -> None:
    path = f"/in/forwarder/{ENROLMENT_KEY}/pixel"
    await refused(await client.post(path, data=body), 400, code)
    assert store_of(client).fleet.find("pixel") is None


async def test_a_phone_that_nobody_names_is_told_how_to_be_named(client: Client) -> None:
    body = await refused(
        await client.post(f"/in/forwarder/{ENROLMENT_KEY}", json=APP), 400, "invalid_payload"
    )
    assert list(body["fields"]) == ["deviceId"]
    named = {**APP, "device_mark": "Pixel 7"}
    assert (await client.post(f"/in/forwarder/{ENROLMENT_KEY}", json=named)).status == 200
    assert store_of(client).fleet.find("Pixel 7") is not None
