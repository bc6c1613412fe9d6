"""`/in/ejoin/{key}`: a box as it reports, and the device and messages that are there when it is answered."""

from __future__ import annotations

from typing import Any

import pytest
from aiohttp import ClientResponse

from goip.api.appkeys import STORE
from goip.app import build_app
from goip.config import Config
from goip.models import Device
from goip.wire import dumps
from tests.api.conftest import PASSWORD, Client, log_in_as_program, refused
from tests.api.quick_server import QuickTestServer
from tests.conftest import FakeClock
from tests.gateways.ejoin_pushes import BLOCK, DEV_STATUS, JSON, MAC, RECV_SMS, STATUS_REPORT

KEY = "enrol-me-please"
PLAIN = "application/octet-stream"
FORWARDED = {"port": "12.01", "sender": "12055550122", "mac": MAC, "iccid": "8901410000000000017"}


async def post(
    client: Client, body: bytes | str, path: str = "", content_type: str = JSON, **query: str
) -> ClientResponse:
    headers = {"Content-Type": content_type}
    return await client.post(f"/in/ejoin/{KEY}{path}", data=body, params=query, headers=headers)


async def taken(answer: ClientResponse) -> None:
    assert (answer.status, await answer.read(), answer.content_type) == (200, b"OK", "text/plain")


def device_of(client: Client, device_id: str = MAC) -> Device:
    app: Any = client.server.app  # type: ignore[attr-defined]
    device: Device | None = app[STORE].fleet.find(device_id)
    assert device is not None
    return device


def ports_of(client: Client) -> dict[int, tuple[str | None, int | None]]:
    return {slot.slot_index: (slot.status, slot.signal_strength) for slot in device_of(client).slots}


async def listed(client: Client, path: str, name: str, **query: str) -> list[dict[str, Any]]:
    headers = await log_in_as_program(client)
    answer = await client.get(path, headers=headers, params=query)
    assert answer.status == 200, await answer.text()
    found: list[dict[str, Any]] = (await answer.json())[name]
    return found


async def messages(client: Client, **query: str) -> list[dict[str, Any]]:
    return await listed(client, "/api/sms", "messages", **query)


async def test_a_report_registers_the_box_by_its_mac_address(client: Client) -> None:
    await taken(await post(client, DEV_STATUS))
    device = device_of(client)
    assert (device.make, device.status, device.interval_seconds) == ("ejoin", "online", 60)
    assert (device.ip_address, device.firmware) == ("192.168.1.111", "608-520-840-841-100-0F0")
    assert ports_of(client) == {101: ("denied", 0), 501: ("no sim", None)}


async def test_a_message_is_stored_once_however_often_it_is_pushed(client: Client) -> None:
    for _ in range(3):
        await taken(await post(client, RECV_SMS, "/berlin-1"))
    [stored] = await messages(client, slotIndex="1201")
    assert (
        stored["deviceId"],
        stored["sender"],
        stored["recipient"],
        stored["message"],
        stored["timestamp"],
    ) == (
        "berlin-1",
        "12055550122",
        "16465550179",
        BLOCK.rpartition("\n")[2],
        "2025-08-20T13:45:37.000Z",
    )


async def test_the_same_text_a_second_later_is_another_message(client: Client) -> None:
    for body in (RECV_SMS, RECV_SMS.replace(b"1755697537", b"1755697538")):
        await taken(await post(client, body, "/berlin-1"))
    assert len(await messages(client)) == 2


async def test_a_forwarded_message_is_stored_once_however_often_it_is_posted(client: Client) -> None:
    for _ in range(3):
        await taken(await post(client, BLOCK, content_type=PLAIN, **FORWARDED))
    later = BLOCK.replace("064536", "064537")
    await taken(await post(client, later, content_type=PLAIN, **FORWARDED))
    assert [(each["deviceId"], each["slotIndex"]) for each in await messages(client)] == [(MAC, 1201)] * 2


async def test_without_any_time_an_equal_text_is_a_repeat_for_a_while(
    client: Client, clock: FakeClock
) -> None:
    for seconds in (0, 30, 600):
        clock.advance(seconds)
        await taken(await post(client, "hello", "/box", PLAIN, port="1A", sender="MyBank"))
    assert [(each["sender"], each["message"]) for each in await messages(client)] == [("MyBank", "hello")] * 2


async def test_a_port_that_changed_leaves_the_others_as_they_were(client: Client) -> None:
    await taken(await post(client, DEV_STATUS))
    changed = {
        "type": "port-status",
        "mac": MAC,
        "port": "5.01",
        "seq": 9,
        "status": "3 REGISTERED",
        "sig": 21,
    }
    await taken(await post(client, dumps(changed)))
    assert ports_of(client) == {101: ("denied", 0), 501: ("registered", 21)}
    assert device_of(client).interval_seconds == 60


async def test_a_box_that_only_forwards_is_given_a_day_until_it_reports(client: Client) -> None:
    await taken(await post(client, BLOCK, content_type=PLAIN, **FORWARDED))
    assert device_of(client).interval_seconds == 86_400
    await taken(await post(client, DEV_STATUS.replace(b'"expires":-1', b'"expires":180')))
    assert device_of(client).interval_seconds == 60


async def test_a_chart_of_a_slot_with_a_high_number_can_be_asked_for(client: Client) -> None:
    await taken(await post(client, DEV_STATUS.replace(b"5.01", b"64.08")))
    asked = {"metric": "signal", "slotIndex": "6408"}
    assert await listed(client, f"/api/devices/{MAC}/history", "points", **asked) == []


async def test_reports_of_sent_messages_are_facts_of_the_box(client: Client) -> None:
    await taken(await post(client, STATUS_REPORT, "/box"))
    facts = await listed(client, "/api/devices/box/events", "events")
    reports = [each["data"] for each in facts if each["event"] == "delivery-report"]
    assert {(each["reference"], each["status"], each["slotIndex"]) for each in reports} == {
        ("1223", "sent", 101),
        ("1223", "failed: 6 Timeout", 102),
    }


async def test_what_is_not_known_is_taken_as_a_sign_of_life(client: Client) -> None:
    await taken(await post(client, b'{"type":"mms-status","more":1}', "/box"))
    assert device_of(client, "box").status == "online"
    await taken(await client.get(f"/in/ejoin/{KEY}"))


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b'{"type":"recv-sms"', "invalid_json"),
        (b"\xff\xfe", "invalid_json"),
        (b'{"sms":[]}', "invalid_payload"),
        (b'{"type":"recv-sms","sms":[[0,"1A",5,"a"]]}', "invalid_payload"),
        (b'{"type":"recv-sms","sms":{}}', "invalid_payload"),
    ],
)
async def test_garbage_is_refused_and_leaves_nothing(client: Client, body: bytes, code: str) -> None:
    await refused(await post(client, body, "/box"), 400, code)
    app: Any = client.server.app  # type: ignore[attr-defined]
    assert app[STORE].fleet.find("box") is None


async def test_a_box_that_nothing_names_is_told_how_to(client: Client) -> None:
    answered = await refused(await post(client, RECV_SMS), 400, "invalid_payload")
    assert list(answered["fields"]) == ["deviceId"]
    assert "/in/MAKE/KEY/NAME" in answered["error"]


async def test_all_of_it_is_there_after_a_restart(database_url: str, clock: FakeClock) -> None:
    config = Config(database_url=database_url, admin_password=PASSWORD, enrollment_key=KEY)
    changed = {"type": "port-status", "mac": MAC, "port": "5.01", "st": 3}
    async with Client(QuickTestServer(build_app(config, clock=clock))) as client:
        await taken(await post(client, DEV_STATUS))
        await taken(await post(client, BLOCK, content_type=PLAIN, **FORWARDED))
        await taken(await post(client, dumps(changed)))
    async with Client(QuickTestServer(build_app(config, clock=clock))) as client:
        assert ports_of(client) == {101: ("denied", 0), 501: ("registered", None)}
        await taken(await post(client, BLOCK, content_type=PLAIN, **FORWARDED))
        assert len(await messages(client)) == 1
