"""`/in/{make}/{key}`: who is let in, who a push is about, and what is on disk when it is answered."""

from __future__ import annotations

from typing import Any

import pytest
from aiohttp import ClientResponse

from goip.api.appkeys import STORE
from goip.store.store import Store
from tests.api.conftest import Client, log_in_as_program, refused

ENROLMENT_KEY = "enrol-me-please"
MO = {
    "id": "e1b2-1",
    "from": "+15550101",
    "to": "+15550199",
    "origin-connector": "smpp-7",
    "content": "hello",
}


def store_of(client: Client) -> Store:
    app: Any = client.server.app  # type: ignore[attr-defined]
    store: Store = app[STORE]
    return store


async def post(client: Client, path: str, key: str = ENROLMENT_KEY, **fields: str) -> ClientResponse:
    return await client.post(f"/in/jasmin/{key}{path}", data={**MO, **fields})


async def messages(client: Client) -> list[dict[str, Any]]:
    headers = await log_in_as_program(client)
    found: list[dict[str, Any]] = (await (await client.get("/api/sms", headers=headers)).json())["messages"]
    return found


async def test_the_first_word_of_an_unknown_device_registers_it_and_is_stored(client: Client) -> None:
    answer = await post(client, "")
    assert (answer.status, await answer.text()) == (200, "ACK/Jasmin")
    device = store_of(client).fleet.find("smpp-7")
    assert device is not None
    assert (device.make, device.status, device.interval_seconds) == ("jasmin", "online", 86_400)
    [stored] = await messages(client)
    assert (stored["deviceId"], stored["sender"], stored["message"]) == ("smpp-7", "+15550101", "hello")


async def test_a_repeat_is_stored_once_and_answered_as_the_first(client: Client) -> None:
    for _ in range(3):
        assert (await post(client, "")).status == 200
    assert len(await messages(client)) == 1


async def test_a_name_in_the_address_is_the_device(client: Client) -> None:
    assert (await post(client, "/berlin-1")).status == 200
    assert [each["deviceId"] for each in await messages(client)] == ["berlin-1"]


async def test_a_device_key_says_whose_push_it_is(client: Client) -> None:
    headers = await log_in_as_program(client)
    made = await client.post("/api/devices", json={"deviceId": "mine"}, headers=headers)
    key = (await made.json())["deviceKey"]
    assert (await post(client, "", key)).status == 200
    assert (await post(client, "/another", key)).status == 200
    assert {each["deviceId"] for each in await messages(client)} == {"mine"}


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/in/jasmin/goip_dk_wrong", 401, "invalid_key"),
        (f"/in/nobody/{ENROLMENT_KEY}", 404, "unknown_make"),
        (f"/in/jasmin/{ENROLMENT_KEY}/%20", 400, "invalid_payload"),
        (f"/in/jasmin/{ENROLMENT_KEY}/{'x' * 200}", 400, "invalid_payload"),
    ],
)
async def test_strangers_and_nonsense_are_told_so(client: Client, path: str, status: int, code: str) -> None:
    await refused(await client.post(path, data=MO), status, code)


@pytest.mark.parametrize("missing", ["id", "from", "content"])
async def test_a_push_that_misses_a_field_is_told_which(client: Client, missing: str) -> None:
    form = {name: value for name, value in MO.items() if name != missing}
    body = await refused(await client.post(f"/in/jasmin/{ENROLMENT_KEY}", data=form), 400, "invalid_payload")
    assert list(body["fields"]) == [missing]


async def test_a_report_is_a_fact_of_its_device(client: Client) -> None:
    report = {"id": "out-1", "message_status": "DELIVRD", "level": "2", "connector": "smpp-7"}
    answer = await client.get(f"/in/jasmin/{ENROLMENT_KEY}", params=report)
    assert (answer.status, await answer.text()) == (200, "ACK/Jasmin")
    headers = await log_in_as_program(client)
    told = await (await client.get("/api/devices/smpp-7/events", headers=headers)).json()
    [fact] = [each for each in told["events"] if each["event"] == "delivery-report"]
    assert (fact["data"]["reference"], fact["data"]["status"]) == ("out-1", "DELIVRD")


async def test_any_word_keeps_a_device_alive(client: Client) -> None:
    await post(client, "")
    store = store_of(client)
    before = store.fleet.find("smpp-7")
    clock: Any = store.clock
    clock.advance(100)
    await post(client, "", id="e1b2-2")
    device = store.fleet.find("smpp-7")
    assert before is not None
    assert device is not None
    assert before.last_seen_at is not None
    assert device.last_seen_at == before.last_seen_at + 100_000


async def test_ucs2_is_read_from_the_bytes(client: Client) -> None:
    text = "Привет ✓"
    await post(client, "", coding="8", content="??", binary=text.encode("utf-16-be").hex())
    assert [each["message"] for each in await messages(client)] == [text]
