"""Who is connected, for the operator."""

from __future__ import annotations

from collections import Counter

from aiohttp import web

from goip.api.appkeys import CLOCK, HUB
from goip.api.bodies import answer, load_query
from goip.api.schemas.jobs import ConnectionsQuery
from goip.clock import to_iso


async def ws_status(request: web.Request) -> web.Response:
    """`GET /api/test/ws-status`: every connection, by transport, user and room."""
    hub = request.app[HUB]
    username = load_query(ConnectionsQuery(), request.query).get("user")
    subscribers = sorted(hub.subscribers, key=lambda one: one.connected_at)
    users = (one.principal.username for one in subscribers)
    rooms = sorted(hub.count_by_room().items())
    return answer(
        {
            "getConnectedCount": len(subscribers),
            "isUserConnected": None if username is None else hub.has_user(username),
            "byTransport": Counter(one.transport for one in subscribers),
            "byUser": Counter(user for user in users if user is not None),
            "rooms": [{"room": room, "members": n_members} for room, n_members in rooms],
            "clients": [one.describe() for one in subscribers],
            "serverTime": to_iso(request.app[CLOCK]()),
        }
    )
