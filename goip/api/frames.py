"""The wire log for operators: what a device, or a stranger, said last, and how it is understood today."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from aiohttp import web

from goip.api.appkeys import HUB, PRINCIPAL, WIRE
from goip.api.bodies import answer, load_query
from goip.api.callers import address_of, enter
from goip.api.devices import get_device
from goip.api.replaying import fixture_json, understood
from goip.api.schemas.frames import DeviceFramesQuery, FrameQuery, FramesQuery
from goip.errors import NotFound
from goip.realtime.following import OneWord
from goip.realtime.wiretap import look_at, stream_frames
from goip.wire import Json, dumps
from goip.wirelog.frames import Frame, frame_json

FIXTURE_TYPE = "application/vnd.goip.frames+json"


async def device_frames(request: web.Request) -> web.StreamResponse:
    """`GET /api/devices/{deviceId}/frames`: what it said last, newest first; with `after`, waits for more.

    With `Accept: text/event-stream` it is told by Server-Sent Events.
    """
    device_id = get_device(request).device_id
    query = load_query(DeviceFramesQuery(), request.query)
    after = query.get("after")
    if "text/event-stream" in request.headers.get("Accept", ""):
        return await _stream(request, device_id, after)
    if after is not None and query["wait"]:
        await _wait_for_frame(request, device_id, after, query["wait"])
    frames = request.app[WIRE].frames_of(device_id)
    newer = frames if after is None else [frame for frame in frames if frame.id > after]
    return _fixture(frames) if query["format"] == "fixture" else _page(newer, query)


async def list_frames(request: web.Request) -> web.Response:
    """`GET /api/frames`: what devices and strangers said last, newest first."""
    query = load_query(FramesQuery(), request.query)
    frames = request.app[WIRE].frames(of_strangers=query.get("of_strangers"))
    return _fixture(frames) if query["format"] == "fixture" else _page(frames, query)


async def show_frame(request: web.Request) -> web.Response:
    """`GET /api/frames/{frameId}`."""
    query = load_query(FrameQuery(), request.query)
    frame = _frame(request)
    return _fixture([frame]) if query["format"] == "fixture" else answer({"frame": frame_json(frame)})


async def replay_frame(request: web.Request) -> web.Response:
    """`POST /api/frames/{frameId}/replay`: what it tells by today's decoder; nothing is recorded."""
    return answer(understood(_frame(request)))


def _frame(request: web.Request) -> Frame:
    told = request.match_info["frameId"]
    if not _is_id(told):
        raise NotFound("this frame is not kept, or not any more", code="unknown_frame")
    return request.app[WIRE].get(int(told))


def _page(frames: Sequence[Frame], query: Json) -> web.Response:
    cursor, limit = query.get("cursor"), query["limit"]
    older = frames if cursor is None else [frame for frame in frames if frame.id < cursor]
    shown = older[:limit]
    following = str(shown[-1].id) if len(older) > limit else None
    return answer(
        {"frames": [frame_json(frame) for frame in shown], "nextCursor": following, "total": len(frames)}
    )


def _fixture(frames: Sequence[Frame]) -> web.Response:
    return web.Response(
        body=dumps(fixture_json(frames)),
        content_type=FIXTURE_TYPE,
        headers={"Content-Disposition": 'attachment; filename="frames.json"'},
    )


async def _stream(request: web.Request, device_id: str, after: int | None) -> web.StreamResponse:
    """All that is kept after the frame that the client names, if it names one, and then what is to come."""
    told = request.headers.get("Last-Event-ID", "")
    after = int(told) if _is_id(told) else after
    app = request.app
    with enter(request):
        frames = () if after is None else reversed(app[WIRE].frames_of(device_id))
        missed = [frame for frame in frames if after is not None and frame.id > after]
        return await stream_frames(
            request, app[HUB], request[PRINCIPAL], device_id, missed, address_of(request)
        )


def _is_id(told: str) -> bool:
    return told.isascii() and told.isdigit() and len(told) < 18


async def _wait_for_frame(request: web.Request, device_id: str, after: int, wait: float) -> None:
    """Until there is a frame after that one, or time is up."""
    hub, log = request.app[HUB], request.app[WIRE]
    with enter(request, is_new=False):
        listener = OneWord(request[PRINCIPAL])
        listener.address = address_of(request)
        look_at(hub, listener, device_id)
        try:
            if not any(frame.id > after for frame in log.frames_of(device_id)):
                async with asyncio.timeout(wait):
                    await listener.arrived.wait()
        except TimeoutError:
            pass
        finally:
            hub.unsubscribe(listener)
