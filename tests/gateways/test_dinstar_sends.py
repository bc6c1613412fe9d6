"""Sending by newer Dinstar boxes over real sockets: what becomes of a message, and of an answer that is lost."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import orjson
import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from goip.errors import InvalidPayload
from goip.gateways.asking import Pauses
from goip.gateways.dinstar.asking import SendAnswer
from goip.gateways.dinstar.client import DinstarClient
from goip.gateways.dinstar.results import Result, decode_result, encode_query, refusal_of, user_id_of
from goip.gateways.dinstar.sending import Patience
from goip.gateways.outcome import Outcome
from goip.simulator.boxes.door import hang_up
from goip.store.store import Store
from tests.gateways import asked_box as plain
from tests.gateways.dinstar_asked import BASIC, DIGEST, QUICK, AskedBox, asked_box

pytestmark = pytest.mark.timeout(60)

SHORT = Patience(first=0.01, longest=0.02, total=0.3)
LONG = SHORT._replace(total=10.0)
TAKEN = b'{"error_code":202,"sn":"x","sms_in_queue":1,"task_id":1}'


@pytest.fixture
async def box() -> AsyncIterator[AskedBox]:
    async with asked_box() as box:
        yield box


@asynccontextmanager
async def made(
    store: Store,
    box: AskedBox | plain.AskedBox,
    secret: str = "admin",
    patience: Patience = LONG,
    pauses: Pauses = QUICK,
) -> AsyncIterator[DinstarClient]:
    client = DinstarClient(box.address(secret), store, pauses, patience=patience)
    yield client
    await client.link.close()


# ---- what an answer says ----


def result(user_id: int, *rows: dict[str, Any]) -> Result:
    return decode_result(orjson.dumps({"error_code": 200, "result": rows}), user_id)


def row(status: object, user_id: object = 7, **told: object) -> dict[str, Any]:
    return {"port": 0, "user_id": user_id, "number": "5", "status": status, "ref_id": 215} | told


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        ("SENT_OK", Outcome("done", "215")),
        ("delivered", Outcome("done", "215")),
        ("FAILED", Outcome("failed", reason="not sent")),
        ("SENT_FAIL", Outcome("failed", reason="not sent")),
        ("SENDING", None),
        ("WHATEVER", None),
        (None, None),
    ],
)
def test_a_status_is_an_end_or_none_yet(status: object, outcome: Outcome | None) -> None:
    assert result(7, row(status)) == Result(is_known=True, outcome=outcome)


def test_parts_that_were_sent_are_counted() -> None:
    told = result(7, row("FAILED", count=3, succ_count=1)).outcome
    assert told == Outcome("failed", reason="not sent: 1 of 3 parts sent")


def test_only_what_is_said_of_that_message_counts() -> None:
    assert result(7) == result(7, row("SENT_OK", 8), row("SENT_OK", None)) == Result(is_known=False)
    assert result(7, row("SENT_OK", "7")).outcome == Outcome("done", "215")


def test_of_several_tries_one_that_was_sent_counts_and_none_has_failed_while_another_is_under_way() -> None:
    assert result(7, row("FAILED"), row("SENT_OK"), row("SENDING")).outcome == Outcome("done", "215")
    assert result(7, row("FAILED"), row("SENDING")) == Result(is_known=True)
    assert result(7, row("FAILED"), row("FAILED")).outcome == Outcome("failed", reason="not sent")


def test_a_message_has_a_number_of_its_own_in_every_database() -> None:
    numbers = {user_id_of(epoch, n) for epoch in ("a", "b") for n in range(1, 1_000)}
    assert len(numbers) == 1_998
    assert all(0 < number < 2**31 for number in numbers)
    assert user_id_of("a", 1) == user_id_of("a", 1)
    assert encode_query(7) == b'{"user_id":[7]}'


def test_a_refusal_says_why_and_with_which_code() -> None:
    assert refusal_of(SendAnswer(202)) is None
    assert refusal_of(SendAnswer(486)) == Outcome("failed", reason="the port is busy", error_code=486)
    assert refusal_of(SendAnswer(999)) == Outcome(
        "failed", reason="the box answers with the code 999", error_code=999
    )


@given(st.binary(max_size=100) | st.from_regex(rb'\{"error_code":200,"result":\[\{"user_id":7,.{0,60}\}\]\}'))
def test_whatever_a_box_says_of_a_message_is_read_or_refused(body: bytes) -> None:
    try:
        decode_result(body, 7)
    except InvalidPayload:
        return


# ---- sending ----


@pytest.mark.parametrize("index", [DIGEST, BASIC])
async def test_a_message_is_sent_and_bears_the_number_of_the_network(index: int, store: Store) -> None:
    async with asked_box(index) as box, made(store, box) as client:
        outcome = await client.send_sms(1, "+15550101", "Привет", 1)
        [sent] = box.memory.results
    assert outcome == Outcome("done", reference=str(sent["ref_id"]))
    assert (sent["port"], sent["number"]) == (1, "+15550101")
    assert box.fleet.tally.n_texts_out == 1


async def test_what_the_network_does_not_take_has_failed(store: Store, box: AskedBox) -> None:
    async with made(store, box) as client:
        outcome = await client.send_sms(1, "+15550000", "hello")
    assert outcome == Outcome("failed", reason="not sent: 0 of 1 parts sent")


@pytest.mark.parametrize(
    ("number", "slot_index", "code"),
    [("+15550486", 0, 486), ("+15550413", 0, 413), ("+15550500", 0, 500), ("+15550101", 9, 404)],
)
async def test_what_a_box_refuses_has_failed_with_its_code(
    number: str, slot_index: int, code: int, store: Store, box: AskedBox
) -> None:
    async with made(store, box) as client:
        outcome = await client.send_sms(1, number, "hello", slot_index)
    assert (outcome.status, outcome.error_code) == ("failed", code)
    assert outcome.reason
    assert len(box.memory.results) == 0


async def test_what_no_box_takes_is_refused_before(store: Store, box: AskedBox) -> None:
    async with made(store, box) as client:
        with pytest.raises(InvalidPayload):
            await client.send_sms(1, "BANK", "hello")
        with pytest.raises(InvalidPayload):
            await client.send_sms(1, "+15550101", "я" * 751)


@pytest.mark.parametrize("index", [DIGEST, BASIC])
async def test_a_wrong_password_sends_nothing(index: int, store: Store) -> None:
    async with asked_box(index) as box, made(store, box, secret="wrong") as client:
        outcome = await client.send_sms(1, "+15550101", "hello")
        assert (outcome.status, outcome.error_code) == ("failed", None)
        assert outcome.reason == "the box does not know this user, or another password"
        assert len(box.memory.results) == 0


async def test_a_box_that_is_not_there_has_not_taken_it(store: Store, box: AskedBox) -> None:
    async with made(store, box) as client:
        box.close()
        outcome = await client.send_sms(1, "+15550101", "hello")
    assert outcome.status == "failed"


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (400, Outcome("failed", reason="the box answers 400 Bad Request")),
        (413, Outcome("failed", reason="the box answers 413 Request Entity Too Large")),
        (500, Outcome("unconfirmed", reason="the box answers 500 Internal Server Error")),
    ],
)
async def test_a_refusal_of_its_web_server_is_final_unless_it_is_in_trouble(
    status: int, outcome: Outcome, store: Store
) -> None:
    async def say(_: web.BaseRequest) -> web.Response:
        return web.Response(status=status)

    async with plain.AskedBox(say) as box, made(store, box, patience=SHORT) as client:
        assert await client.send_sms(1, "+15550101", "hello") == outcome


@pytest.mark.parametrize("body", [b"", b"<html>", b"{}"])
async def test_an_answer_that_says_nothing_leaves_it_unconfirmed(body: bytes, store: Store) -> None:
    async def say(_: web.BaseRequest) -> web.Response:
        return web.Response(body=body)

    async with plain.AskedBox(say) as box, made(store, box, patience=SHORT) as client:
        outcome = await client.send_sms(1, "+15550101", "hello")
    assert outcome.status == "unconfirmed"
    assert Counter(box.questions)["/api/send_sms"] == 1


async def test_no_answer_is_no_failure_and_the_box_is_not_told_twice(store: Store) -> None:
    async with plain.AskedBox(plain.silent) as box:
        pauses = QUICK._replace(answer=0.1)
        async with made(store, box, patience=SHORT, pauses=pauses) as client:
            outcome = await client.send_sms(1, "+15550101", "hello")
    assert outcome == Outcome("unconfirmed", reason="no answer")
    assert Counter(box.questions)["/api/send_sms"] == 1


async def test_a_message_that_stays_under_way_is_unconfirmed(store: Store) -> None:
    async def say(request: web.BaseRequest) -> web.Response:
        return web.Response(
            body=TAKEN if request.path == "/api/send_sms" else b'{"error_code":200,"result":[]}'
        )

    async with plain.AskedBox(say) as box, made(store, box, patience=SHORT) as client:
        outcome = await client.send_sms(1, "+15550101", "hello")
    assert outcome == Outcome("unconfirmed", reason="the box does not say what became of it")


async def test_what_was_taken_is_known_although_the_answer_was_lost(store: Store, box: AskedBox) -> None:
    async def say(request: web.BaseRequest) -> web.StreamResponse:
        told = await box.api.answer(request)
        return hang_up(request) if request.path == "/api/send_sms" and told.status == 200 else told

    async with plain.AskedBox(say) as road:
        client = DinstarClient(replace(box.address(), port=road.port), store, QUICK, patience=LONG)
        outcome = await client.send_sms(1, "+15550101", "hello")
        await client.link.close()
    [sent] = box.memory.results
    assert outcome == Outcome("done", reference=str(sent["ref_id"]))


async def test_a_try_after_one_whose_end_is_not_known_sends_nothing_twice(
    store: Store, box: AskedBox
) -> None:
    async with made(store, box) as client:
        first = await client.send_sms(1, "+15550101", "hello")
        again = await client.send_sms(1, "+15550101", "hello", is_repeat=True)
        assert first == again
        assert len(box.memory.results) == 1
        other = await client.send_sms(2, "+15550101", "hello", is_repeat=True)
        assert other.status == "done"
        assert len(box.memory.results) == 2
        box.close()
        assert (await client.send_sms(1, "+15550101", "hello", is_repeat=True)).status == "unconfirmed"


async def test_many_messages_at_once_do_not_time_out_waiting_for_each_other(
    store: Store, box: AskedBox
) -> None:
    async with made(store, box) as client:
        outcomes = await asyncio.gather(*(client.send_sms(n, "+15550101", f"no. {n}") for n in range(1, 21)))
    assert {outcome.status for outcome in outcomes} == {"done"}
    assert len({sent["user_id"] for sent in box.memory.results}) == 20
