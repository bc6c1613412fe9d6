"""Emulated boxes and phones that post: each make's requests, what it repeats, and what it takes for final."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections import Counter
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl

import pytest

from goip.simulator.boxes import BoxOptions, Outcome
from goip.simulator.boxes.ejoin import write_scts
from goip.simulator.boxes.posting import Schedule
from tests.simulator.listeners import KEY, HttpListener, Running, options, taking

HTTP_MAKES = (
    *("ejoin", "dinstar", "capcom6", "httpsms", "forwarder"),
    *("textbee", "smssync", "kannel", "jasmin"),
)
SMS_MARK = {
    "ejoin": "recv-sms",
    "dinstar": '"sms"',
    "capcom6": "sms:received",
    "httpsms": "/messages/receive",
    "forwarder": "/in/",
    "textbee": "/receive-sms",
    "smssync": "message_id=",
    "kannel": "text=",
    "jasmin": "content=",
}
"""What a request with a received message has in its path or body."""
ANSWER = {
    "smssync": '{"payload":{"success":true,"error":null}}',
    "kannel": "",
    "jasmin": "ACK/Jasmin",
}
"""What makes want to hear that look at more than the status."""


def told(bodies: list[bytes]) -> list[Any]:
    return [json.loads(body) for body in bodies]


async def run(server: HttpListener, make: str, n_messages: int = 20, **changes: Any) -> Running:
    """A fleet of the make, until so many messages are decided."""
    asked: dict[str, Any] = {"sms_per_minute": 6_000.0, "lines": 2, "numbered": True}
    running = Running(options(server.url, make=make, **asked | changes))
    await running.until(lambda: len(running.outcomes) >= n_messages)
    await running.end()
    return running


@pytest.mark.parametrize("make", HTTP_MAKES)
async def test_an_acknowledged_message_comes_once(make: str) -> None:
    async with taking(ANSWER.get(make, "OK")) as server:
        running = await run(server, make)
    sent = server.bodies(SMS_MARK[make])
    assert set(Counter(sent).values()) == {1}
    assert {outcome for _, outcome in running.outcomes} == {Outcome.ACKNOWLEDGED}
    assert all(path.startswith(f"/in/{make}/{KEY}") for path, _, _ in server.heard)
    assert running.tally.n_repeated == running.tally.n_refused == 0


@pytest.mark.parametrize("make", HTTP_MAKES)
async def test_what_is_not_acknowledged_comes_again_the_same_and_is_given_up(make: str) -> None:
    async with taking() as server:
        server.status_of = lambda _path, _body: 503
        running = await run(server, make, n_messages=2, repeats=3, pace=10_000.0, sms_per_minute=600.0)
    assert set(Counter(server.bodies(SMS_MARK[make])).values()) == {4}
    assert {outcome for _, outcome in running.outcomes} == {Outcome.GIVEN_UP}
    assert running.tally.last_error == "503 OK"


@pytest.mark.parametrize("make", HTTP_MAKES)
async def test_only_httpsms_takes_a_refusal_for_final(make: str) -> None:
    async with taking() as server:
        server.status_of = lambda _path, _body: 400
        running = await run(server, make, n_messages=2, repeats=3, pace=10_000.0, sms_per_minute=600.0)
    is_final = make == "httpsms"
    assert set(Counter(server.bodies(SMS_MARK[make])).values()) == {1 if is_final else 4}
    assert {outcome for _, outcome in running.outcomes} == {Outcome.REFUSED if is_final else Outcome.GIVEN_UP}


@pytest.mark.parametrize("make", HTTP_MAKES)
async def test_on_a_bad_road_all_arrives_and_repeats_are_the_same_to_the_byte(make: str) -> None:
    async with taking(ANSWER.get(make, "OK")) as server:
        running = await run(server, make, loss=0.3, repeat=0.3, reorder=0.3, repeats=100, pace=100_000.0)
    assert {outcome for _, outcome in running.outcomes} == {Outcome.ACKNOWLEDGED}
    tally = running.tally
    assert min(tally.n_lost, tally.n_doubled, tally.n_delayed, tally.n_repeated) > 0
    assert max(Counter(server.bodies(SMS_MARK[make])).values()) > 1


@pytest.mark.parametrize(("make", "forgets"), [("ejoin", True), ("dinstar", True), ("capcom6", False)])
async def test_boxes_forget_at_a_restart_and_phones_do_not(make: str, forgets: bool) -> None:
    async with taking() as server:
        server.status_of = lambda _path, _body: 503
        running = Running(
            options(
                server.url, make=make, sms_per_minute=3_000.0, reboot_every=0.2, pace=20.0, grace_seconds=0
            )
        )
        await running.until(lambda: running.tally.n_reboots >= 3)
        await running.end()
    outcomes = {outcome for _, outcome in running.outcomes}
    assert (Outcome.FORGOTTEN in outcomes) is forgets
    assert outcomes <= {Outcome.FORGOTTEN, Outcome.OPEN, Outcome.GIVEN_UP}


def test_waits_double_or_not_as_the_make_has_it() -> None:
    asked = BoxOptions("http://127.0.0.1:1", KEY, "capcom6", pace=10.0)
    assert list(Schedule(10, 2, 4).waits(asked)) == [1, 2, 4, 8]
    assert list(Schedule(10, 1, 3).waits(asked)) == [1, 1, 1]


# ---- Ejoin ----


def letter_of(row: list[Any]) -> tuple[list[str], str]:
    headers, _, text = base64.b64decode(row[5]).decode().partition("\r\n\r\n")
    return headers.split("\r\n"), text


async def test_ejoin_messages_are_letters_in_rows() -> None:
    async with taking() as server:
        running = await run(server, "ejoin", n_messages=120, devices=6, lines=3)
    posts = told(server.bodies("recv-sms"))
    rows = [row for post in posts for row in post["sms"]]
    assert all(post["sms_num"] == len(post["sms"]) for post in posts)
    assert any(post["sms_num"] > 1 for post in posts)
    assert {len(row) for row in rows} == {6, 9}
    for row in rows:
        headers, _ = letter_of(row)
        assert headers[0] == f"Sender: {row[3]}"
        assert headers[1].endswith(f" {row[4]}")
        assert headers[3].startswith("SCTS: ")
        assert (headers[4:] == ['Slot: "01"']) is (len(row) == 9)
    assert Counter(letter_of(row)[1] for row in rows) == Counter(m.text for m, _ in running.outcomes)


async def test_ejoin_reports_its_ports() -> None:
    async with taking() as server:
        running = await run(server, "ejoin", devices=3, lines=16)
    reports = told(server.bodies("dev-status"))
    assert {path.rpartition("/")[2] for path, _, _ in server.heard} == {each["mac"] for each in reports}
    assert {len(each["status"]) for each in reports} == {16}
    bare = [port for each in reports for port in each["status"] if port["st"] == 0]
    assert bare
    assert all(list(port) == ["port", "sim", "seq", "st", "imei"] for port in bare)
    assert running.tally.heartbeats.n_sent >= len(reports) > 0


def test_a_time_stamp_ends_with_its_zone() -> None:
    assert write_scts(1_755_697_536, timedelta(hours=-7)) == "250820064536A8"
    assert write_scts(1_755_697_536, timedelta(hours=8)) == "25082021453632"


# ---- Dinstar ----


async def test_dinstar_pushes_every_kind_of_news() -> None:
    kinds: set[str] = set()
    async with taking() as server:
        running = Running(
            options(
                server.url, make="dinstar", lines=4, sms_per_minute=20_000.0, pace=1_000.0, reboot_every=0.5
            )
        )

        def has_seen_all() -> bool:
            kinds.update(key for body in told(server.bodies("sn")) for key in body)
            return len(kinds) == 9 and running.tally.n_reboots > 0

        await running.until(has_seen_all)
        await running.end()
    assert kinds == {
        *("sn", "sms", "sms_result", "sms_deliver_status", "ussd", "register", "cdr"),
        *("device", "exception_info"),
    }
    pushes = told(server.bodies("sn"))
    assert all(len(push) == 2 for push in pushes)
    ids = [row["incoming_sms_id"] for push in pushes for row in push.get("sms", ())]
    assert len(set(ids)) == len(ids)
    assert {row["port"] for push in pushes for row in push.get("sms", ())} == {0, 1, 2, 3}
    assert {push["device"]["status"] for push in pushes if "device" in push} == {"power_on", "power_off"}


# ---- phones ----


async def test_capcom6_signs_each_try_anew_under_one_id() -> None:
    async with taking() as server:
        server.status_of = lambda _path, _body: 500
        await run(server, "capcom6", n_messages=2, repeats=2, pace=10_000.0, sms_per_minute=600.0)
    for _, request, body in server.heard:
        stamp = request.headers["X-Timestamp"]
        expected = hmac.new(KEY.encode(), body + stamp.encode(), hashlib.sha256).hexdigest()
        assert request.headers["X-Signature"] == expected
    envelopes = told(server.bodies("sms:received"))
    assert set(Counter(each["id"] for each in envelopes).values()) == {3}
    assert {"app:started", "system:ping"} <= {each["event"] for each in told(server.bodies("event"))}
    [health] = {json.dumps(sorted(each["payload"]["health"])) for each in told(server.bodies("system:ping"))}
    assert json.loads(health) == ["checks", "releaseId", "status", "version"]


async def test_capcom6_gives_the_same_text_twice_another_id_and_the_same_message_id() -> None:
    async with taking() as server:
        await run(server, "capcom6", n_messages=150)
    by_message: dict[str, set[str]] = {}
    for envelope in told(server.bodies("sms:received")):
        by_message.setdefault(envelope["payload"]["messageId"], set()).add(envelope["id"])
        assert datetime.fromisoformat(envelope["payload"]["receivedAt"]).tzinfo is not None
    assert max(len(ids) for ids in by_message.values()) > 1


async def test_httpsms_calls_as_the_stock_app_does() -> None:
    async with taking() as server:
        await run(server, "httpsms", n_messages=40)
    assert {path.removeprefix(f"/in/httpsms/{KEY}") for path, _, _ in server.heard} == {
        *("/v1/messages/receive", "/v1/heartbeats", "/v1/messages/calls/missed")
    }
    assert {request.headers["x-api-key"] for _, request, _ in server.heard} == {KEY}
    [numbers] = {tuple(each["phone_numbers"]) for each in told(server.bodies("/v1/heartbeats"))}
    assert {each["to"] for each in told(server.bodies("/v1/messages/receive"))} == set(numbers)


async def test_a_forwarder_fills_in_its_template() -> None:
    async with taking() as server:
        running = await run(server, "forwarder")
    bodies = told(server.bodies("/in/"))
    assert {tuple(body) for body in bodies} == {("from", "text", "sentStamp", "receivedStamp", "sim")}
    assert all(body["sentStamp"].isdigit() for body in bodies)
    assert running.tally.heartbeats.n_sent == 0


async def test_textbee_calls_as_its_app_does() -> None:
    async with taking() as server:
        running = await run(server, "textbee", n_messages=40)
    paths = {path.removeprefix(f"/in/textbee/{KEY}/gateway/devices/") for path, _, _ in server.heard}
    [device_id] = {message.device_id for message, _ in running.outcomes}
    assert paths == {
        device_id,
        *(f"{device_id}/{call}" for call in ("heartbeat", "receive-sms", "sms-status")),
    }
    assert {request.headers["x-api-key"] for _, request, _ in server.heard} == {KEY}
    assert {
        (request.method, "sms-status" in path or path.endswith(device_id))
        for path, request, _ in server.heard
    } == {
        ("PATCH", True),
        ("POST", False),
    }


async def test_smssync_posts_forms_and_asks_for_tasks() -> None:
    async with taking(ANSWER["smssync"]) as server:
        running = await run(server, "smssync")
    forms = [dict(parse_qsl(body.decode())) for body in server.bodies("message_id=")]
    assert Counter(form["message"] for form in forms) == Counter(m.text for m, _ in running.outcomes)
    assert {form["device_id"] for form in forms} == {"sync005-001"}
    assert {request.method for _, request, body in server.heard if body == b"task=send"} == {"GET"}
    assert running.tally.heartbeats.n_acknowledged > 0


async def test_kannel_fills_in_its_get_url() -> None:
    async with taking("") as server:
        running = await run(server, "kannel", n_messages=40)
    queries = [dict(parse_qsl(body.decode())) for body in server.bodies("text=")]
    assert Counter(query["text"] for query in queries) == Counter(m.text for m, _ in running.outcomes)
    assert len({query["id"] for query in queries}) == len(queries)
    assert {request.method for _, request, _ in server.heard} == {"GET"}
    assert server.bodies("dlr=1")


async def test_jasmin_posts_the_text_in_hex_as_well() -> None:
    async with taking("ACK/Jasmin") as server:
        await run(server, "jasmin", n_messages=60)
    forms = [dict(parse_qsl(body.decode())) for body in server.bodies("content=")]
    charsets = {"0": "utf-8", "8": "utf-16-be"}
    assert {form["coding"] for form in forms} == set(charsets)
    assert all(
        bytes.fromhex(form["binary"]).decode(charsets[form["coding"]]) == form["content"] for form in forms
    )
    assert {form["origin-connector"] for form in forms} == {"jasmin005-001"}
    assert server.bodies("message_status=ESME_ROK")


@pytest.mark.parametrize(
    ("make", "status", "answer"),
    [("smssync", 200, "OK"), ("smssync", 200, '{"payload":[]}'), ("jasmin", 200, "OK"), ("kannel", 202, "")],
)
async def test_an_answer_that_a_make_does_not_know_is_none(make: str, status: int, answer: str) -> None:
    async with taking(answer) as server:
        server.status_of = lambda _path, _body: status
        running = await run(server, make, n_messages=2, repeats=2, pace=10_000.0, sms_per_minute=600.0)
    assert {outcome for _, outcome in running.outcomes} == {Outcome.GIVEN_UP}
    assert running.tally.last_error == f"{status} {answer}"


# ---- options ----


@pytest.mark.parametrize(
    "changes",
    [
        {"url": "http://192.0.2.1:8080"},
        {"url": "ftp://127.0.0.1"},
        {"make": "toaster"},
        {"devices": 0},
        {"lines": 65},
        {"udp_port": 0},
        {"interval_seconds": 0.0},
        {"duration_seconds": -1.0},
        {"reboot_every": 0.0},
        {"pace": 0.0},
        {"sms_per_minute": -1.0},
        {"grace_seconds": -1.0},
        {"loss": 1.1},
        {"repeat": -0.1},
        {"reorder": 2.0},
        {"repeats": -1},
    ],
)
def test_options_out_of_bounds_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"must|not on this machine"):
        BoxOptions(**{"url": "http://127.0.0.1:8080", "key": "k", "make": "dbl"} | changes)
