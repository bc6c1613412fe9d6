"""An Ejoin box that is given messages to send: what its answers, and their absence, mean."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest
from aiohttp import web

from goip.errors import InvalidPayload
from goip.gateways.ejoin.client import EjoinClient
from goip.gateways.ejoin.encode import task_id_of
from goip.gateways.outcome import Outcome
from goip.store.store import Store
from tests.gateways import asked_box as http_boxes
from tests.gateways.dbl_line import until
from tests.gateways.ejoin_asked import QUICK, AskedBox, asked_box, asking
from tests.store.lives import Ear

pytestmark = pytest.mark.timeout(60)


@pytest.fixture
async def box() -> AsyncIterator[AskedBox]:
    async with asked_box() as box:
        yield box


@pytest.fixture
def ear(store: Store) -> Ear:
    return Ear(store)


async def test_a_message_is_given_to_the_box_and_goes_on_air(store: Store, box: AskedBox, ear: Ear) -> None:
    async with asking(store, box) as client:
        assert await client.send_sms(7, "+12055550199", "Ünï ✓", 101) == Outcome("done", "7")
        await until(lambda: bool(box.texts_out))
        assert box.texts_out == [("+12055550199", "Ünï ✓")]
        await client.look()
    [report] = ear.named("delivery-report")
    assert isinstance(report.data, dict)
    assert (report.data["recipient"], report.data["statusCode"]) == ("+12055550199", 0)


async def test_a_post_whose_answer_was_lost_is_posted_again_and_sent_once(
    store: Store, box: AskedBox, monkeypatch: pytest.MonkeyPatch
) -> None:
    losses = iter([False, True])  # the first answer
    monkeypatch.setattr(box.fleet.road, "loses", lambda: next(losses, False))
    async with asking(store, box) as client:
        assert await client.send_sms(7, "+12055550199", "once") == Outcome("done", "7")
        await until(lambda: bool(box.texts_out))
        assert await client.send_sms(7, "+12055550199", "once", is_repeat=True) == Outcome("done", "7")
    assert box.texts_out == [("+12055550199", "once")]


async def test_a_task_that_the_box_knows_and_nobody_posted_is_not_called_done(
    store: Store, box: AskedBox
) -> None:
    async with asking(store, box) as client:
        await client.send_sms(7, "+12055550199", "mine")
        outcome = await client.send_sms(7, "+12055550199", "another's")
    assert outcome == Outcome("unconfirmed", "7", reason="Duplicated TaskId", error_code=13)


@pytest.mark.parametrize(
    ("number", "slot_index", "reason", "code"),
    [
        ("+12055550005", 101, "SIM Unregistered", 5),
        ("+12055550016", 101, "Too Many Task", 16),
        ("+12055550199", 901, "Invalid Port", 2),
    ],
)
async def test_what_the_box_refuses_is_failed_in_its_words(
    number: str, slot_index: int, reason: str, code: int, store: Store, box: AskedBox
) -> None:
    async with asking(store, box) as client:
        outcome = await client.send_sms(7, number, "hello", slot_index)
    assert outcome == Outcome("failed", "7", reason=reason, error_code=code)
    assert box.texts_out == []


async def test_a_wrong_password_is_failed(store: Store, box: AskedBox) -> None:
    client = EjoinClient(box.address("wrong"), store, QUICK)
    outcome = await client.send_sms(7, "+12055550199", "hello")
    await client.link.close()
    assert (outcome.status, outcome.reason) == ("failed", "the box refused: 14 Unauthorized")


async def test_a_box_that_hears_nothing_has_not_got_it(store: Store, box: AskedBox) -> None:
    async with asking(store, box) as client:
        box.close()
        assert (await client.send_sms(7, "+12055550199", "hello")).status == "failed"
        assert (await client.send_sms(7, "+12055550199", "hello", is_repeat=True)).status == "unconfirmed"


async def garbled(_: web.BaseRequest) -> web.Response:
    return web.Response(body=b"<html>")


async def in_trouble(_: web.BaseRequest) -> web.Response:
    return web.Response(status=500)


async def about_another(_: web.BaseRequest) -> web.Response:
    return web.json_response({"code": 200, "status": [{"tid": 8, "status": "0 OK"}]})


@pytest.mark.parametrize(
    ("answer", "n_posts"), [(http_boxes.silent, 3), (garbled, 3), (in_trouble, 3), (about_another, 1)]
)
async def test_what_may_have_been_taken_is_unconfirmed(
    answer: http_boxes.Answer, n_posts: int, store: Store
) -> None:
    pauses = QUICK._replace(answer=0.05)
    async with http_boxes.AskedBox(answer) as other, asking(store, other, pauses) as client:
        outcome = await client.send_sms(7, "+12055550199", "hello")
        assert len(other.questions) == n_posts
    assert outcome.status == "unconfirmed"
    assert outcome.reason


async def test_reports_go_where_they_are_wanted(store: Store) -> None:
    heard: list[Any] = []

    async def answer(request: web.BaseRequest) -> web.Response:
        heard.append(orjson.loads(await request.read()))
        return web.json_response({"code": 200, "status": [{"tid": 7, "status": "0 OK"}]})

    async with http_boxes.AskedBox(answer) as other:
        async with asking(store, other, report_url="http://goip/r") as client:
            await client.send_sms(7, "+12055550199", "hello")
        async with asking(store, other) as client:
            await client.send_sms(7, "+12055550199", "hello")
    assert [each.get("sr_url") for each in heard] == ["http://goip/r", None]


async def test_a_number_that_is_none_is_refused_before_anything_is_said(store: Store, box: AskedBox) -> None:
    async with asking(store, box) as client:
        with pytest.raises(InvalidPayload):
            await client.send_sms(7, "1,2", "hello")


def test_every_message_has_a_task_of_its_own_that_a_box_can_hold() -> None:
    assert [task_id_of(n) for n in (1, 2, 2**31 - 1, 2**31)] == [1, 2, 2**31 - 1, 1]
