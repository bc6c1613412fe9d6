"""Server-Sent Events: the stream for `curl`, `EventSource`, and proxies that only know HTTP.

Every event's `id` is its cursor; `Last-Event-ID` or `after=` goes on from there. A cursor that cannot be
resumed is answered inside the stream, by a `state` event with the snapshot: EventSource cannot read headers.
"""

from __future__ import annotations

from collections.abc import Collection

from aiohttp import web

from goip.auth.principals import Principal
from goip.models import Cursor
from goip.realtime.envelope import Batch
from goip.realtime.hub import Hub
from goip.realtime.joining import join
from goip.realtime.replay import History
from goip.realtime.stream import StreamSubscriber
from goip.wire import dumps

COMMENT_EVERY_SECONDS = 15.0
RETRY = b"retry: 3000\n\n"
COMMENT = b": still here\n\n"
HEADERS = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-store, no-transform",
    "X-Accel-Buffering": "no",
}


def event_block(name: str, place: Cursor | int, data: bytes) -> bytes:
    """One event; `place` is what a client goes on from. JSON has no bare line breaks, so its data is one line."""
    return b"id: %s\nevent: %s\ndata: %s\n\n" % (str(place).encode(), name.encode(), data)


def encode(batch: Batch) -> bytes:
    """A batch as blocks; the last one moves the client's cursor to the batch's end, without an event."""
    epoch = batch.cursor.epoch
    blocks = [
        event_block(envelope.event.name, Cursor(epoch, envelope.event.seq), data)
        for envelope, data in batch.objects()
    ]
    if batch.state is not None:
        blocks.append(event_block("state", batch.cursor, batch.state))
    blocks.append(b"id: %s\n\n" % str(batch.cursor).encode())
    return b"".join(blocks)


class SseClient(StreamSubscriber):
    """One open stream."""

    def __init__(self, principal: Principal) -> None:
        super().__init__(principal, "sse", encode)

    def tell_resync(self, cursor: Cursor) -> None:
        """The client lost track of the stream."""
        self.push(event_block("resync", cursor, dumps({"reason": "too slow", "cursor": str(cursor)})))


async def stream_events(
    request: web.Request,
    hub: Hub,
    history: History,
    principal: Principal,
    rooms: Collection[str],
    after: Cursor | None,
    address: str | None = None,
) -> web.StreamResponse:
    """Answer with the stream of these rooms, until either side ends it."""
    client = SseClient(principal)
    client.address = address
    client.abort = request.transport.abort if request.transport is not None else None
    try:
        batch = await join(hub, history, client, frozenset(rooms), after)
        response = web.StreamResponse(headers=HEADERS)
        await response.prepare(request)
        client.push(RETRY)
        client.write(batch)
        client.end_replay()
        await client.drain(response.write, COMMENT_EVERY_SECONDS, COMMENT)
        return response
    finally:
        hub.unsubscribe(client)
