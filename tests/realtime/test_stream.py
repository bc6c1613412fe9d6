"""What raw WebSocket and SSE share: a short queue of bytes, and the writer that drains it."""

from __future__ import annotations

import asyncio

import pytest

from goip.models import Cursor
from goip.realtime import sse, stream
from goip.realtime.envelope import Batch, Envelope
from goip.realtime.stream import StreamSubscriber
from goip.realtime.subscriber import TOO_SLOW
from tests.realtime.listeners import VIEWER, Stream


class Client(StreamSubscriber):
    def __init__(self) -> None:
        super().__init__(VIEWER, "test", Batch.frame)

    def tell_resync(self, cursor: Cursor) -> None:
        self.push(b"resync")


async def drained(client: Client, idle_seconds: float = 60) -> list[bytes]:
    """All that a reading client is sent until the end."""
    sent: list[bytes] = []

    async def send(chunk: bytes) -> None:
        sent.append(chunk)
        await asyncio.sleep(0)

    await asyncio.wait_for(client.drain(send, idle_seconds, b"idle"), 5)
    return sent


async def test_what_is_queued_is_sent_in_order_before_the_end() -> None:
    client = Client()
    for n in range(5):
        client.push(b"%d" % n)
    client.close("over")
    assert await drained(client) == [b"0", b"1", b"2", b"3", b"4"]
    assert client.reason == "over"


async def test_a_client_is_sent_something_when_nothing_happens() -> None:
    client = Client()
    draining = asyncio.create_task(drained(client, idle_seconds=0.01))
    await asyncio.sleep(0.05)
    client.close("over")
    assert set(await draining) == {b"idle"}


async def test_what_was_held_follows_when_the_client_reads_again() -> None:
    told, client = Stream(), Client()
    for _ in range(stream._MOST_QUEUED):
        client.push(b"full")
    batch = Batch(told.cursor, Cursor("epoch", 1), [Envelope(told.fact("a"))], ["a"])
    client.deliver(batch)
    assert client.is_behind
    draining = asyncio.create_task(drained(client))
    async with asyncio.timeout(5):
        while client.is_behind:
            await asyncio.sleep(0.001)
    client.close("over")
    assert (await draining)[-1] == batch.frame()


async def test_a_client_that_asks_and_never_reads_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "_FAR_TOO_MANY_QUEUED", 10)
    client = Client()
    for _ in range(11):
        client.push(b"pong")
    assert client.reason == TOO_SLOW


async def test_a_closed_client_that_does_not_read_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "_GRACE_SECONDS", 0.01)
    client, cut = Client(), asyncio.Event()
    client.abort = cut.set
    client.close("too slow")
    client.close("again")
    await asyncio.wait_for(cut.wait(), 5)
    assert client.reason == "too slow"


def test_a_batch_as_server_sent_events_moves_the_cursor_with_every_event_and_to_the_end() -> None:
    told = Stream()
    events = [told.fact("a", text="line\nbreak \u2028 ü"), told.state("gw-1", "a")]
    batch = Batch(Cursor("epoch", 0), Cursor("epoch", 9), map(Envelope, events), ["a"])
    blocks = sse.encode(batch).decode().split("\n\n")
    assert blocks.pop() == ""
    fields = [dict(line.split(": ", 1) for line in block.split("\n")) for block in blocks]
    assert [field["id"] for field in fields] == ["epoch:1", "epoch:2", "epoch:9"]
    assert [field.get("event") for field in fields] == ["told", "device-heartbeat", None]
    assert "data" not in fields[-1]


def test_a_snapshot_as_a_server_sent_event_is_a_state() -> None:
    batch = Batch(None, Cursor("epoch", 9), [], ["a"], recovered=False, state=b'{"cursor":"epoch:9"}')
    text = sse.encode(batch).decode()
    assert text == 'id: epoch:9\nevent: state\ndata: {"cursor":"epoch:9"}\n\nid: epoch:9\n\n'
