"""`network:log`: the wire log, told as it is written.

It is told to those who may operate, are in the device's room and look at its log. It is no part of the stream: it has
no `seq`, comes in no frame of it, and whoever does not read misses it.
"""

from __future__ import annotations

from collections.abc import Iterable

import orjson
from aiohttp import web

from goip.auth.principals import Permission, Principal
from goip.models import Cursor, device_room
from goip.realtime.envelope import Batch
from goip.realtime.hub import Hub
from goip.realtime.sse import COMMENT, COMMENT_EVERY_SECONDS, HEADERS, RETRY, event_block
from goip.realtime.stream import StreamSubscriber
from goip.realtime.subscriber import Subscriber
from goip.wire import dumps
from goip.wirelog.frames import Frame, frame_json

EVENT = "network:log"


def tell_frame(hub: Hub, frame: Frame) -> None:
    """Tell a frame to whoever looks; encoded once, and not at all when nobody does."""
    if frame.device_id is None:
        return
    room = device_room(frame.device_id)
    looking = [one for one in hub.members(room) if room in one.looks_at and one.is_writable()]
    allowed = [one for one in looking if one.principal.may(Permission.OPERATE)]
    if allowed:
        data = dumps(frame_json(frame))
        for one in allowed:
            one.tell(EVENT, data)


def look_at(hub: Hub, client: Subscriber, device_id: str) -> None:
    """Let the client hear of this device's log, and of nothing else."""
    room = device_room(device_id)
    client.looks_at.add(room)
    hub.subscribe(client, {room})


class FrameFollower(StreamSubscriber):
    """One open stream of a device's wire log; an event's id is the frame's."""

    def __init__(self, principal: Principal) -> None:
        super().__init__(principal, "sse", lambda batch: b"")

    def write(self, batch: Batch) -> None:
        """What else is told in the room is not for this stream."""

    def tell_resync(self, cursor: Cursor) -> None:
        """It has no place in the stream to lose."""

    def tell(self, name: str, data: bytes) -> None:
        """Queue one frame."""
        self.push(event_block(name, int(orjson.loads(data)["id"]), data))


async def stream_frames(
    request: web.Request,
    hub: Hub,
    principal: Principal,
    device_id: str,
    missed: Iterable[Frame],
    address: str,
) -> web.StreamResponse:
    """Answer with what was missed, oldest first, and then with what is kept, until either side ends it."""
    client = FrameFollower(principal)
    client.address = address
    client.abort = request.transport.abort if request.transport is not None else None
    try:
        look_at(hub, client, device_id)
        client.push(RETRY)
        for frame in missed:
            client.tell(EVENT, dumps(frame_json(frame)))
        response = web.StreamResponse(headers=HEADERS)
        await response.prepare(request)
        await client.drain(response.write, COMMENT_EVERY_SECONDS, COMMENT)
        return response
    finally:
        hub.unsubscribe(client)
