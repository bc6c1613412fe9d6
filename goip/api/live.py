"""The live state over plain HTTP: the snapshot, and the stream by (long) polling."""

from __future__ import annotations

from contextlib import nullcontext

from aiohttp import web

from goip.api.appkeys import DOORS, HISTORY, HUB, JOBS, PRINCIPAL
from goip.api.bodies import answer_bytes, load_query
from goip.api.callers import Gatekeeper, address_of, check_origin, enter, principal_of_token
from goip.api.schemas.state import EventsQuery, StateQuery
from goip.auth.principals import Principal, authorise_join
from goip.errors import InvalidPayload
from goip.models import Cursor, session_of
from goip.realtime import websocket
from goip.realtime.envelope import Batch
from goip.realtime.polling import next_frame
from goip.realtime.sse import stream_events


def _rooms(request: web.Request, rooms: list[str]) -> frozenset[str]:
    for room in rooms:
        if session_of(room) is not None:
            raise InvalidPayload(
                "a session is told at /api/import/progress/{sessionId}: it is no part of the stream"
            )
        authorise_join(request[PRINCIPAL], room)
    return frozenset(rooms)


async def show_state(request: web.Request) -> web.Response:
    """`GET /api/state`: everything a client of these rooms begins with, at one cursor."""
    query = load_query(StateQuery(), request.query)
    rooms = _rooms(request, query["rooms"])
    return answer_bytes(request.app[HISTORY].snapshot(rooms))


async def next_events(request: web.Request) -> web.StreamResponse:
    """`GET /api/events`: one frame of what came after `after`; waits for it when `wait` allows.

    With `Accept: text/event-stream` it is the whole stream, by Server-Sent Events.
    """
    query = load_query(EventsQuery(), request.query)
    rooms = _rooms(request, query["rooms"])
    after = query.get("after")
    if "text/event-stream" in request.headers.get("Accept", ""):
        after = request.headers.get("Last-Event-ID") or after
        cursor = None if after is None else Cursor.parse(after)
        app = request.app
        with enter(request):
            return await stream_events(
                request, app[HUB], app[HISTORY], request[PRINCIPAL], rooms, cursor, address_of(request)
            )
    if after is None:
        batch = request.app[HISTORY].fresh(rooms, None)
    else:
        batch = await _next_batch(request, rooms, Cursor.parse(after), query["wait"])
    return answer_bytes(batch.frame())


async def _next_batch(request: web.Request, rooms: frozenset[str], after: Cursor, wait: float) -> Batch:
    app = request.app
    with enter(request, is_new=False) if wait else nullcontext():
        return await next_frame(
            app[HUB], app[HISTORY], request[PRINCIPAL], rooms, after, wait, address_of(request)
        )


async def open_websocket(request: web.Request) -> web.StreamResponse:
    """`GET /api/ws`: the stream over a raw WebSocket."""
    app = request.app
    check_origin(request)
    principal = Gatekeeper(app).of_handshake(request, None)

    def identify(token: str) -> Principal:
        return principal_of_token(app, token)

    with app[DOORS].enter(address_of(request), principal) as place:
        return await websocket.serve(
            request, app[HUB], app[HISTORY], app[JOBS], identify, principal, place, address_of(request)
        )
