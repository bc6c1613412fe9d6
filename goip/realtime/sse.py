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
_RETRY = b"retry: 3000\n\n"
_COMMENT = b": still here\n\n"
_HEADERS = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-store, no-transform",
    "X-Accel-Buffering": "no",
}


def event_block(name: str, cursor: Cursor, data: bytes) -> bytes:
    """One event of the stream. JSON has no bare line breaks, so its data is one line."""
    return b"id: %s\nevent: %s\ndata: %s\n\n" % (str(cursor).encode(), name.encode(), data)


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
) -> web.StreamResponse:
    """Answer with the stream of these rooms, until either side ends it."""
    client = SseClient(principal)
    client.abort = request.transport.abort if request.transport is not None else None
    batch = await join(hub, history, client, frozenset(rooms), after)
    try:
        response = web.StreamResponse(headers=_HEADERS)
        await response.prepare(request)
        client.push(_RETRY)
        client.write(batch)
        client.end_replay()
        await client.drain(response.write, COMMENT_EVERY_SECONDS, _COMMENT)
        return response
    finally:
        hub.unsubscribe(client)
