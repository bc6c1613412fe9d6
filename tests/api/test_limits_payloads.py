"""How large a message may be, and what becomes of binary ones, on each transport: an answer, and nothing piles up."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import socketio
from aiohttp import ClientWebSocketResponse, WSMsgType

from goip.api.appkeys import SOCKETIO
from goip.realtime.nonsense import GuardedServer
from tests.api.connections import ENGINE_WEBSOCKET, WITHIN, Live, serving, until

pytestmark = pytest.mark.timeout(60)
NO_BINARY = {"ok": False, "error": "no event takes a binary payload: send JSON", "code": "binary_payload"}
HEADER = '451-0["join-dashboard",{"_placeholder":true,"num":0}]'


@pytest.fixture
async def live(tmp_path: Path) -> AsyncIterator[Live]:
    async with serving(tmp_path) as live:
        yield live


@pytest.fixture
async def token(live: Live) -> str:
    return (await live.headers())["Authorization"].removeprefix("Bearer ")


def server_of(live: Live) -> GuardedServer:
    return live.app[SOCKETIO].server


async def close_code(socket: ClientWebSocketResponse) -> int | None:
    """Read to the end of a socket that the server closes."""
    async with asyncio.timeout(WITHIN):
        while (await socket.receive()).type not in (WSMsgType.CLOSE, WSMsgType.CLOSED, WSMsgType.CLOSING):
            pass
    return socket.close_code


async def joined(live: Live, token: str) -> ClientWebSocketResponse:
    """A Socket.IO client by hand that is in the default namespace."""
    socket = await live.websocket(ENGINE_WEBSOCKET)
    await socket.receive_str(timeout=WITHIN)
    await socket.send_str("40" + json.dumps({"token": token}))
    assert (await socket.receive_str(timeout=WITHIN)).startswith("40{")
    return socket


# ---- raw WebSocket ----


async def test_a_binary_message_that_holds_json_is_read_like_a_text_one(live: Live, token: str) -> None:
    socket = await live.websocket("/api/ws")
    await socket.send_bytes(json.dumps({"type": "auth", "token": token}).encode())
    assert (await socket.receive_json(timeout=WITHIN))["type"] == "authenticated"
    await socket.send_bytes(b'{"type":"join","room":"device-\xc3\xbc"}')
    assert (await socket.receive_json(timeout=WITHIN))["room"] == "device-ü"


@pytest.mark.parametrize(
    "data", [b"", b"\x00\x01", b"\xff\xfe{}", b'{"type":"\xff"}', b"[]", b"\x80\x04K\x01."]
)
async def test_any_other_binary_message_is_told_what_is_wrong_with_it(data: bytes, live: Live) -> None:
    socket = await live.websocket("/api/ws")
    await socket.send_bytes(data)
    told = await socket.receive_json(timeout=WITHIN)
    assert (told["type"], told["code"]) == ("error", "invalid_payload" if data == b"[]" else "invalid_json")
    await socket.send_json({"type": "ping"})
    assert (await socket.receive_json(timeout=WITHIN))["type"] == "pong"


@pytest.mark.parametrize("kind", ["text", "binary"])
async def test_a_message_that_is_too_large_closes_the_raw_websocket_with_1009(kind: str, live: Live) -> None:
    socket = await live.websocket("/api/ws")
    message = json.dumps({"type": "ping", "more": "x" * 65_536})
    await (socket.send_str(message) if kind == "text" else socket.send_bytes(message.encode()))
    assert await close_code(socket) == 1009
    await until(lambda: live.n_places == live.n_subscribers == 0)


async def test_a_message_just_below_the_limit_is_taken(live: Live) -> None:
    socket = await live.websocket("/api/ws")
    await socket.send_str('{"type":"ping","more":"' + "x" * 60_000 + '"}')
    assert (await socket.receive_json(timeout=WITHIN))["type"] == "pong"


# ---- Socket.IO ----


@pytest.mark.parametrize("transport", ["websocket", "polling"])
async def test_a_binary_event_of_a_stock_client_gets_a_clear_ack_and_the_connection_stays(
    transport: str, live: Live, token: str, capsys: pytest.CaptureFixture[str]
) -> None:
    client = socketio.AsyncClient(reconnection=False)
    await client.connect(str(live.client.make_url("/")), auth={"token": token}, transports=[transport])
    live.stack.push_async_callback(client.disconnect)
    for payload in (b"\x00\x01", {"cursor": b"x", "frames": [b"y", b"z"]}):
        assert await client.call("join-dashboard", payload, timeout=WITHIN) == NO_BINARY
    assert (await client.call("join-dashboard", timeout=WITHIN))["ok"] is True
    assert not server_of(live)._n_attachments_due
    assert "Traceback" not in capsys.readouterr().out


async def test_attachments_that_do_not_come_are_waited_for_without_keeping_anything(
    live: Live, token: str
) -> None:
    socket = await joined(live, token)
    await socket.send_str(HEADER.replace("451-", "4516-"))
    assert json.loads((await socket.receive_str(timeout=WITHIN))[3:]) == [NO_BINARY]
    for _ in range(15):
        await socket.send_bytes(b"x" * 100_000)
    server = server_of(live)
    await until(lambda: list(server._n_attachments_due.values()) == [1])
    assert not server._binary_packet
    await socket.close()
    await until(lambda: not server._n_attachments_due)


@pytest.mark.parametrize(
    "messages",
    [
        [b"nothing announced this"],
        [HEADER, '42["join-dashboard"]'],
        [HEADER, HEADER],
        [HEADER.replace("451-", "4517-")],
        [HEADER.replace("451-", "459999999999-")],
        [HEADER.replace("451-", "450-")],
        ["45-[]"],
        ['451-/other,["x"]'],
    ],
    ids=range(8),
)
async def test_binary_packets_that_fit_nothing_end_the_connection(
    messages: list[str | bytes], live: Live, token: str
) -> None:
    socket = await joined(live, token)
    for message in messages:
        await (socket.send_str(message) if isinstance(message, str) else socket.send_bytes(message))
    await close_code(socket)
    await until(lambda: live.n_sessions == live.n_places == live.n_subscribers == 0)
    server = server_of(live)
    assert not server._n_attachments_due
    assert not server._binary_packet


async def test_nobody_may_announce_attachments_before_it_has_connected(live: Live) -> None:
    socket = await live.websocket(ENGINE_WEBSOCKET)
    await socket.send_str(HEADER)
    await close_code(socket)
    await until(lambda: live.n_sessions == 0)


@pytest.mark.parametrize("kind", ["text", "binary"])
async def test_a_message_that_is_too_large_closes_socket_io_with_1009(
    kind: str, live: Live, token: str
) -> None:
    socket = await joined(live, token)
    message = '42["join-dashboard","' + "x" * 1_000_000 + '"]'
    await (socket.send_str(message) if kind == "text" else socket.send_bytes(message.encode()))
    assert await close_code(socket) == 1009
    await until(lambda: live.n_sessions == live.n_places == live.n_subscribers == 0)


# ---- posts of long polling ----


async def polling(live: Live, token: str) -> str:
    """The URL of a polling session in the default namespace."""
    url = await live.session()
    async with live.client.post(url, data="40" + json.dumps({"token": token})) as posted:
        assert posted.status == 200
    assert (await (await live.get(url)).text()).startswith("40{")
    return url


async def in_chunks(body: bytes) -> AsyncIterator[bytes]:
    for at in range(0, len(body), 50_000):
        yield body[at : at + 50_000]


@pytest.mark.parametrize("is_chunked", [False, True], ids=["announced", "chunked"])
async def test_a_large_post_is_read_whole(is_chunked: bool, live: Live, token: str) -> None:
    url = await polling(live, token)
    body = ('420["join-dashboard",{"more":"' + "x" * 900_000 + '"}]').encode()
    data: Any = in_chunks(body) if is_chunked else body
    async with live.client.post(url, data=data) as posted:
        assert posted.status == 200
    told = ""
    async with asyncio.timeout(WITHIN):
        while "430[" not in told:
            told += await (await live.get(url)).text()
    assert '"ok":true' in told


@pytest.mark.parametrize("is_chunked", [False, True], ids=["announced", "chunked"])
async def test_a_post_that_is_too_large_is_refused_and_ends_the_session(
    is_chunked: bool, live: Live, token: str
) -> None:
    url = await polling(live, token)
    body = b'42["join-dashboard","' + b"x" * 1_000_000 + b'"]'
    data: Any = in_chunks(body) if is_chunked else body
    async with live.client.post(url, data=data) as posted:
        assert (posted.status, (await posted.json())["code"]) == (413, "too_large")
    await until(lambda: live.n_sessions == live.n_places == live.n_subscribers == 0)


async def test_the_smaller_limit_on_bodies_holds_for_posts_too(tmp_path: Path) -> None:
    async with serving(tmp_path, max_body_bytes=2_048) as live:
        url = await live.session()
        async with live.client.post(url, data=b"4" + b"x" * 3_000) as posted:
            assert posted.status == 413
        assert live.n_sessions == 0


async def test_a_post_whose_body_does_not_come_ends_the_session(
    live: Live, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("goip.realtime.posts.BODY_WITHIN_SECONDS", 0.2)
    url = await polling(live, token)
    gate = asyncio.Event()

    async def never() -> AsyncIterator[bytes]:
        yield b"4"
        await gate.wait()

    async with live.client.post(url, data=never()) as posted:
        assert (posted.status, (await posted.json())["code"]) == (408, "too_slow")
        gate.set()
    await until(lambda: live.n_sessions == live.n_places == live.n_subscribers == 0)


async def test_a_body_that_lies_about_its_encoding_ends_the_session(live: Live) -> None:
    url = await live.session()
    async with live.client.post(url, data=b"no gzip", headers={"Content-Encoding": "gzip"}) as posted:
        assert posted.status == 400
    await until(lambda: live.n_sessions == 0)


async def test_binary_packets_of_long_polling_are_refused_like_those_of_a_websocket(
    live: Live, token: str
) -> None:
    url = await polling(live, token)
    attachment = "b" + base64.b64encode(b"\x00\x01").decode()
    async with live.client.post(url, data=f"{HEADER}\x1e{attachment}") as posted:
        assert posted.status == 200
    assert json.loads((await (await live.get(url)).text())[3:]) == [NO_BINARY]
    async with live.client.post(url, data=attachment) as posted:
        assert posted.status == 200
    await until(lambda: live.n_sessions == 0)
