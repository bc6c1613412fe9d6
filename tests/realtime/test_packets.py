"""Many Socket.IO packets in one piece, and the library internals that this leans on."""

from __future__ import annotations

import asyncio
import inspect
from typing import Any

import aiohttp.abc
import engineio
import orjson
import pytest
import socketio
from aiohttp import ClientSession, WSMsgType, web
from aiohttp.http_websocket import WebSocketWriter
from aiohttp.test_utils import TestServer
from engineio.async_drivers import aiohttp as driver
from engineio.async_socket import AsyncSocket
from engineio.packet import MESSAGE, Packet
from engineio.payload import Payload
from hypothesis import given
from hypothesis import strategies as st
from wsproto.connection import Connection, ConnectionType
from wsproto.events import TextMessage

from goip.models import Cursor
from goip.realtime import packets
from goip.realtime.envelope import Batch, Envelope
from goip.realtime.packets import BatchWebSocket, PacketBatch, event_packet, use_batches
from goip.realtime.socketio import SocketIoClient
from tests.realtime.listeners import VIEWER, Stream

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)
LENGTHS = [0, 1, 124, 125, 126, 127, 65_534, 65_535, 65_536, 65_537, 200_000]


def read_by_a_client(framed: bytes) -> list[str]:
    """The text messages in these bytes, as somebody else's WebSocket parser reads them."""
    client = Connection(ConnectionType.CLIENT)
    client.receive_data(framed)
    messages, parts = [], []
    for event in client.events():
        assert isinstance(event, TextMessage)
        parts.append(event.data)
        if event.message_finished:
            messages.append("".join(parts))
            parts = []
    assert not parts
    return messages


# ---- bytes ----


@given(st.lists(texts, max_size=8))
def test_framed_packets_are_so_many_messages_to_any_parser(packet_texts: list[str]) -> None:
    batch = PacketBatch([text.encode() for text in packet_texts])
    assert read_by_a_client(batch.framed) == packet_texts


@pytest.mark.parametrize("length", LENGTHS)
def test_a_frame_of_any_length_is_framed_right(length: int) -> None:
    assert read_by_a_client(PacketBatch([b"x" * length, b"end"]).framed) == ["x" * length, "end"]


def test_a_payload_of_long_polling_holds_the_packets_in_order() -> None:
    batch = PacketBatch([event_packet("one", b'{"n":1}'), event_packet("two", '{"t":"ü"}'.encode())])
    payload = Payload(packets=[Packet(MESSAGE, "2before"), batch, Packet(MESSAGE, "2after")]).encode()
    decoded = [packet.data for packet in Payload(encoded_payload=payload).packets]
    assert decoded == ["2before", '2["one",{"n":1}]', '2["two",{"t":"ü"}]', "2after"]


@pytest.mark.parametrize(
    "name", ["told", "device:registered", 'quo"ted', "ü 🎉", "back\\slash", "line\nbreak"]
)
def test_an_event_packet_is_what_socket_io_itself_would_send(name: str) -> None:
    data = {"n": 1, "text": "ü \u2028 \x1e"}
    packet = event_packet(name, orjson.dumps(data)).decode()
    own = socketio.packet.Packet(packet_type=socketio.packet.EVENT, data=[name, data], namespace="/")
    assert packet[0] == str(MESSAGE)
    assert orjson.loads(packet[2:]) == orjson.loads(str(own.encode())[1:])
    assert packet[1] == str(own.encode())[0]


def test_no_text_can_break_a_payload_apart() -> None:
    """The separator of long-polling is a control character, which JSON writes escaped."""
    packet = event_packet("told\x1e", orjson.dumps({"text": "a\x1eb"}))
    assert b"\x1e" not in packet


def test_bytes_are_made_once_however_many_ask() -> None:
    batch = PacketBatch([b"x"])
    assert batch.framed is batch.framed
    assert batch.encode() is batch
    assert batch.encode(b64=True) == "x"


# ---- the queue ----


class FakeSocket:
    """What `SocketIoClient` sees of an engine.io connection."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[Any] = asyncio.Queue()
        self.closed = False
        self.upgraded = True


async def test_nothing_to_tell_is_no_packet() -> None:
    """In long-polling an empty packet is a parse error to a stock client, which then hangs up."""
    stream, socket = Stream(), FakeSocket()
    client = SocketIoClient("sid", socket, VIEWER, lambda reason: None)
    client.send_history(Batch(stream.cursor, stream.cursor, [], ["a"]))
    assert socket.queue.empty()
    client.write(Batch(stream.cursor, stream.cursor, [Envelope(stream.fact("a"))], ["a"]))
    assert socket.queue.qsize() == 1
    client.wants_frames = True
    client.send_history(Batch(stream.cursor, stream.cursor, [], ["a"]))
    assert socket.queue.qsize() == 2


async def test_a_client_is_told_single_events_or_frames_as_it_wishes() -> None:
    stream, socket = Stream(), FakeSocket()
    client = SocketIoClient("sid", socket, VIEWER, lambda reason: None)
    events = [stream.fact("a", text="ü"), stream.fact("a")]
    batch = Batch(Cursor("epoch", 0), stream.cursor, map(Envelope, events), ["a"])
    client.write(batch)
    client.wants_frames = True
    client.write(batch)
    singles, frames = socket.queue.get_nowait(), socket.queue.get_nowait()
    assert [orjson.loads(text[2:]) for text in singles.texts] == [
        ["told", dict(event.data)] for event in events
    ]  # type: ignore[arg-type]
    (name, frame) = orjson.loads(frames.texts[0][2:])
    assert (name, frame) == ("frame", orjson.loads(batch.frame()))


async def test_a_closed_connection_is_sent_nothing() -> None:
    socket = FakeSocket()
    socket.closed = True
    client = SocketIoClient("sid", socket, VIEWER, lambda reason: None)
    client.tell("told", b"{}")
    assert socket.queue.empty()


async def test_a_client_that_asks_and_never_reads_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("goip.realtime.socketio._FAR_TOO_MANY_QUEUED", 10)
    ended: list[str] = []
    client = SocketIoClient("sid", FakeSocket(), VIEWER, ended.append)
    for _ in range(11):
        client.tell("told", b"{}")
    assert ended == ["too slow"]


# ---- the library ----


def test_engine_io_still_has_the_places_that_batches_go_through() -> None:
    server = engineio.AsyncServer(async_mode="aiohttp")
    assert server._async["websocket"] is driver.WebSocket
    use_batches(server)
    assert server._async["websocket"] is BatchWebSocket
    assert engineio.AsyncServer(async_mode="aiohttp")._async["websocket"] is driver.WebSocket
    sending = inspect.getsource(AsyncSocket._websocket_handler)
    assert "await ws.send(pkt.encode())" in sending
    assert "self.server._async['websocket'](" in inspect.getsource(AsyncSocket._upgrade_websocket)
    assert "pkt.encode(b64=True)" in inspect.getsource(Payload.encode)
    assert list(inspect.signature(driver.WebSocket.__init__).parameters) == ["self", "handler", "server"]


def test_aiohttp_still_has_the_writer_that_batches_are_written_past() -> None:
    assert "self._writer" in inspect.getsource(web.WebSocketResponse)
    assert list(inspect.signature(WebSocketWriter.__init__).parameters)[1:3] == ["protocol", "transport"]
    assert hasattr(aiohttp.base_protocol.BaseProtocol, "_drain_helper")
    assert packets.frame_head(1)[0] == 0x81


async def test_batches_reach_a_real_client_whole_and_in_order() -> None:
    server = engineio.AsyncServer(async_mode="aiohttp")
    use_batches(server)
    app = web.Application()
    server.attach(app)
    long = "ü" * 70_000

    @server.on("connect")  # type: ignore[untyped-decorator]
    async def on_connect(sid: str, environ: Any) -> None:
        socket = server.sockets[sid]
        socket.queue.put_nowait(PacketBatch([b"4one", b"4" + long.encode(), b"4three"]))
        socket.queue.put_nowait(Packet(MESSAGE, "four"))

    async with TestServer(app) as running, ClientSession() as session:
        url = running.make_url("/engine.io/?EIO=4&transport=websocket")
        async with session.ws_connect(url) as client:
            read = [await client.receive(5) for _ in range(5)]
        assert all(message.type == WSMsgType.TEXT for message in read)
        assert [message.data for message in read[1:]] == ["4one", "4" + long, "4three", "4four"]
        assert read[0].data.startswith("0{")
        polled = await session.get(running.make_url("/engine.io/?EIO=4&transport=polling"))
        first, *others = (await polled.text()).split("\x1e")
        if not others:
            sid = orjson.loads(first[1:])["sid"]
            polled = await session.get(running.make_url(f"/engine.io/?EIO=4&transport=polling&sid={sid}"))
            others = (await polled.text()).split("\x1e")
        assert others == ["4one", "4" + long, "4three", "4four"]
        await server.shutdown()
