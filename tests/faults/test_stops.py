"""SIGTERM: what was accepted is answered, who waits is let go, and it is over soon."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import threading
import time
from typing import Any

import pytest

from tests.contract.stock_client import StockClients
from tests.crash.load import Device, Load
from tests.crash.test_kills import all_must_be_there, devices_must_not_be_behind
from tests.live_fixtures import MakeServer

STOPS_WITHIN_SECONDS = 5.0


def test_what_was_accepted_before_the_signal_is_answered_and_kept(make_server: MakeServer) -> None:
    server = make_server().start()
    key = server.enrol("box")
    with contextlib.ExitStack() as links:
        accepted = []
        for n in range(10):
            body = json.dumps(
                {"deviceId": "box", "sender": "BANK", "message": f"{n}", "messageId": f"{n}"}
            ).encode()
            link = links.enter_context(
                contextlib.closing(socket.create_connection(("127.0.0.1", server.port), 10))
            )
            link.sendall(
                b"POST /api/sms/receive HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                b"Expect: 100-continue\r\nAuthorization: Bearer %s\r\nContent-Length: %d\r\n\r\n"
                % (key.encode(), len(body))
            )
            assert link.recv(1000).startswith(b"HTTP/1.1 100"), "the server has begun with it"
            accepted.append((link, body))
        server.terminate()
        for link, body in accepted:
            link.sendall(body)
        answers = [link.recv(65_536) for link, _ in accepted]
    assert [answer.split(b" ", 2)[1] for answer in answers] == [b"200"] * 10, answers[0]
    assert server.wait_for_end(STOPS_WITHIN_SECONDS * 2) == 0
    server.start()
    messages = server.get("/api/sms", server.admin).must()["messages"]
    assert sorted(message["message"] for message in messages) == [f"{n}" for n in range(10)]


@pytest.mark.parametrize("transport", ["websocket", "polling", "long poll"])
def test_it_ends_soon_though_clients_wait_for_news(transport: str, make_server: MakeServer) -> None:
    server = make_server().start()
    answers: list[Any] = []
    with contextlib.closing(StockClients()) as clients:
        if transport == "long poll":
            cursor = server.state()["cursor"]
            waiting = threading.Thread(
                target=lambda: answers.append(server.frame("dashboard", cursor, wait=25))
            )
            waiting.start()
            deadline = time.monotonic() + 5
            while not server.get("/api/health").json["checks"]["subscribers"] and time.monotonic() < deadline:
                time.sleep(0.02)
        else:
            client = clients.connect(server.url, transports=[transport], auth={"token": server.admin})
            client.call("join-dashboard")
        signalled_at = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - signalled_at < STOPS_WITHIN_SECONDS
        if transport == "long poll":
            waiting.join()
            assert answers[0]["events"] == [], "it is answered, and not cut off"
        else:
            start = client.now
            server.start()
            client.wait_for("connect", start=start, timeout=20)


async def test_a_stop_under_load_loses_nothing_that_was_acknowledged(make_server: MakeServer) -> None:
    server = make_server(LOG_LEVEL="warning")
    await asyncio.to_thread(server.start)
    devices = [Device(name, server.enrol(name)) for name in (f"box-{n}" for n in range(6))]
    load = Load(server, devices, server.state()["cursor"])
    for _ in range(3):
        working = asyncio.create_task(load.run())
        await asyncio.sleep(0.7)
        signalled_at = time.monotonic()
        assert await asyncio.to_thread(server.stop) == 0
        assert time.monotonic() - signalled_at < STOPS_WITHIN_SECONDS
        async with asyncio.timeout(30):
            await working
        await asyncio.to_thread(server.start)
        await asyncio.to_thread(devices_must_not_be_behind, server, devices)
    await load.deliver_the_rest()
    await asyncio.to_thread(all_must_be_there, server, load)
    assert "Traceback" not in server.log, server.log[-4000:]
