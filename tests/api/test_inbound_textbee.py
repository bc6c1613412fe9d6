"""textbee at the real server: webhooks that come again for weeks, and the phone app's paths below the address."""

from __future__ import annotations

import json
from typing import Any

from aiohttp import ClientResponse

from tests.api.conftest import Client, log_in_as_program, refused
from tests.api.test_inbound import ENROLMENT_KEY, messages, store_of
from tests.gateways.phone_pushes import hex_hmac
from tests.gateways.test_textbee import BEAT, DEVICES, OUTGOING, PHONE, RECEIVED, REGISTER, SMS


def address(path: str = "", key: str = ENROLMENT_KEY) -> str:
    return f"/in/textbee/{key}/{path}".rstrip("/")


async def post_signed(client: Client, body: object, key: str = ENROLMENT_KEY) -> ClientResponse:
    """As textbee's server posts a webhook."""
    raw = json.dumps(body, separators=(",", ":")).encode()
    headers = {"Content-Type": "application/json", "X-Signature": hex_hmac(raw, key)}
    return await client.post(address(), data=raw, headers=headers)


async def facts_of(client: Client, device_id: str) -> list[dict[str, Any]]:
    headers = await log_in_as_program(client)
    answer = await client.get(f"/api/devices/{device_id}/events", headers=headers)
    return [each["data"] for each in (await answer.json())["events"] if each["event"] == "delivery-report"]


async def test_a_webhook_is_stored_once_however_many_weeks_it_comes(client: Client) -> None:
    clock: Any = store_of(client).clock
    for _ in range(4):
        answer = await post_signed(client, RECEIVED)
        assert (answer.status, answer.content_type) == (200, "application/json")
        clock.advance(7 * 86_400)
    [stored] = await messages(client)
    assert (stored["deviceId"], stored["sender"], stored["timestamp"]) == (
        PHONE,
        "+15550101",
        "2026-11-21T05:22:20.123Z",
    )
    device = store_of(client).fleet.find(PHONE)
    assert device is not None
    assert (device.make, device.interval_seconds) == ("textbee", 86_400)


async def test_the_same_text_under_another_key_is_another_message(client: Client) -> None:
    for key in ("one", "two"):
        assert (await post_signed(client, RECEIVED | {"idempotencyKey": key})).status == 200
    assert len(await messages(client)) == 2


async def test_a_wrong_signature_stores_nothing_and_says_what_to_do(client: Client) -> None:
    body = await refused(await post_signed(client, RECEIVED, "another-secret"), 401, "invalid_signature")
    assert "signing key" in body["error"]
    assert await messages(client) == []


async def test_a_server_that_gave_up_makes_nobody_alive(client: Client) -> None:
    assert (await post_signed(client, RECEIVED)).status == 200
    before = store_of(client).fleet.find(PHONE)
    clock: Any = store_of(client).clock
    clock.advance(3_600)
    assert (await post_signed(client, OUTGOING | {"webhookEvent": "MESSAGE_FAILED"})).status == 200
    device = store_of(client).fleet.find(PHONE)
    assert before is not None
    assert device is not None
    assert device.last_seen_at == before.last_seen_at
    assert len(await facts_of(client, PHONE)) == 1


async def test_the_app_registers_beats_receives_and_reports_with_the_id_that_it_was_given(
    client: Client,
) -> None:
    api_key = {"x-api-key": "anything"}
    registered = await client.post(address(DEVICES), json=REGISTER, headers=api_key)
    device_id = (await registered.json())["data"]["_id"]
    about = f"{DEVICES}/{device_id}"
    beaten = await client.post(address(f"{about}/heartbeat"), json=BEAT, headers=api_key)
    assert (beaten.status, (await beaten.json())["success"]) == (200, True)
    for _ in range(3):
        assert (await client.post(address(f"{about}/receive-sms"), json=SMS)).status == 200
    later = {**SMS, "receivedAtInMillis": SMS["receivedAtInMillis"] + 1_000}  # type: ignore[operator]
    assert (await client.post(address(f"{about}/receive-sms"), json=later)).status == 200
    status = {"smsId": "66b0", "status": "DELIVERED"}
    assert (await client.patch(address(f"{about}/sms-status"), json=status)).status == 200
    assert [(each["deviceId"], each["message"]) for each in await messages(client)] == [
        (device_id, "Your code is 271828")
    ] * 2
    device = store_of(client).fleet.find(device_id)
    assert device is not None
    assert (device.name, device.battery_level, device.device_status) == ("attic", 87, "wifi")
    assert (device.interval_seconds, [slot.iccid for slot in device.slots]) == (
        1_800,
        ["8949000000000000001"],
    )
    [report] = await facts_of(client, device_id)
    assert (report["reference"], report["status"]) == ("66b0", "delivered")


async def test_with_its_own_key_the_phone_has_that_devices_name(client: Client) -> None:
    headers = await log_in_as_program(client)
    made = await client.post("/api/devices", json={"deviceId": "attic"}, headers=headers)
    key = (await made.json())["deviceKey"]
    registered = await client.post(address(f"api/v1/{DEVICES}", key), json=REGISTER)
    assert (await registered.json())["data"]["_id"] == "attic"
    updated = await client.patch(address(f"{DEVICES}/attic", key), json=REGISTER)
    assert updated.status == 200
    assert (await client.post(address(f"{DEVICES}/whatever/receive-sms", key), json=SMS)).status == 200
    assert [each["deviceId"] for each in await messages(client)] == ["attic"]


async def test_what_the_app_asks_beside_is_not_found(client: Client) -> None:
    answer = await client.get(address("auth/who-am-i"))
    assert (answer.status, (await answer.json())["success"]) == (404, False)
    await refused(await client.post(address(DEVICES), json={}), 401, "device_key_required")
