"""Socket.IO, at `/api/socket/io` and the library's default path: stock clients, EIO 4.

Each client is a subscriber of the hub. The library keeps the protocol (handshake, pings, acks, polling);
events reach clients as shared batches through its queues.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, Literal, NamedTuple, Protocol

import structlog
from aiohttp import web
from socketio.exceptions import ConnectionRefusedError as Refused

from goip.auth.principals import NOBODY, Principal
from goip.errors import GoipError, InvalidPayload, Unauthorized
from goip.models import DASHBOARD, Cursor, device_room, session_of
from goip.realtime.doors import Place
from goip.realtime.envelope import Batch
from goip.realtime.hearing import Hearing
from goip.realtime.hub import Hub
from goip.realtime.joining import become, join
from goip.realtime.links import untie
from goip.realtime.nonsense import PLACE, GuardedServer
from goip.realtime.packets import PacketBatch, close_connection, event_packet, put, use_batches
from goip.realtime.progress import Jobs
from goip.realtime.replay import History
from goip.realtime.subscriber import NEEDS_LOGIN, NOT_AUTHENTICATED, TOO_SLOW, Subscriber
from goip.wire import Json, dumps
from goip.wirelog.exchange import Exchange, about, showed

log = structlog.get_logger(__name__)

SOCKETIO_PATHS = ("/api/socket/io", "/socket.io")
"""Ours, and the one that stock clients take."""
NAMESPACE = "/"
AUTHENTICATE = "device:authenticate"
_MOST_QUEUED_PACKETS = 64
_FAR_TOO_MANY_QUEUED = 1_024
_AUTHENTICATE_WITHIN_SECONDS = 10.0
_RETURN_WITHIN_SECONDS = 10.0


class Gatekeeper(Protocol):
    """How the transport learns who calls; wired in `app`."""

    def check_origin(self, request: web.Request) -> None:
        """Raises Forbidden for a page of another site that was not named."""

    def enter(self, request: web.Request) -> Place:
        """A place for the connection that this request opens. Raises TooManyRequests."""

    def of_handshake(self, request: web.Request, token: str | None) -> Principal | None:
        """The caller of a handshake: by `token`, header or cookie; None for nobody. Raises Unauthorized."""

    def address_of(self, request: web.Request) -> str:
        """The address of the caller, also behind a proxy."""

    async def of_device(self, device_id: str, key_text: str, address: str | None) -> tuple[Principal, Json]:
        """The device that shows its key, and what `device:registered` tells it. Raises GoipError."""


class ToldByDevice(NamedTuple):
    """An event of a device: `record` commits what it says, and may raise GoipError.

    What it returns is the event's acknowledgement, and told once more as the event `ack`.
    """

    record: Callable[[Principal, object], Awaitable[Json]]
    ack: str


class SocketIoClient(Subscriber):
    """One Socket.IO connection."""

    def __init__(self, sid: str, socket: Any, principal: Principal, end: Callable[[str], None]) -> None:
        super().__init__(principal, "socketio")
        self.sid = sid
        self.wants_frames = False
        self.joining = asyncio.Lock()
        self.cursor: Cursor | None = None
        self._cursor_until = asyncio.get_running_loop().time() + _RETURN_WITHIN_SECONDS
        self.tasks: set[asyncio.Task[None]] = set()
        self.socket = socket
        self._end = end

    @property
    def carrier(self) -> Literal["websocket", "http"]:  # type: ignore[override]  # it may change once
        """A WebSocket, or long-polling until there is one."""
        return "websocket" if self.socket.upgraded else "http"

    @property
    def n_queued(self) -> int:
        """The packets in the library's queue for it."""
        return int(self.socket.queue.qsize())

    def is_writable(self) -> bool:
        """True while the library's queue for this client is short."""
        return bool(self.socket.queue.qsize() < _MOST_QUEUED_PACKETS)

    def write(self, batch: Batch) -> None:
        """Queue a batch, as one frame or as single events."""
        form, encode = ("frame-packet", _frame_packet) if self.wants_frames else ("packets", _event_packets)
        self._put(batch.encoded(form, encode))

    def returning_cursor(self) -> Cursor | None:
        """The cursor of the handshake: good for the joins by which a client comes back, not for later ones."""
        return self.cursor if asyncio.get_running_loop().time() < self._cursor_until else None

    def tell(self, name: str, data: bytes) -> None:
        """Queue one event with JSON data for this client alone."""
        self._put(PacketBatch([event_packet(name, data)]))

    def send_history(self, batch: Batch) -> None:
        """What a join is answered with: what was missed, or the snapshot."""
        if batch.state is None or (self.wants_frames and batch.after is not None):
            self.write(batch)
        else:
            self.tell("state", batch.state)

    def tell_resync(self, cursor: Cursor) -> None:
        """The client lost track of the stream."""
        self.tell("resync", dumps({"reason": "too slow", "cursor": str(cursor)}))

    def close(self, reason: str) -> None:
        """Disconnect the client."""
        self._end(reason)

    def _put(self, packet: PacketBatch) -> None:
        if self.socket.closed or not packet.texts:  # in polling, an empty packet ends a stock client
            return
        is_written = put(self.socket, packet)
        if not is_written and self.n_queued > _FAR_TOO_MANY_QUEUED:  # it asks and asks, and never reads
            self.close(TOO_SLOW)


def _event_packets(batch: Batch) -> PacketBatch:
    return PacketBatch([event_packet(e.event.name, e.data) for e in batch.envelopes])


def _frame_packet(batch: Batch) -> PacketBatch:
    return PacketBatch([event_packet("frame", batch.frame())])


class SocketIoTransport:
    """The Socket.IO server of one node."""

    def __init__(
        self,
        hub: Hub,
        history: History,
        gatekeeper: Gatekeeper,
        told_by_devices: Mapping[str, ToldByDevice],
        jobs: Jobs,
        hearing: Hearing,
    ) -> None:
        self._hub = hub
        self._history = history
        self._gatekeeper = gatekeeper
        self._told_by_devices = told_by_devices
        self._jobs = jobs
        self._hearing = hearing
        self.clients: dict[str, SocketIoClient] = {}
        self.server = GuardedServer(
            async_mode="aiohttp",
            cors_allowed_origins="*",  # `gatekeeper.check_origin` has looked before: one rule for every socket
            max_http_buffer_size=1_000_000,
            http_compression=False,  # it would hold the loop up: `GuardedEngine` does it beside the loop
            logger=False,
            engineio_logger=False,
        )
        use_batches(self.server.eio)
        self._listen()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """A request of an engine.io client: handshake, poll, post or upgrade."""
        self._gatekeeper.check_origin(request)
        if not request.query.get("sid"):
            request[PLACE] = self._gatekeeper.enter(request)
        try:
            response: web.StreamResponse = await self.server.handle_request(request)
            untie(response, request.protocol)
            return response
        finally:
            if PLACE in request:  # no session came of it
                request.pop(PLACE).leave()

    async def stop(self) -> None:
        """Close every connection below Socket.IO: at a farewell of Socket.IO's own a stock client stays away."""
        for socket in tuple(self.server.eio.sockets.values()):
            await close_connection(socket)
        await self.server.shutdown()

    def _listen(self) -> None:
        handlers: dict[str, Callable[..., Awaitable[Any]]] = {
            "connect": self._on_connect,
            "disconnect": self._on_disconnect,
            "join-dashboard": self._on_join_dashboard,
            "join-device-room": self._on_join_device,
            "leave-device-room": self._on_leave_device,
            "subscribe": self._on_subscribe,
            "unsubscribe": self._on_unsubscribe,
            "registerSession": self._on_register_session,
            "ping": self._on_ping,
            AUTHENTICATE: self._on_device_authenticate,
        }
        for name, told in self._told_by_devices.items():
            handlers[name] = partial(self._on_told, name, told)
        for name, handler in handlers.items():
            self.server.on(name, handler, namespace=NAMESPACE)

    async def _on_connect(self, sid: str, environ: Mapping[str, Any], auth: object = None) -> None:
        options = auth if isinstance(auth, dict) else {}
        token = options.get("token")
        try:
            if token is not None and not isinstance(token, str):
                raise Unauthorized("auth.token must be a text")
            principal = self._gatekeeper.of_handshake(environ["aiohttp.request"], token)
            cursor = _cursor(options.get("cursor"))
            eio_sid = self.server.manager.eio_sid_from_sid(sid, NAMESPACE)
            self.server.places[eio_sid].belong_to(principal or NOBODY)
        except GoipError as refusal:
            # One word for every doubtful proof: it is what makes the page renew its token.
            code = Unauthorized.code if isinstance(refusal, Unauthorized) else refusal.code
            raise Refused(refusal.message, {"code": code}) from None
        socket = self.server.eio.sockets[eio_sid]
        client = SocketIoClient(sid, socket, principal or NOBODY, lambda reason: self._end(sid, reason))
        client.cursor = cursor
        client.wants_frames = options.get("frames") is True
        client.address = self._gatekeeper.address_of(environ["aiohttp.request"])
        self.clients[sid] = client
        self._hub.connect(client)
        if principal is None:
            loop = asyncio.get_running_loop()
            loop.call_later(_AUTHENTICATE_WITHIN_SECONDS, self._end_unless_known, client)

    async def _on_disconnect(self, sid: str, _reason: object = None) -> None:
        client = self.clients.pop(sid, None)
        if client is not None:
            self._hub.unsubscribe(client)

    def _end_unless_known(self, client: SocketIoClient) -> None:
        if client.principal is NOBODY and not client.rooms:
            self._end(client.sid, NOT_AUTHENTICATED)

    def _end(self, sid: str, reason: str) -> None:
        client = self.clients.get(sid)
        if client is None:
            return
        log.info("socketio.closed", reason=reason, user=client.principal.username)
        self._hub.unsubscribe(client)
        task = asyncio.create_task(self._hang_up(client, reason))
        client.tasks.add(task)
        task.add_done_callback(client.tasks.discard)

    async def _hang_up(self, client: SocketIoClient, reason: str) -> None:
        """Close the connection itself. A stock client stays away only when it is told so by Socket.IO."""
        if reason in NEEDS_LOGIN:
            await self.server.disconnect(client.sid)
        await close_connection(client.socket)

    async def _on_join_dashboard(self, sid: str, options: object = None) -> Json:
        return await self._join(sid, DASHBOARD, options)

    async def _on_join_device(self, sid: str, target: object = None) -> Json:
        device_id = target.get("deviceId") if isinstance(target, dict) else target
        if not isinstance(device_id, str) or not device_id:
            return _refused(InvalidPayload("deviceId is required"))
        return await self._join(sid, device_room(device_id), target)

    async def _on_subscribe(self, sid: str, target: object = None) -> Json:
        room = target.get("room") if isinstance(target, dict) else target
        if not isinstance(room, str) or not room:
            return _refused(InvalidPayload("room is required"))
        if (session_id := session_of(room)) is not None:
            return await self._on_register_session(sid, session_id)
        return await self._join(sid, room, target, is_looking=True)

    async def _on_register_session(self, sid: str, target: object = None) -> Json:
        session_id = target.get("sessionId") if isinstance(target, dict) else target
        client = self.clients[sid]
        try:
            if not isinstance(session_id, str) or not session_id:
                raise InvalidPayload("sessionId is required")
            if client.principal is NOBODY:
                raise Unauthorized("log in first")
            async with client.joining:
                job = self._jobs.join(client, session_id)
        except GoipError as refusal:
            return _refused(refusal)
        return {"ok": True, "room": job.room, "sessionId": session_id}

    async def _on_ping(self, _sid: str, _data: object = None) -> Json:
        return {"ok": True}

    async def _on_leave_device(self, sid: str, target: object = None) -> Json:
        device_id = target.get("deviceId") if isinstance(target, dict) else target
        return await self._leave(sid, device_room(str(device_id)))

    async def _on_unsubscribe(self, sid: str, target: object = None) -> Json:
        room = target.get("room") if isinstance(target, dict) else target
        return await self._leave(sid, str(room))

    async def _join(self, sid: str, room: str, options: object, *, is_looking: bool = False) -> Json:
        client = self.clients[sid]
        wishes = options if isinstance(options, dict) else {}
        try:
            if client.principal is NOBODY:
                raise Unauthorized("log in first")
            after = _cursor(wishes.get("cursor")) or client.returning_cursor()
            client.wants_frames = client.wants_frames or wishes.get("frames") is True
            async with client.joining:
                batch = await join(self._hub, self._history, client, frozenset((room,)), after)
                client.send_history(batch)
                client.end_replay()
            if is_looking or wishes.get("log") is True:
                client.looks_at.add(room)
        except GoipError as refusal:
            return _refused(refusal)
        finally:
            if sid not in self.clients:  # it left while this was reading
                self._hub.unsubscribe(client)
        return {"ok": True, "room": room, "cursor": str(batch.cursor), "recovered": batch.recovered}

    async def _leave(self, sid: str, room: str) -> Json:
        client = self.clients[sid]
        async with client.joining:
            client.looks_at.discard(room)
            if room in client.rooms:
                self._hub.subscribe(client, client.rooms - {room})
        return {"ok": True, "room": room}

    async def _on_device_authenticate(self, sid: str, proof: object = None) -> Json:
        client = self.clients[sid]
        with self._hearing.of(client, AUTHENTICATE, proof) as exchange:
            answer = await self._authenticate(client, proof, exchange)
            exchange.answer(dumps(answer), "ACK")
        return answer

    async def _authenticate(self, client: SocketIoClient, proof: object, exchange: Exchange) -> Json:
        shown = proof if isinstance(proof, dict) else {}
        device_id, key = shown.get("deviceId"), shown.get("key")
        try:
            if not isinstance(device_id, str) or not isinstance(key, str):
                raise InvalidPayload("deviceId and key are required")
            showed(key)
            principal, told = await self._gatekeeper.of_device(device_id, key, client.address)
            place = self.server.places.get(client.socket.sid)
            if place is None:
                raise Unauthorized("the connection has ended")
            place.belong_to(principal)
        except GoipError as refusal:
            exchange.reason = refusal.message
            return _refused(refusal)
        become(self._hub, client, principal)
        about(str(told["deviceId"]))
        answer = await self._join(client.sid, device_room(str(told["deviceId"])), {})
        registered = dumps(told)
        client.tell("device:registered", registered)
        exchange.answer(registered, "device:registered")
        return answer

    async def _on_told(self, name: str, told: ToldByDevice, sid: str, data: object = None) -> Json:
        client = self.clients[sid]
        with self._hearing.of(client, name, data) as exchange:
            try:
                answer = await told.record(client.principal, data)
            except GoipError as refusal:
                exchange.reason = refusal.message
                answer = {**_refused(refusal), "success": False, "fields": refusal.fields}
            acknowledgement = dumps(answer)
            exchange.answer(acknowledgement, told.ack)
        client.tell(told.ack, acknowledgement)
        return answer


def _refused(refusal: GoipError) -> Json:
    return {"ok": False, "error": refusal.message, "code": refusal.code}


def _cursor(text: object) -> Cursor | None:
    if text is None:
        return None
    if not isinstance(text, str):
        raise InvalidPayload("cursor must be a text", fields={"cursor": ["Not a text."]})
    return Cursor.parse(text)
