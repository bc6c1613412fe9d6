"""Clients that do not speak HTTP, speak half of it, or hang up: nobody else may notice."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import socket
import struct
import time
from collections.abc import Iterator

import aiohttp
import pytest

from tests.fuzz.neighbour import Neighbour
from tests.live_server import LiveServer

HEAD = "POST /api/device/heartbeat HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n"
BODY = b'{"deviceId":"mutant"}'


@pytest.fixture(scope="module")
def head(server: LiveServer) -> bytes:
    """The start of a heartbeat that would be taken."""
    return (HEAD % server.enrol("mutant")).encode()


@contextlib.contextmanager
def connection(server: LiveServer, timeout: float = 5) -> Iterator[socket.socket]:
    with contextlib.closing(socket.create_connection(("127.0.0.1", server.port), timeout=timeout)) as link:
        yield link


def send(server: LiveServer, data: bytes, *, is_awaited: bool = True) -> bytes:
    """What the server says to these bytes; it may also just hang up."""
    with connection(server) as link, contextlib.suppress(ConnectionError):
        link.sendall(data)
        if is_awaited:
            with contextlib.suppress(TimeoutError):
                return link.recv(65_536)
    return b""


def must_be_no_defect(answer: bytes, what: object) -> None:
    assert not answer.startswith(b"HTTP/1.1 5") or answer.startswith(b"HTTP/1.1 501"), (what, answer[:500])


@pytest.mark.parametrize(
    "data",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(300),
        b"hello\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /" + b"x" * 100_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X: " + b"y" * 100_000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"".join(b"X-%d: y\r\n" % n for n in range(5_000)) + b"\r\n",
        b"GET /%zz%00%ff HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /../../../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET //evil.example/%2e%2e HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET http://evil.example/api/health HTTP/1.1\r\nHost: x\r\n\r\n",
        b"CONNECT evil.example:443 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
        b"BREW /pot HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\x00" * 1000,
        b"\r\n" * 1000,
        b"GET / HTTP/1.1\nHost: x\n\n",
        b"GET /api/state?rooms=%ff%fe HTTP/1.1\r\nHost: x\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET /socket.io/?EIO=3&transport=polling HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /socket.io/?EIO=4&transport=pigeon HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /socket.io/?EIO=4&transport=polling&sid=nobody HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /api/ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
    ],
    ids=range(23),
)
def test_what_is_no_request_is_refused_or_hung_up_on(data: bytes, server: LiveServer) -> None:
    must_be_no_defect(send(server, data), data[:100])


@pytest.mark.parametrize(
    "rest",
    [
        b"Content-Length: -5\r\n\r\n",
        b"Content-Length: 5, 6\r\n\r\n",
        b"Content-Length: x\r\n\r\n",
        b"Content-Length: 21\r\nContent-Length: 5\r\n\r\n" + BODY,
        b"Content-Length: 21\r\nTransfer-Encoding: chunked\r\n\r\n" + BODY,
        b"Transfer-Encoding: chunked\r\n\r\nzz\r\n" + BODY,
        b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n" + BODY,
        b"Transfer-Encoding: chunked\r\n\r\n-1\r\n" + BODY,
        b"Transfer-Encoding: gzip\r\n\r\n" + BODY,
        b"Content-Length: 21\r\nContent-Encoding: br\r\n\r\n" + BODY,
        b"Content-Length: 21\r\nContent-Encoding: gzip, gzip\r\n\r\n" + BODY,
        b"Content-Length: 21\r\nExpect: a miracle\r\n\r\n" + BODY,
    ],
    ids=range(12),
)
def test_a_body_that_lies_about_itself_is_refused(rest: bytes, head: bytes, server: LiveServer) -> None:
    must_be_no_defect(send(server, head + rest), rest)


def test_bytes_by_chance_are_no_danger(server: LiveServer) -> None:
    chance = random.Random(7)
    for _ in range(200):
        data = chance.randbytes(chance.randrange(1, 400))
        must_be_no_defect(send(server, data + b"\r\n\r\n", is_awaited=False), data)


def test_requests_in_one_packet_are_answered_in_order(head: bytes, server: LiveServer) -> None:
    one = head + b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY
    with connection(server) as link:
        link.sendall(one * 20)
        got = b""
        while got.count(b'"success":true') < 20:
            part = link.recv(65_536)
            assert part, "hung up before all were answered"
            got += part
    assert got.count(b"HTTP/1.1 200 OK") == 20


def test_a_hundred_clients_that_hang_up_in_the_middle_are_forgotten(
    head: bytes, server: LiveServer, neighbour: Neighbour
) -> None:
    request = head + b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY
    for n in range(100):
        with connection(server) as link:
            link.sendall(request[: 1 + n * len(request) // 100])
            # Without a farewell: the other side finds a reset connection.
            link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    must_serve_everybody(neighbour)


def test_two_hundred_half_requests_hold_nobody_up(
    head: bytes, server: LiveServer, neighbour: Neighbour
) -> None:
    with contextlib.ExitStack() as links:
        slow = [links.enter_context(connection(server)) for _ in range(200)]
        for n, link in enumerate(slow):
            link.sendall(head if n % 2 else head + b"Content-Length: 100\r\n\r\n{")
        for _ in range(3):
            for link in slow:
                with contextlib.suppress(ConnectionError):
                    link.sendall(b" ")
            must_serve_everybody(neighbour)


def test_a_client_that_reads_nothing_holds_nobody_up(server: LiveServer, neighbour: Neighbour) -> None:
    request = (
        f"GET /api/openapi.json HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {server.admin}\r\n\r\n".encode()
    )
    with connection(server, timeout=1) as link, contextlib.suppress(TimeoutError, ConnectionError):
        link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        for _ in range(500):
            link.sendall(request)
    must_serve_everybody(neighbour)


def must_serve_everybody(neighbour: Neighbour) -> None:
    """The neighbour gets three more answers, and soon."""
    n_beats = neighbour.n_beats
    deadline = time.monotonic() + 5
    while neighbour.n_beats < n_beats + 3:
        assert time.monotonic() < deadline, "the neighbour waits"
        time.sleep(0.02)


SOCKET_IO_PACKETS = [
    "",
    "4",
    "40",
    "40{",
    '40{"token":5}',
    "42",
    "42[",
    "42[]",
    "42{}",
    '42["join-dashboard"',
    '42["join-dashboard",' + "[" * 20_000,
    '420["join-dashboard",{"cursor":{}}]',
    '421["__proto__"]',
    '422["connect"]',
    '423["disconnect"]',
    '42999999999999999999["x"]',
    "43[]",
    "43999[1]",
    "44",
    "45",
    '451-["x",{"_placeholder":true,"num":0}]',
    '459999-["x"]',
    "40/other,",
    "40/" + "x" * 10_000 + ",",
    "41",
    "2probe",
    "5",
    "6",
    "9",
    "bAAAA",
    "\x00",
    "🐙",
    "4" * 5000,
    '42["device:heartbeat",{"deviceId":"x"}]',
    '42["device:authenticate",{"deviceId":{},"key":[]}]',
    '42["leave-device-room",{"deviceId":[1]}]',
    '42["subscribe",{"room":{}}]',
    "42[5,6]",
    "42[null]",
]


@pytest.mark.parametrize("path", ["/socket.io/", "/api/socket/io/"])
async def test_no_packet_upsets_socket_io(path: str, server: LiveServer, neighbour: Neighbour) -> None:
    url = f"{server.url}{path}?EIO=4&transport=websocket"
    async with aiohttp.ClientSession() as session:
        for is_member in (False, True):
            for packet in SOCKET_IO_PACKETS:
                async with session.ws_connect(url) as socket_io:
                    await socket_io.receive(5)
                    if is_member:
                        await socket_io.send_str("40" + json.dumps({"token": server.admin}))
                        await socket_io.receive(5)
                    await socket_io.send_str(packet)
                    await socket_io.send_bytes(packet.encode())
    must_serve_everybody(neighbour)


@pytest.mark.parametrize("packet", SOCKET_IO_PACKETS, ids=range(len(SOCKET_IO_PACKETS)))
async def test_no_payload_upsets_long_polling(packet: str, server: LiveServer) -> None:
    async with aiohttp.ClientSession() as session:
        async with session.get(f"{server.url}/socket.io/?EIO=4&transport=polling") as opened:
            sid = (await opened.text()).split('"sid":"')[1].split('"')[0]
        url = f"{server.url}/socket.io/?EIO=4&transport=polling&sid={sid}"
        polling = asyncio.create_task(_poll(session, url))  # as every client does: what is queued has to go
        for payload in (packet, "1"):
            async with asyncio.timeout(10), session.post(url, data=payload.encode()) as posted:
                assert posted.status < 500, (packet, await posted.text())
        polling.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await polling


async def _poll(session: aiohttp.ClientSession, url: str) -> None:
    status = 200
    while status == 200:
        async with session.get(url) as polled:
            status = polled.status
            assert status < 500
            await polled.read()


async def test_no_message_upsets_the_raw_websocket(server: LiveServer, neighbour: Neighbour) -> None:
    messages = [
        "",
        "{",
        "[]",
        "null",
        "5",
        '"x"',
        "{}",
        '{"type":5}',
        '{"type":"join"}',
        '{"type":"join","room":5}',
        '{"type":"join","room":"dashboard","after":{}}',
        '{"type":"auth"}',
        '{"type":"auth","token":[]}',
        '{"type":"leave"}',
        '{"type":"nothing"}',
        '{"sessionId":{}}',
        "[" * 50_000,
        "x" * 500_000,
        '{"type":"\\ud800"}',
    ]
    async with aiohttp.ClientSession() as session:
        for token in ("", server.admin):
            for message in messages:
                async with session.ws_connect(f"{server.url}/api/ws") as raw:
                    if token:
                        await raw.send_json({"type": "auth", "token": token})
                    await raw.send_str(message)
                    await raw.send_bytes(message.encode())
    must_serve_everybody(neighbour)


async def test_a_socket_that_is_told_to_do_much_and_hangs_up_leaves_nothing_behind(
    server: LiveServer, neighbour: Neighbour
) -> None:
    url = f"{server.url}/socket.io/?EIO=4&transport=websocket"
    before = server.get("/api/health").json["checks"]["subscribers"]
    async with aiohttp.ClientSession() as session:
        for _ in range(50):
            async with session.ws_connect(url) as socket_io:
                await socket_io.send_str("40" + json.dumps({"token": server.admin}))
                for n in range(20):
                    await socket_io.send_str(f'42{n}["join-device-room","box-{n}"]')
    deadline = time.monotonic() + 10
    while server.get("/api/health").json["checks"]["subscribers"] > before:
        assert time.monotonic() < deadline, "subscribers are left"
        time.sleep(0.1)
    must_serve_everybody(neighbour)
