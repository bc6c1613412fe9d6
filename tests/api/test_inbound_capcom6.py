"""SMS Gateway for Android at the real server: signed, sent again, and what is on disk then."""

from __future__ import annotations

import json
from typing import Any

from aiohttp import ClientResponse

from tests.api.conftest import Client, log_in_as_program, refused
from tests.api.test_inbound import ENROLMENT_KEY, messages, store_of
from tests.gateways.phone_pushes import hex_hmac
from tests.gateways.test_capcom6 import CARD, HEALTH, OUTGOING, PHONE, RECEIVED


async def post(
    client: Client, event: object, *, path: str = "", key: str | None = None, at: int | None = None
) -> ClientResponse:
    """Post it as the app does; with `key` signed, at a time of the server's clock."""
    raw = json.dumps(event).encode()
    headers = {"Content-Type": "application/json"}
    if key is not None:
        stamp = str((store_of(client).clock() if at is None else at) // 1000)
        headers |= {"X-Timestamp": stamp, "X-Signature": hex_hmac(raw + stamp.encode(), key)}
    return await client.post(f"/in/capcom6/{ENROLMENT_KEY}{path}", data=raw, headers=headers)


def event(name: str, payload: object, **others: Any) -> dict[str, Any]:
    return {**RECEIVED, "event": name, "payload": payload, **others}


async def test_a_phone_comes_in_by_its_first_message(client: Client) -> None:
    answer = await post(client, RECEIVED, key=ENROLMENT_KEY)
    assert (answer.status, await answer.text()) == (200, "OK")
    device = store_of(client).fleet.find(PHONE)
    assert device is not None
    assert (device.make, device.status, device.interval_seconds) == ("capcom6", "online", 900)
    [stored] = await messages(client)
    assert (stored["deviceId"], stored["sender"], stored["recipient"], stored["slotIndex"]) == (
        PHONE,
        "6505550112",
        "+15550190",
        0,
    )
    assert stored["timestamp"] == "2024-06-22T08:46:11.000Z"


async def test_a_retry_with_a_fresh_signature_is_stored_once(client: Client) -> None:
    assert (await post(client, RECEIVED, key=ENROLMENT_KEY)).status == 200
    clock: Any = store_of(client).clock
    for _ in range(3):
        clock.advance(86_400)
        assert (await post(client, RECEIVED, key=ENROLMENT_KEY)).status == 200
    assert len(await messages(client)) == 1


async def test_the_same_text_twice_is_two_messages(client: Client) -> None:
    for event_id in ("one", "two"):
        assert (await post(client, {**RECEIVED, "id": event_id})).status == 200
    assert len(await messages(client)) == 2


async def test_a_batch_is_stored_once_however_often_it_comes(client: Client) -> None:
    same = event("sms:batch:received", {"messages": [RECEIVED["payload"], RECEIVED["payload"]]})
    for _ in range(2):
        assert (await post(client, same)).status == 200
    assert len(await messages(client)) == 2


async def test_a_wrong_signature_stores_nothing_and_says_what_to_do(client: Client) -> None:
    body = await refused(await post(client, RECEIVED, key="random12"), 401, "invalid_signature")
    assert "enter the key that stands in this address as the signing key" in body["error"]
    now = store_of(client).clock()
    await refused(await post(client, RECEIVED, key=ENROLMENT_KEY, at=now - 301_000), 401, "stale_signature")
    assert store_of(client).fleet.find(PHONE) is None


async def test_a_ping_and_a_start_of_the_app_fill_the_devices_page(client: Client) -> None:
    assert (await post(client, event("app:started", {"simCards": [CARD]}))).status == 200
    assert (await post(client, event("system:ping", {"health": HEALTH}))).status == 200
    device = store_of(client).fleet.find(PHONE)
    assert device is not None
    assert (device.battery_level, device.charging, device.device_status) == (94, True, "wifi")
    [slot] = device.slots
    assert (slot.slot_index, slot.iccid, slot.phone_number) == (0, "897010112233445", "+15550190")
    await post(client, RECEIVED)
    [stored] = await messages(client)
    assert (stored["carrierName"], stored["slotIndex"]) == ("MTS", 0)


async def test_a_report_stands_in_the_devices_timeline(client: Client) -> None:
    failed = event("sms:failed", {**OUTGOING, "reason": "no service"})
    assert (await post(client, failed)).status == 200
    headers = await log_in_as_program(client)
    told = await (await client.get(f"/api/devices/{PHONE}/events", headers=headers)).json()
    [fact] = [each["data"] for each in told["events"] if each["event"] == "delivery-report"]
    assert (fact["reference"], fact["status"], fact["recipient"], fact["slotIndex"]) == (
        "out-1",
        "failed: no service",
        "+15550101",
        1,
    )


async def test_an_app_without_a_device_id_is_named_by_the_address(client: Client) -> None:
    old = {name: value for name, value in RECEIVED.items() if name not in ("deviceId", "id")}
    body = await refused(await post(client, old), 400, "invalid_payload")
    assert list(body["fields"]) == ["deviceId"]
    for _ in range(2):
        assert (await post(client, old, path="/attic")).status == 200
    assert [each["deviceId"] for each in await messages(client)] == ["attic"]
