"""Kannel at the real server."""

from __future__ import annotations

import pytest
from yarl import URL

from tests.api.conftest import Client, log_in_as_program, refused
from tests.api.test_inbound import ENROLMENT_KEY, messages, store_of
from tests.gateways.test_kannel import HEADERS, ID, QUERY, as_kannel_encodes


def address(client: Client, query: str, path: str = "") -> URL:
    return URL(str(client.make_url(f"/in/kannel/{ENROLMENT_KEY}{path}")) + f"?{query}", encoded=True)


async def test_a_message_is_stored_once_and_answered_nothing(client: Client) -> None:
    for _ in range(3):
        answer = await client.session.get(address(client, QUERY))
        assert (answer.status, await answer.read()) == (200, b"")
        assert answer.headers["Content-Type"].startswith("text/plain")
    [stored] = await messages(client)
    assert (stored["deviceId"], stored["sender"], stored["recipient"], stored["message"]) == (
        "smpp-7",
        "+15550101",
        "+15550199",
        "Hello, Kannel!",
    )
    device = store_of(client).fleet.find("smpp-7")
    assert device is not None
    assert (device.make, device.interval_seconds) == ("kannel", 86_400)


@pytest.mark.parametrize("charset", ["UTF-8", "UTF-16BE"])
async def test_bytes_of_any_charset_arrive_whole(client: Client, charset: str) -> None:
    text = "Привет ÀÁ ƀ 漢字 😀 %C0 +"
    raw = as_kannel_encodes(text.encode(charset))
    answer = await client.session.get(address(client, f"from=a&text={raw}&charset={charset}&id=1", "/k"))
    assert (answer.status, await answer.read()) == (200, b"")
    assert [each["message"] for each in await messages(client)] == [text]


async def test_a_post_of_the_raw_text(client: Client) -> None:
    headers = {name: value for name, value in HEADERS.items() if name != "Date"}
    for _ in range(2):
        url = address(client, f"id={ID}")
        answer = await client.session.post(url, data=b"a=b&c=d; \xd0\xb4", headers=headers)
        assert (answer.status, await answer.read()) == (200, b"")
    assert [each["message"] for each in await messages(client)] == ["a=b&c=d; д"]


async def test_a_report_is_a_fact_of_its_device(client: Client) -> None:
    answer = await client.session.get(address(client, "dlr=1&id=out-17&to=%2B15550101", "/k"))
    assert (answer.status, await answer.read()) == (200, b"")
    headers = await log_in_as_program(client)
    told = await (await client.get("/api/devices/k/events", headers=headers)).json()
    [fact] = [each for each in told["events"] if each["event"] == "delivery-report"]
    assert (fact["data"]["reference"], fact["data"]["status"]) == ("out-17", "delivered")


async def test_an_incomplete_call_is_refused(client: Client) -> None:
    body = await refused(await client.session.get(address(client, "from=a", "/k")), 400, "invalid_payload")
    assert list(body["fields"]) == ["text"]
