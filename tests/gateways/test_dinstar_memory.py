"""What newer Dinstar boxes remember, read over real sockets into a real database, beside what they push."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import orjson
import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from goip.errors import InvalidPayload, Unavailable
from goip.gateways import Push
from goip.gateways.dinstar import MAKE, memory
from goip.gateways.dinstar.client import DinstarClient
from goip.gateways.dinstar.stored import Remembered, decode_received, query_after
from goip.ingest import Enrolment, record_heartbeat, record_sms
from goip.models import Heartbeat, InboundSms
from goip.store import tables as t
from goip.store.store import Store
from tests.gateways import asked_box as plain
from tests.gateways.dinstar_asked import QUICK, AskedBox, asked_box
from tests.gateways.test_dinstar import AT, SMS
from tests.store.lives import Ear, all_rows

pytestmark = pytest.mark.timeout(60)

PORTS = {"error_code": 200, "sn": "x", "info": [{"port": 0, "reg": "REGISTER_OK"}]}


@pytest.fixture
async def box() -> AsyncIterator[AskedBox]:
    async with asked_box() as box:
        yield box


@pytest.fixture
def ear(store: Store) -> Ear:
    return Ear(store)


@asynccontextmanager
async def made(store: Store, box: AskedBox | plain.AskedBox) -> AsyncIterator[DinstarClient]:
    client = DinstarClient(box.address(), store, QUICK)
    yield client
    await client.link.close()


async def push(store: Store, box: AskedBox, *rows: dict[str, Any]) -> list[bool]:
    """What the box would push; for each message whether it was known."""
    body = json.dumps({"sn": box.serial, "sms": rows}).encode()
    pushed = Push("POST", "", {}, {}, body, "key", None, store.clock())
    return [
        (await record_sms(store, item)).is_repeat
        for item in MAKE.decode(pushed)
        if isinstance(item, InboundSms)
    ]


async def texts(store: Store) -> list[str]:
    return [row["message"] for row in await all_rows(store, t.sms)]


def recovered(ear: Ear) -> list[int]:
    return [event.data["nMessages"] for event in ear.named("sms-recovered") if isinstance(event.data, dict)]


# ---- what an answer says ----


def test_messages_are_in_the_order_of_their_numbers_and_a_row_that_says_nothing_keeps_its_place() -> None:
    rows = [SMS | {"incoming_sms_id": 3}, {"incoming_sms_id": 2}, SMS, {"text": "x", "number": "5"}, 7]
    body = orjson.dumps({"error_code": 200, "sms": rows, "read": 1, "unread": 2})
    first, second, third = decode_received("box", body)
    assert (first.number, first.mark) == (1, f"1:{AT}:6717")
    assert first.sms is not None
    assert (first.sms.device_id, first.sms.message, first.sms.slot_index) == ("box", "test", 1)
    assert second == Remembered(2, None)
    assert (second.mark, third.number) == ("2", 3)


def test_everything_is_asked_for_and_nothing_marked_as_read() -> None:
    assert query_after(7) == {"flag": "all", "incoming_sms_id": "7"}


@pytest.mark.parametrize("body", [b'{"error_code":200}', b'{"error_code":200,"sms":null}'])
def test_an_empty_memory_has_no_messages(body: bytes) -> None:
    assert decode_received("box", body) == ()


@given(
    st.binary(max_size=100) | st.from_regex(rb'\{"error_code":200,"sms":\[\{"incoming_sms_id":.{0,60}\}\]\}')
)
def test_whatever_a_box_remembers_is_read_or_refused(body: bytes) -> None:
    try:
        decode_received("box", body)
    except InvalidPayload:
        return


# ---- reading it ----


async def test_what_came_while_nobody_asked_is_recovered_once(store: Store, box: AskedBox, ear: Ear) -> None:
    for n in range(3):
        box.hears(f"while away {n}", port=n % 2)
    async with made(store, box) as client:
        await client.look()
        await client.look()
    assert await texts(store) == ["while away 0", "while away 1", "while away 2"]
    assert recovered(ear) == [3]
    assert [row["slot_index"] for row in await all_rows(store, t.sms)] == [0, 1, 0]
    assert len(box.memory.unread) == 3


async def test_a_large_memory_is_read_page_by_page_and_told_as_one(
    store: Store, box: AskedBox, ear: Ear
) -> None:
    for n in range(150):
        box.hears(f"message {n}")
    async with made(store, box) as client:
        await client.look()
    assert await texts(store) == [f"message {n}" for n in range(150)]
    assert recovered(ear) == [150]


async def test_what_is_more_than_one_look_may_read_is_left_to_the_next(
    store: Store, box: AskedBox, ear: Ear, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "_MOST_PAGES", 1)
    monkeypatch.setattr(memory, "_MOST_A_COMMIT", 7)
    for n in range(100):
        box.hears(f"message {n}")
    async with made(store, box) as client:
        await client.look()
        assert 0 < len(await texts(store)) < 100
        assert recovered(ear) == []
        for _ in range(3):
            await client.look()
    assert await texts(store) == [f"message {n}" for n in range(100)]
    assert recovered(ear) == [100]


async def test_a_message_is_stored_once_whether_it_is_pushed_or_read_first(
    store: Store, box: AskedBox, ear: Ear
) -> None:
    async with made(store, box) as client:
        await client.look()
        pushed_first = box.hears("pushed first")
        assert await push(store, box, pushed_first) == [False]
        await client.look()
        read_first = box.hears("read first")
        await client.look()
        assert await push(store, box, read_first, pushed_first) == [True, True]
        assert await texts(store) == ["pushed first", "read first"]
    async with made(store, box) as client:  # a start
        box.hears("while away")
        await client.look()
    assert await texts(store) == ["pushed first", "read first", "while away"]
    assert recovered(ear) == [1]


async def test_what_came_while_the_line_was_down_is_recovered(store: Store, box: AskedBox, ear: Ear) -> None:
    async with made(store, box) as client:
        await client.look()
        box.hears("in between: the box may push nothing")
        await client.look()
        assert recovered(ear) == []
        box.close()
        with pytest.raises(OSError, match="Connect"):
            await client.look()
        box.hears("while down")
        await box.plug_in()
        await client.look()
    assert len(await texts(store)) == 2
    assert recovered(ear) == [1]


async def test_a_box_that_counts_anew_is_read_from_its_beginning(
    store: Store, box: AskedBox, ear: Ear
) -> None:
    for n in range(3):
        box.hears(f"before {n}")
    async with made(store, box) as client:
        await client.look()
        box.forget()
        box.hears("first after the reset", "+15550102")
        await client.look()
        box.forget()
        for n in range(5):
            box.hears(f"once more {n}", "+15550103")
        await client.look()
        box.memory.received.clear()
        await client.look()
        box.hears("after it was emptied")
        await client.look()
    assert await texts(store) == [
        *(f"before {n}" for n in range(3)),
        "first after the reset",
        *(f"once more {n}" for n in range(5)),
        "after it was emptied",
    ]


async def test_a_crash_between_messages_and_their_place_stores_them_once(
    store: Store, box: AskedBox, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with made(store, box) as client:
        await client.look()
        box.hears("once")
        with monkeypatch.context() as crashing:

            async def fail(*_: object) -> None:
                raise Unavailable("the disk is full")

            crashing.setattr(memory, "record_piece", fail)
            await client.look()
        assert await texts(store) == ["once"]
        await client.look()
        box.hears("twice")
        await client.look()
    assert await texts(store) == ["once", "twice"]


@pytest.mark.parametrize(
    "answer",
    [
        web.Response(status=404),
        web.Response(status=500),
        web.Response(status=403),
        web.Response(body=b"<html>"),
        web.Response(body=b'{"error_code":500,"sn":"x"}'),
        None,
    ],
    ids=["404", "500", "403", "page", "code 500", "silence"],
)
async def test_trouble_with_the_memory_costs_no_heartbeat(
    answer: web.Response | None, store: Store, ear: Ear
) -> None:
    async def say(request: web.BaseRequest) -> web.StreamResponse:
        if request.path == "/api/get_port_info":
            return web.json_response(PORTS)
        return await plain.silent(request) if answer is None else answer

    async with plain.AskedBox(say) as box:
        client = DinstarClient(box.address(), store, QUICK._replace(answer=1.0))
        await client.look()
        await client.link.close()
    device = store.fleet.find("office")
    assert device is not None
    assert device.is_online
    assert "/api/query_incoming_sms?flag=all&incoming_sms_id=0" in box.questions


async def test_what_a_device_that_waits_has_is_left_in_the_box(store: Store, box: AskedBox) -> None:
    beat = Heartbeat(box.serial)
    await record_heartbeat(store, beat, enrolment=Enrolment(None, "dinstar", is_pending=True))
    box.hears("later")
    async with made(store, box) as client:
        await client.look()
    assert await texts(store) == []
