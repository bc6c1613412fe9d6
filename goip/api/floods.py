"""Who opens more sockets than one address may is turned away before a request is made of it.

`Doors.enter` refuses the same connections for the same reasons; but by then aiohttp has made two tasks, a request
and a response, and in a flood it is the others who wait for that.
"""

from __future__ import annotations

from aiohttp import web
from aiohttp.http_parser import RawRequestMessage

from goip.api.appkeys import CONFIG, DOORS
from goip.api.callers import caller_address
from goip.api.middleware import error_body, request_id_of
from goip.api.quick import TurnAway, answer_of
from goip.errors import TooManyRequests
from goip.realtime.socketio import SOCKETIO_PATHS
from goip.realtime.websocket import WEBSOCKET_PATH
from goip.wire import dumps

_SOCKET_PATHS = {WEBSOCKET_PATH, *SOCKETIO_PATHS}


def turn_away(app: web.Application) -> TurnAway:
    """What a server does with floods."""
    doors, config = app[DOORS], app[CONFIG]

    def refuse(message: RawRequestMessage, peer: str) -> bytes | None:
        headers = message.headers
        if not _opens_socket(message) or (config.allowed_origins and "Origin" in headers):
            return None  # to a page of another site the ordinary way says that it may read the refusal
        try:
            doors.check(caller_address(peer, headers, config.trusted_proxies))
        except TooManyRequests as refusal:
            request_id = request_id_of(headers)
            again = f"Retry-After: {refusal.retry_after_seconds}\r\nConnection: close\r\n"
            body = dumps(error_body(refusal, request_id))
            return answer_of(body, request_id, "429 Too Many Requests", again)
        return None

    return refuse


def _opens_socket(message: RawRequestMessage) -> bool:
    """True for a WebSocket, and for the handshake of a Socket.IO client: what belongs to a session names it."""
    path, _, query = message.path.partition("?")
    return path.rstrip("/") in _SOCKET_PATHS and "sid=" not in query
