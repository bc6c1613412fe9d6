"""Emulated boxes that are asked over their own web server: who is let in, what they tell, and what they send."""

from __future__ import annotations

import json
import socket
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from aiohttp import ClientSession, DigestAuthMiddleware, web

from goip.simulator.boxes import BoxOptions, emulate
from goip.simulator.boxes.door import Guard, Listener
from tests.gateways.dinstar_asked import asked_box
from tests.live_server import free_port
from tests.simulator.listeners import HttpListener, Running, options, taking

PORTS = "/api/get_port_info?info_type=type,imei,imsi,iccid,number,reg,slot,callstate,signal,gprs"


class Asked:
    """A fleet of Dinstar boxes that push to `pushed` and are asked at `url`, as a user who knows the password."""

    def __init__(self, url: str, session: ClientSession, pushed: HttpListener, fleet: Running) -> None:
        self.url = url
        self.pushed = pushed
        self.fleet = fleet
        self._session = session

    async def get(self, path: str) -> Any:
        async with self._session.get(self.url + path) as response:
            return await response.json()

    async def post(self, path: str, body: object) -> Any:
        async with self._session.post(self.url + path, json=body) as response:
            return await response.json()

    async def send(self, number: str, user_id: int = 7, **told: object) -> Any:
        body = {"text": "hello", "port": [0], "param": [{"number": number, "user_id": user_id}]}
        return await self.post("/api/send_sms", body | told)

    def rows(self, kind: str) -> list[dict[str, Any]]:
        """What was pushed of that kind."""
        return [row for body in self.pushed.bodies(f'"{kind}"') for row in json.loads(body)[kind]]


@asynccontextmanager
async def asked(**changes: Any) -> AsyncIterator[Asked]:
    port = free_port()
    async with taking() as pushed:
        fleet = Running(options(pushed.url, make="dinstar", lines=2, listen_port=port, **changes))
        await fleet.until(lambda: pushed.heard)
        login = DigestAuthMiddleware("admin", "admin")
        async with ClientSession(middlewares=(login,)) as session:
            yield Asked(f"http://127.0.0.1:{port}", session, pushed, fleet)
        await fleet.end()


async def test_ports_are_told_with_their_cards() -> None:
    async with asked() as box:
        told = await box.get(PORTS)
    assert told["error_code"] == 200
    assert json.loads(box.pushed.heard[0][2])["sn"] == told["sn"]
    assert [port["port"] for port in told["info"]] == [0, 1]
    assert told["info"][0]["reg"] == "REGISTER_OK"
    assert {"imei", "imsi", "iccid", "number", "signal"} < set(told["info"][0])
    assert "remain_credit" not in told["info"][0]


async def test_memory_is_read_from_a_place_on() -> None:
    async with asked(sms_per_minute=6_000.0) as box:
        await box.fleet.until(lambda: len(box.fleet.outcomes) > 100)
        first = await box.get("/api/query_incoming_sms?flag=all&incoming_sms_id=0")
        place = first["sms"][-1]["incoming_sms_id"]
        second = await box.get(f"/api/query_incoming_sms?flag=all&incoming_sms_id={place}")
        assert [row["incoming_sms_id"] for row in first["sms"]] == list(range(1, place + 1))
        assert second["sms"][0]["incoming_sms_id"] == place + 1
        assert (first["read"], second["read"]) == (0, 0)
        assert len(json.dumps(first["sms"])) < 9_000
        unread = await box.get("/api/query_incoming_sms?flag=unread")
        assert unread["sms"] == first["sms"]
        read = await box.get("/api/query_incoming_sms?flag=read")
        assert (read["sms"], read["read"]) == (first["sms"], place)


async def test_a_message_is_taken_sent_and_reported() -> None:
    async with asked() as box:
        taken = await box.send("+15550101", request_status_report=True)
        assert (taken["error_code"], taken["task_id"], taken["sms_in_queue"]) == (202, 1, 1)
        await box.fleet.until(lambda: box.fleet.texts_out)
        told = await box.post("/api/query_sms_result", {"user_id": [7]})
        [result] = told["result"]
        assert (result["status"], result["number"], result["user_id"]) == ("SENT_OK", "+15550101", 7)
        assert await box.post("/api/query_sms_result", {"user_id": [8]}) | {"sn": ""} == {
            "error_code": 200,
            "sn": "",
            "result": [],
        }
        await box.fleet.until(lambda: box.rows("sms_deliver_status"))
        [pushed], [receipt] = box.rows("sms_result"), box.rows("sms_deliver_status")
        assert pushed["ref_id"] == receipt["ref_id"] == result["ref_id"]
        assert "user_id" not in pushed
        found = await box.post("/api/query_sms_deliver_status", {"number": ["+15550101"]})
        assert found["result"] == [receipt]
        assert (await box.get("/api/query_sms_in_queue"))["in_queue"] == 0
    [(_, number, text)] = box.fleet.texts_out
    assert (number, text) == ("+15550101", "hello")


async def test_nothing_gets_through_to_some_numbers() -> None:
    async with asked() as box:
        assert (await box.send("+15550000"))["error_code"] == 202
        await box.fleet.until(lambda: box.rows("sms_result"))
    [result] = box.rows("sms_result")
    assert (result["status"], result["succ_count"]) == ("FAILED", 0)
    assert box.fleet.texts_out == []


@pytest.mark.parametrize(
    ("told", "code"),
    [
        ({"number": "+15550486"}, 486),
        ({"number": "+15550500"}, 500),
        ({"number": "+15550101", "text": "x" * 1_501}, 413),
        ({"number": "+15550101", "port": [9]}, 404),
        ({"number": "+15550101", "user_id": "x"}, 400),
        ({"number": "+15550101", "param": None}, 400),
    ],
)
async def test_what_a_box_does_not_take_has_a_code(told: dict[str, Any], code: int) -> None:
    async with asked() as box:
        assert (await box.send(**told))["error_code"] == code
    assert box.rows("sms_result") == []


@pytest.mark.parametrize(("n", "scheme"), [(0, "Digest"), (1, "Basic")])
async def test_only_who_knows_the_password_is_told_anything(n: int, scheme: str) -> None:
    async with asked_box(n) as box, ClientSession() as session:
        url = f"http://127.0.0.1:{box.address().port}{PORTS}"
        async with session.get(url) as response:
            assert (response.status, await response.read()) == (401, b"")
            assert response.headers["WWW-Authenticate"].startswith(f"{scheme} realm=")
        for password, status in (("admin", 200), ("wrong", 401)):
            words = b64encode(f"admin:{password}".encode()).decode()
            shown: dict[str, Any] = {"headers": {"Authorization": f"Basic {words}"}}
            if scheme == "Digest":
                shown = {"middlewares": (DigestAuthMiddleware("admin", password),)}
            async with session.get(url, **shown) as response:
                assert response.status == status


def test_a_digest_is_the_one_of_the_rfc_and_good_once() -> None:
    guard = Guard("Mufasa", "Circle of Life", "http-auth@example.org")
    nonce = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"
    guard._uses[nonce] = 0
    shown = (
        f'Digest username="Mufasa", realm="http-auth@example.org", uri="/dir/index.html", algorithm=MD5, '
        f'nonce="{nonce}", nc=00000001, cnonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", qop=auth, '
        f'response="8ca523f5e9506fed4657c9700eebdbec"'
    )
    assert not guard.lets_in("POST", "/dir/index.html", shown)
    assert not guard.lets_in("GET", "/dir/other.html", shown)
    assert guard.lets_in("GET", "/dir/index.html", shown)
    assert not guard.lets_in("GET", "/dir/index.html", shown)


@pytest.mark.parametrize("shown", [None, "", "Digest", "Basic YTpi", "Digest nc=x", 'Digest nonce="a", nc=1'])
def test_what_shows_nothing_lets_nobody_in(shown: str | None) -> None:
    assert not Guard("admin", "admin", "r").lets_in("GET", "/", shown)
    assert not Guard("admin", "admin", "r", is_basic=True).lets_in("GET", "/", shown)
    assert not Guard("admin", "admin", "r", is_basic=True).lets_in("GET", "/", "Basic ä")


async def test_a_bad_road_loses_questions_too() -> None:
    port = free_port()
    lossy = Running(options(make="dinstar", listen_port=port, loss=1.0))
    async with ClientSession() as session:
        await lossy.until(lambda: lossy.tally.n_lost)
        with pytest.raises(aiohttp.ClientError):
            await session.get(f"http://127.0.0.1:{port}{PORTS}")
    await lossy.end()


async def test_a_box_that_restarts_can_be_asked_again_and_remembers() -> None:
    async with asked(sms_per_minute=600.0, reboot_every=0.3) as box:
        await box.fleet.until(lambda: box.fleet.tally.n_reboots >= 2 and len(box.fleet.outcomes) > 3)
        while True:
            try:
                told = await box.get("/api/query_incoming_sms?flag=all")
            except aiohttp.ClientError:
                continue
            break
    assert told["sms"][0]["incoming_sms_id"] == 1


async def test_a_box_that_is_silent_keeps_its_port() -> None:
    async def answer(_: web.BaseRequest) -> web.Response:
        return web.Response(text="here")

    listener = Listener(answer, 0)
    await listener.open()
    url = f"http://127.0.0.1:{listener.port}"
    async with ClientSession() as session:
        for _ in range(2):
            listener.fall_silent()
            with pytest.raises(aiohttp.ClientError):
                await session.get(url)
            await listener.open()
            assert await (await session.get(url)).text() == "here"
    listener.close()


async def test_a_port_that_is_taken_or_of_a_make_that_is_not_asked_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(ValueError, match=f"cannot listen on port {port}"):
            await emulate(options(make="dinstar", listen_port=port))
    with pytest.raises(ValueError, match="only dinstar"):
        BoxOptions("http://127.0.0.1:8080", "k", "dbl", listen_port=0)
    with pytest.raises(ValueError, match="ports to listen on"):
        options(make="dinstar", listen_port=65_535, devices=2)
