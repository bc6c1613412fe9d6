"""The live state over plain HTTP: the snapshot, and the stream by (long) polling."""

from __future__ import annotations

from aiohttp import web

from goip.api.appkeys import HISTORY, HUB, PRINCIPAL
from goip.api.bodies import answer, load_query
from goip.api.schemas.state import EventsQuery, StateQuery
from goip.auth.principals import authorise_join
from goip.models import Cursor
from goip.realtime.polling import next_frame


def _rooms(request: web.Request, rooms: list[str]) -> frozenset[str]:
    for room in rooms:
        authorise_join(request[PRINCIPAL], room)
    return frozenset(rooms)


async def show_state(request: web.Request) -> web.Response:
    """`GET /api/state`: everything a client of these rooms begins with, at one cursor."""
    query = load_query(StateQuery(), request.query)
    rooms = _rooms(request, query["rooms"])
    return answer(request.app[HISTORY].snapshot(rooms))


async def next_events(request: web.Request) -> web.Response:
    """`GET /api/events`: one frame of what came after `after`; waits for it when `wait` allows."""
    query = load_query(EventsQuery(), request.query)
    rooms = _rooms(request, query["rooms"])
    after = query.get("after")
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
