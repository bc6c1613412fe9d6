"""The live state over plain HTTP: the snapshot, and the stream by (long) polling."""

from __future__ import annotations

from aiohttp import web

from goip.api.appkeys import HISTORY, HUB, PRINCIPAL
from goip.api.bodies import load_query
from goip.api.callers import Gatekeeper, check_origin, principal_of_token
from goip.api.schemas.state import EventsQuery, StateQuery
from goip.auth.principals import Principal, authorise_join
from goip.models import Cursor
from goip.realtime import websocket
from goip.realtime.polling import next_frame
from goip.realtime.sse import stream_events


def _rooms(request: web.Request, rooms: list[str]) -> frozenset[str]:
    for room in rooms:
        authorise_join(request[PRINCIPAL], room)
    return frozenset(rooms)


async def show_state(request: web.Request) -> web.Response:
    """`GET /api/state`: everything a client of these rooms begins with, at one cursor."""
    query = load_query(StateQuery(), request.query)
    rooms = _rooms(request, query["rooms"])
    response = web.Response(body=request.app[HISTORY].snapshot(rooms), content_type="application/json")
    response.enable_compression()
    return response


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
        return await stream_events(request, app[HUB], app[HISTORY], request[PRINCIPAL], rooms, cursor)
    if after is None:
        batch = request.app[HISTORY].fresh(rooms, None)
    else:
        batch = await next_frame(
            request.app[HUB],
            request.app[HISTORY],
            request[PRINCIPAL],
            rooms,
            Cursor.parse(after),
            query["wait"],
        )
    return web.Response(body=batch.frame(), content_type="application/json")


async def open_websocket(request: web.Request) -> web.StreamResponse:
    """`GET /api/ws`: the stream over a raw WebSocket."""
    app = request.app
    check_origin(request)
    principal = Gatekeeper(app).of_handshake(request, None)

    def identify(token: str) -> Principal:
        return principal_of_token(app, token)

    return await websocket.serve(request, app[HUB], app[HISTORY], identify, principal)
