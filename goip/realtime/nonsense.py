"""Clients that send what is no Socket.IO, or open a session and do nothing with it.

It ends their connection, and is a line in the log, not a trace. The library runs the handlers `connect` and
`disconnect` for events that a client names so, takes a list as it comes for a handler's arguments, keeps the
parts of a binary event for as long as the others do not come, and lets whatever its decoders raise go up.
Anybody who can reach the port can send such things, without any proof of who it is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import socketio
import structlog
from aiohttp import web
from engineio import AsyncServer
from socketio.packet import ACK, BINARY_ACK, BINARY_EVENT

from goip.errors import Conflict
from goip.realtime.doors import Place
from goip.realtime.packets import close_connection
from goip.realtime.posts import POSTED, read_whole

log = structlog.get_logger(__name__)

CONNECT_WITHIN_SECONDS = 10.0
PLACE = web.RequestKey("place", Place)
"""On the request of a handshake: the place that its session will hold."""

_MOST_ARGUMENTS = 1
"""What any event of the contract carries."""
_MOST_ATTACHMENTS = 16
_COMPRESS_FROM_BYTES = 1_024
_NO_BINARY = {"ok": False, "error": "no event takes a binary payload: send JSON", "code": "binary_payload"}


class GuardedEngine(AsyncServer):  # type: ignore[misc]
    """engine.io that waits for nobody who does not read, and knows a session that has ended."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._polled: set[str] = set()

    async def handle_request(self, request: web.Request) -> Any:
        """A request of a client; what it sends to a session that we ended is refused like one that never was."""
        sid = request.query.get("sid", "")
        socket = self.sockets.get(sid)
        if socket is not None and request.method == "POST":
            if socket.closed:
                del self.sockets[sid]
            else:
                await self._read_post(request, socket)
        is_poll = request.method == "GET" and socket is not None and not _is_upgrade(request)
        response = await (self._poll(request, sid) if is_poll else super().handle_request(request))
        is_whole = isinstance(response, web.Response) and isinstance(response.body, bytes)
        if is_whole and len(response.body) >= _COMPRESS_FROM_BYTES:
            response.enable_compression()
        return response

    async def _read_post(self, request: web.Request, socket: Any) -> None:
        try:
            request[POSTED] = await read_whole(
                request, min(self.max_http_buffer_size, request.client_max_size)
            )
        except Exception:
            await close_connection(socket)
            raise

    async def _poll(self, request: web.Request, sid: str) -> Any:
        """One at a time for each session, as the protocol has it: a second one would take packets from the first."""
        if sid in self._polled:
            await self.disconnect(sid)
            raise Conflict("this session is being polled already")
        self._polled.add(sid)
        try:
            return await super().handle_request(request)
        finally:
            self._polled.discard(sid)

    async def disconnect(self, sid: str | None = None) -> None:
        """Close a connection, or all; the library would wait until the client has read what is queued."""
        ended = list(self.sockets.values()) if sid is None else [self.sockets.get(sid)]
        for socket in ended:
            if socket is not None:
                await close_connection(socket)


def _is_upgrade(request: web.Request) -> bool:
    words = (word.strip().lower() for word in request.headers.get("Connection", "").split(","))
    return "upgrade" in words and request.headers.get("Upgrade", "").lower() == "websocket"


class GuardedServer(socketio.AsyncServer):  # type: ignore[misc]
    """The library's server, behind a look at what comes in. `places` are those of the open sessions."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.places: dict[str, Place] = {}
        self._n_attachments_due: dict[str, int] = {}
        self._closing: set[asyncio.Task[None]] = set()

    def _engineio_server_class(self) -> type[AsyncServer]:
        return GuardedEngine

    # ---- sessions ----

    async def _handle_eio_connect(self, eio_sid: str, environ: Mapping[str, Any]) -> bool:
        place = environ["aiohttp.request"].pop(PLACE, None)
        if place is None:
            return False
        self.places[eio_sid] = place
        await super()._handle_eio_connect(eio_sid, environ)
        self._end_unless_connected_soon(eio_sid)
        return True

    async def _handle_eio_disconnect(self, eio_sid: str, reason: str) -> None:
        await super()._handle_eio_disconnect(eio_sid, reason)
        socket = self.eio.sockets.pop(eio_sid, None)  # else it stays until the library looks for silent ones
        if socket is not None and reason == self.eio.reason.CLIENT_DISCONNECT:
            socket.queue.put_nowait(None)  # ends a poll that waits: nothing comes any more
        self._n_attachments_due.pop(eio_sid, None)
        place = self.places.pop(eio_sid, None)
        if place is not None:
            place.leave()

    async def _handle_disconnect(
        self, eio_sid: str, namespace: str | None, reason: str | None = None
    ) -> None:
        await super()._handle_disconnect(eio_sid, namespace, reason)
        self._end_unless_connected_soon(eio_sid)

    def _end_unless_connected_soon(self, eio_sid: str) -> None:
        asyncio.get_running_loop().call_later(CONNECT_WITHIN_SECONDS, self._end_unless_connected, eio_sid)

    def _end_unless_connected(self, eio_sid: str) -> None:
        socket = self.eio.sockets.get(eio_sid)
        if socket is None or self.manager.sid_from_eio_sid(eio_sid, "/") is not None:
            return
        log.info("socketio.closed", reason="not connected")
        task = asyncio.create_task(close_connection(socket))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    # ---- packets ----

    async def _handle_eio_message(self, eio_sid: str, data: Any) -> None:
        if eio_sid not in self.environ:
            return  # it ended while this waited for its turn
        try:
            if eio_sid in self._n_attachments_due or not isinstance(data, str):
                self._drop_attachment(eio_sid, data)
            elif data[:1] in (str(BINARY_EVENT), str(BINARY_ACK)):
                await self._refuse_binary(eio_sid, data)
            else:
                await super()._handle_eio_message(eio_sid, data)
        except Exception as error:  # handlers run in tasks of their own: this is the packet's doing
            log.info("socketio.nonsense", error=repr(error)[:200])
            socket = self.eio.sockets.get(eio_sid)
            if socket is not None:
                await close_connection(socket)

    async def _refuse_binary(self, eio_sid: str, text: str) -> None:
        """Say no, and forget the attachments one by one as they come: nothing is kept of them."""
        packet = self.packet_class(encoded_packet=text)
        sid = self.manager.sid_from_eio_sid(eio_sid, packet.namespace or "/")
        if not 0 < packet.attachment_count <= _MOST_ATTACHMENTS or sid is None:
            raise ValueError("not a binary packet that a client would send")
        self._n_attachments_due[eio_sid] = packet.attachment_count
        if packet.packet_type == BINARY_EVENT and packet.id is not None:
            ack = self.packet_class(ACK, namespace=packet.namespace, id=packet.id, data=[_NO_BINARY])
            await self._send_packet(eio_sid, ack)

    def _drop_attachment(self, eio_sid: str, data: Any) -> None:
        n_due = self._n_attachments_due.pop(eio_sid, 0)
        if not n_due or isinstance(data, str):
            raise ValueError("an attachment that nothing announced, or none where one was")
        if n_due > 1:
            self._n_attachments_due[eio_sid] = n_due - 1

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
