"""Clients that send what is no Socket.IO: it ends their connection, and is a line in the log, not a trace.

The library runs the handlers `connect` and `disconnect` for events that a client names so, takes a list
as it comes for a handler's arguments, and lets whatever its decoders raise go up. Anybody who can reach the
port can send such things, without any proof of who it is.
"""

from __future__ import annotations

from typing import Any

import socketio
import structlog
from aiohttp import web
from engineio import AsyncServer

from goip.realtime.packets import close_connection

log = structlog.get_logger(__name__)

_MOST_ARGUMENTS = 1
"""What any event of the contract carries."""


class GuardedEngine(AsyncServer):  # type: ignore[misc]
    """engine.io that waits for nobody who does not read, and knows a session that has ended."""

    async def handle_request(self, request: web.Request) -> Any:
        """A request of a client; what it sends to a session that we ended is refused like one that never was."""
        sid = request.query.get("sid", "")
        socket = self.sockets.get(sid)
        if socket is not None and socket.closed and request.method == "POST":
            del self.sockets[sid]
        return await super().handle_request(request)

    async def disconnect(self, sid: str | None = None) -> None:
        """Close a connection, or all; the library would wait until the client has read what is queued."""
        ended = list(self.sockets.values()) if sid is None else [self.sockets.get(sid)]
        for socket in ended:
            if socket is not None:
                await close_connection(socket)


class GuardedServer(socketio.AsyncServer):  # type: ignore[misc]
    """The library's server, behind a look at what comes in."""

    def _engineio_server_class(self) -> type[AsyncServer]:
        return GuardedEngine

    async def _handle_eio_message(self, eio_sid: str, data: Any) -> None:
        try:
            await super()._handle_eio_message(eio_sid, data)
        except Exception as error:  # handlers run in tasks of their own: this is the packet's doing
            log.info("socketio.nonsense", error=repr(error)[:200])
            socket = self.eio.sockets.get(eio_sid)
            if socket is not None:
                await close_connection(socket)

    async def _handle_event(self, eio_sid: str, namespace: str | None, id: int | None, data: Any) -> None:
        if not isinstance(data, list) or not data or not isinstance(data[0], str):
            raise ValueError("not an event")
        if data[0] in self.reserved_events:
            raise ValueError(f"{data[0]!r} is no client's event")
        await super()._handle_event(eio_sid, namespace, id, data[: 1 + _MOST_ARGUMENTS])

    async def _handle_event_internal(
        self, server: Any, sid: str, eio_sid: str, data: list[Any], namespace: str, id: int | None
    ) -> None:
        try:
            await super()._handle_event_internal(server, sid, eio_sid, data, namespace, id)
        except Exception:
            if self.manager.is_connected(sid, namespace):  # else it left in the middle, and nobody waits
                log.exception("socketio.defect", socket_event=data[0][:100])
