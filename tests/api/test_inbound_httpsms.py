"""httpSMS at the real server: the phone app's own paths below the address, and what it must never be refused."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import ClientResponse
from aiohttp.test_utils import TestClient

from goip.app import build_app
from goip.config import Config
from goip.errors import Unavailable
from goip.ingest import NoteChange
from tests.api.conftest import PASSWORD, Client, log_in_as_program, refused
from tests.api.quick_server import QuickTestServer
from tests.api.test_inbound import ENROLMENT_KEY, messages, store_of
from tests.conftest import FakeClock
from tests.gateways.test_httpsms import (
    BEATS,
    CALLS,
    EVENTS,
    HEARTBEAT,
    LOGIN,
    MISSED,
    OUTSTANDING,
    OWNER,
    PHONES,
    RECEIVE,
    RECEIVED,
    SECOND,
)
from tests.gateways.test_httpsms_webhooks import MONITORED, OUTGOING, event
from tests.gateways.test_httpsms_webhooks import RECEIVED as WEBHOOK_RECEIVED


def address(path: str, key: str = ENROLMENT_KEY) -> str:
    return f"/in/httpsms/{key}/{path}".rstrip("/")


async def post(client: Client, path: str, body: object, key: str = ENROLMENT_KEY) -> ClientResponse:
    return await client.post(address(path, key), json=body, headers={"x-api-key": "anything"})


async def key_of(client: Client, device_id: str) -> str:
    headers = await log_in_as_program(client)
    made = await client.post("/api/devices", json={"deviceId": device_id}, headers=headers)
    key: str = (await made.json())["deviceKey"]
    return key


async def facts_of(client: Client, device_id: str, name: str) -> list[dict[str, Any]]:
    headers = await log_in_as_program(client)
    answer = await client.get(f"/api/devices/{device_id}/events", headers=headers)
    return [each["data"] for each in (await answer.json())["events"] if each["event"] == name]


async def test_a_phone_logs_in_and_is_here_by_its_number(client: Client) -> None:
    answer = await client.put(address(PHONES), json=LOGIN)
    assert (answer.status, answer.content_type) == (200, "application/json")
    data = (await answer.json())["data"]
    assert data["user_id"] == OWNER
    device = store_of(client).fleet.find(OWNER)
    assert device is not None
    assert (device.make, device.status, device.interval_seconds) == ("httpsms", "online", 900)
    assert device.phone_number == OWNER


async def test_a_wrong_key_at_the_login_is_told_as_the_app_tells_its_user(client: Client) -> None:
    await refused(await client.put(address(PHONES, "wrong-key"), json=LOGIN), 401, "invalid_key")


async def test_a_message_is_stored_once_however_often_it_is_sent(client: Client) -> None:
    clock: Any = store_of(client).clock
    for _ in range(3):
        answer = await post(client, RECEIVE, RECEIVED)
        assert answer.status == 200
        assert (await answer.json())["data"]["contact"] == "+15550101"
        clock.advance(3_600)
    [stored] = await messages(client)
    assert (stored["deviceId"], stored["sender"], stored["message"], stored["slotIndex"]) == (
        OWNER,
        "+15550101",
        "Your code is 271828",
        0,
    )


async def test_a_repeat_has_lost_its_attachments_and_is_a_repeat_all_the_same(client: Client) -> None:
    attached = [{"name": "a.jpg", "content_type": "image/jpeg", "content": "AAAA"}]
    for attachments in (attached, []):
        assert (await post(client, RECEIVE, {**RECEIVED, "attachments": attachments})).status == 200
    assert [each["message"] for each in await messages(client)] == ["Your code is 271828\n[attached: a.jpg]"]


async def test_the_same_text_a_moment_later_is_another_message(client: Client) -> None:
    for at in ("2026-11-21T05:22:20.123000000Z", "2026-11-21T05:22:20.124000000Z"):
        assert (await post(client, RECEIVE, {**RECEIVED, "timestamp": at})).status == 200
    assert len(await messages(client)) == 2


async def test_with_the_enrolment_key_each_number_is_a_device_and_is_kept_alive(client: Client) -> None:
    assert (await post(client, BEATS, HEARTBEAT)).status == 201
    fleet = store_of(client).fleet
    found = [fleet.find(number) for number in (OWNER, SECOND)]
    assert [(each.charging, each.phone_number) for each in found if each] == [(True, OWNER), (True, SECOND)]


async def test_with_its_own_key_a_phone_with_two_cards_is_one_device(client: Client) -> None:
    key = await key_of(client, "attic")
    for body in (LOGIN, {**LOGIN, "phone_number": SECOND, "sim": "SIM2"}):
        assert (await client.put(address(PHONES, key), json=body)).status == 200
    for body in (RECEIVED, {**RECEIVED, "to": SECOND, "sim": "SIM2"}):
        assert (await post(client, RECEIVE, body, key)).status == 200
    assert (await post(client, BEATS, HEARTBEAT, key)).status == 201
    device = store_of(client).fleet.find("attic")
    assert device is not None
    assert [(slot.slot_index, slot.phone_number) for slot in device.slots] == [(0, OWNER), (1, SECOND)]
    stored = await messages(client)
    assert [(each["deviceId"], each["slotIndex"], each["recipient"]) for each in stored] == [
        ("attic", 1, SECOND),
        ("attic", 0, OWNER),
    ]
    assert store_of(client).fleet.find(OWNER) is None


async def test_a_missed_call_and_a_report_stand_in_the_devices_timeline(client: Client) -> None:
    key = await key_of(client, "attic")
    assert (await post(client, CALLS, MISSED, key)).status == 200
    assert (await post(client, EVENTS, {"event_name": "FAILED", "reason": "NO_SERVICE"}, key)).status == 200
    [call] = await facts_of(client, "attic", "call-event")
    assert (call["state"], call["number"], call["slotIndex"]) == ("missed", "+15550101", 1)
    [report] = await facts_of(client, "attic", "delivery-report")
    assert (report["reference"], report["status"]) == ("m-1", "failed: NO_SERVICE")


async def test_a_call_that_is_posted_again_in_the_same_words_is_told_once(client: Client) -> None:
    key = await key_of(client, "attic")
    twins = await asyncio.gather(*(post(client, CALLS, MISSED, key) for _ in range(2)))
    again = await post(client, CALLS, MISSED, key)
    assert {each.status for each in (*twins, again)} == {200}
    assert len(await facts_of(client, "attic", "call-event")) == 1
    later = {**MISSED, "timestamp": "2026-11-21T05:23:22.123000000Z"}
    assert (await post(client, CALLS, later, key)).status == 200
    assert len(await facts_of(client, "attic", "call-event")) == 2


async def test_a_call_that_could_not_be_stored_is_told_when_it_comes_again(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = await key_of(client, "attic")
    record = store_of(client).record
    is_full = True

    def full(change: Any) -> asyncio.Future[Any]:
        if not (is_full and isinstance(change, NoteChange)):
            return record(change)
        refused: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        refused.set_exception(Unavailable("the disk is full"))
        return refused

    monkeypatch.setattr(store_of(client), "record", full)
    assert (await post(client, CALLS, MISSED, key)).status == 503
    is_full = False
    assert (await post(client, CALLS, MISSED, key)).status == 200
    assert len(await facts_of(client, "attic", "call-event")) == 1


async def test_there_is_nothing_for_the_app_to_send(client: Client) -> None:
    for path in (f"{OUTSTANDING}?message_id=m-1", "v1/users/me"):
        answer = await client.get(address(path))
        assert (answer.status, (await answer.json())["status"]) == (404, "error")


async def test_a_slash_at_the_end_of_the_server_url_does_no_harm(client: Client) -> None:
    assert (await post(client, f"/{RECEIVE}", RECEIVED)).status == 200
    assert len(await messages(client)) == 1


@pytest.mark.parametrize("path", [RECEIVE, CALLS])
async def test_what_may_be_stored_one_day_is_never_a_4xx(client: Client, path: str) -> None:
    """The app drops a message that is answered with one."""
    body = RECEIVED if path == RECEIVE else MISSED
    answer = await post(client, path, body, "wrong-key")
    await refused(answer, 503, "invalid_key")
    assert int(answer.headers["Retry-After"]) > 0
    await refused(await post(client, path, {**body, "to": ""}), 503, "device_key_required")
    key = await key_of(client, body["to"])
    assert (await post(client, BEATS, HEARTBEAT, key)).status == 201
    await refused(await post(client, path, body), 503, "own_key_required")
    assert (await post(client, path, body, key)).status == 200


async def test_what_can_never_be_stored_is_told_so(client: Client) -> None:
    nothing = {name: value for name, value in RECEIVED.items() if name != "content"}
    await refused(await post(client, RECEIVE, nothing), 400, "invalid_payload")
    await refused(await client.post(address(RECEIVE), data=b"{"), 400, "invalid_json")


@pytest.fixture
async def narrow(database_url: str, clock: FakeClock) -> AsyncIterator[Client]:
    """A client of a server that takes small bodies, and few of them."""
    config = Config(
        database_url=database_url,
        admin_password=PASSWORD,
        enrollment_key=ENROLMENT_KEY,
        max_body_bytes=1_024,
        device_rate=1,
    )
    async with TestClient(QuickTestServer(build_app(config, clock=clock))) as client:
        yield client


async def test_a_limit_of_ours_costs_no_message(narrow: Client) -> None:
    files = [{"name": "a.jpg", "content_type": "image/jpeg", "content": "A" * 4_096}]
    await refused(await post(narrow, RECEIVE, {**RECEIVED, "attachments": files}), 503, "too_large")
    statuses = {(await post(narrow, RECEIVE, {**RECEIVED, "content": str(n)})).status for n in range(20)}
    assert statuses == {200, 503}


async def test_a_webhook_stores_a_message_once_and_expects_a_sign_of_life_a_day(client: Client) -> None:
    for event_id in ("e-1", "e-1", "e-2"):
        told = event("message.phone.received", WEBHOOK_RECEIVED, id=event_id)
        assert (await post(client, "", told)).status == 200
    stored = await messages(client)
    assert [each["sender"] for each in stored] == ["Bank", "Bank"]
    device = store_of(client).fleet.find(OWNER)
    assert device is not None
    assert (device.make, device.interval_seconds, device.phone_number) == ("httpsms", 86_400, OWNER)


async def test_hearsay_is_told_and_makes_nobody_alive(client: Client) -> None:
    key = await key_of(client, "attic")
    for name, data in (("message.send.expired", OUTGOING), ("phone.heartbeat.offline", MONITORED)):
        assert (await post(client, "", event(name, data), key)).status == 200
    device = store_of(client).fleet.find("attic")
    assert device is not None
    assert device.last_seen_at is None
    [report] = await facts_of(client, "attic", "delivery-report")
    assert report["status"] == "expired"
    assert (await post(client, "", event("phone.heartbeat.online", MONITORED), key)).status == 200
    device = store_of(client).fleet.find("attic")
    assert device is not None
    assert device.status == "online"


async def test_a_phone_that_is_only_said_to_be_offline_is_not_registered(client: Client) -> None:
    assert (await post(client, "", event("phone.heartbeat.offline", MONITORED))).status == 200
    assert store_of(client).fleet.find(OWNER) is None
