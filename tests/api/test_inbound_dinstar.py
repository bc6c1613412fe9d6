"""Dinstar boxes at a real server: they push to the address with the key in it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from aiohttp import ClientResponse

from goip.gateways.asking import USUAL
from goip.gateways.dinstar import A_DAY_SECONDS
from goip.gateways.dinstar.client import DinstarClient
from goip.models import Device
from tests.api.conftest import Client, log_in_as_program, refused
from tests.api.test_inbound import ENROLMENT_KEY, messages, store_of
from tests.gateways.dinstar_asked import asked_box
from tests.gateways.test_dinstar import CALL, DEVICE, DOWN, RECEIPT, RESULT, SMS, SN, UP


async def push(client: Client, path: str = "", **body: object) -> ClientResponse:
    return await client.post(f"/in/dinstar/{ENROLMENT_KEY}{path}", json={"sn": SN, **body})


async def accepted(client: Client, **body: object) -> None:
    answer = await push(client, **body)
    assert (answer.status, await answer.read()) == (200, b"OK")


def box(client: Client) -> Device:
    device = store_of(client).fleet.find(SN)
    assert device is not None
    return device


async def facts(client: Client, name: str) -> list[dict[str, Any]]:
    headers = await log_in_as_program(client)
    told = await (await client.get(f"/api/devices/{SN}/events", headers=headers)).json()
    return [each["data"] for each in told["events"] if each["event"] == name]


async def test_a_box_is_in_by_its_first_message_and_held_to_a_day(client: Client) -> None:
    await accepted(client, sms=[SMS])
    device = box(client)
    assert (device.make, device.status, device.interval_seconds) == ("dinstar", "online", 86_400)
    [stored] = await messages(client)
    told = (stored["deviceId"], stored["sender"], stored["message"], stored["slotIndex"])
    assert told == (SN, "6717", "test", 1)
    assert stored["timestamp"] == stored["receivedAt"]


async def test_repeats_are_stored_once_and_an_id_that_began_anew_is_news(client: Client) -> None:
    for _ in range(3):
        await accepted(client, sms=[SMS, SMS])
    store_of(client).clock.advance(86_400)  # type: ignore[attr-defined]
    await accepted(client, sms=[SMS])
    await accepted(client, sms=[{**SMS, "timestamp": "2016-07-13 15:46:18"}])
    assert len(await messages(client)) == 2


async def test_ports_are_told_one_by_one_and_none_costs_the_others(client: Client) -> None:
    await accepted(client, register=[UP])
    await accepted(client, register=[{**UP, "port": 0, "number": "<NULL>"}])
    await accepted(client, register=[{"port": 0, "status": "down", "iccid": "<NULL>"}])
    await accepted(client, ussd=[{"port": 8, "text": "Thank you!"}])
    first, second = box(client).slots
    assert (first.slot_index, first.status, first.iccid) == (0, "searching", None)
    assert (second.slot_index, second.status, second.phone_number) == (8, "registered", "+15550108")
    await accepted(client, sms=[{**SMS, "port": 8}])
    [stored] = await messages(client)
    assert (stored["recipient"], stored["slotIndex"]) == ("+15550108", 8)


async def test_what_happens_is_a_fact_of_the_box(client: Client) -> None:
    await accepted(client, sms_result=[RESULT])
    await accepted(client, sms_deliver_status=[RECEIPT])
    await accepted(client, cdr=[CALL])
    await accepted(client, ussd=[{"port": 1, "text": "12.5"}])
    reports = await facts(client, "delivery-report")
    assert {(each["reference"], each["statusCode"], each["status"]) for each in reports} == {
        ("215", None, "DELIVERED"),
        ("215", 0, None),
    }
    [call] = await facts(client, "call-event")
    assert (call["state"], call["number"], call["durationSeconds"]) == ("ended", "6717", 3)
    [text] = await facts(client, "ussd-received")
    assert (text["text"], text["slotIndex"]) == ("12.5", 1)


async def test_a_box_that_is_switched_off_says_so(client: Client) -> None:
    await accepted(client, register=[DOWN])
    await accepted(client, device=DEVICE)
    device = box(client)
    assert (device.device_status, device.ip_address) == ("power_off", "192.0.2.142")
    assert len(device.slots) == 1


async def test_a_box_that_is_asked_too_keeps_the_deadline_of_who_asks_it(client: Client) -> None:
    await accepted(client, register=[UP])
    assert box(client).interval_seconds == A_DAY_SECONDS
    async with asked_box() as asked:
        dinstar = DinstarClient(replace(asked.address(), name=SN), store_of(client))
        await dinstar.look()
        held_to = box(client).interval_seconds
        assert held_to == USUAL.poll + USUAL.answer
        await accepted(client, sms=[SMS])
        await accepted(client, register=[UP])
        await accepted(client, device=DEVICE)
        assert box(client).interval_seconds == held_to
        await dinstar.look()
        await dinstar.link.close()
    device = box(client)
    assert (device.interval_seconds, device.device_status) == (held_to, "power_off")
    assert [slot.slot_index for slot in device.slots] == [0, 1, 8]


async def test_a_box_under_a_name_of_its_own(client: Client) -> None:
    answer = await push(client, "/roof", sms=[SMS])
    assert answer.status == 200
    assert store_of(client).fleet.find("roof") is not None
    assert store_of(client).fleet.find(SN) is None


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"sms": [{"port": 1}]}, "sms.text"),
        ({"sms": 7}, "sms"),
        ({"sn": None}, "sn"),
        ({"sn": "a/b"}, "deviceId"),
    ],
)
async def test_nonsense_is_told_by_its_field_and_stores_nothing(
    client: Client, body: dict[str, Any], field: str
) -> None:
    told = await refused(await push(client, **body), 400, "invalid_payload")
    assert list(told["fields"]) == [field]
    assert len(store_of(client).fleet) == 0


async def test_a_message_that_cannot_be_stored_is_not_taken_until_it_can(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    await accepted(client)
    with monkeypatch.context() as full:
        full.setattr(store_of(client).writer, "_queue_size", 0)
        await refused(await push(client, sms=[SMS]), 503, "overloaded")
    await accepted(client, sms=[SMS])
    assert len(await messages(client)) == 1
