"""Raw WebSocket: one JSON object a message, no library needed on the other side.

In: `{"type": "auth", "token"}`, `{"type": "join", "room", "after", "log"}`, `{"type": "leave", "room"}`,
`{"type": "ping"}`, `{"sessionId"}`. Out: frames, `{"type": "joined", …}`, `{"type": "left", …}`,
`{"type": "pong"}`, `{"type": "error", …}`, `{"type": "resync", …}`, and of sessions `{"type": "progress", …}`,
`{"type": "complete", …}` or `{"type": "error", "sessionId", …}`.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

import orjson
from aiohttp import WSCloseCode, WSMsgType, web
from aiohttp.web_protocol import RequestHandler

from goip.auth.principals import NOBODY, Principal
from goip.errors import GoipError, InvalidPayload, TooManyRequests, Unauthorized
from goip.models import Cursor, session_of
from goip.realtime.doors import TOO_MANY_CONNECTIONS, Place
from goip.realtime.envelope import Batch
from goip.realtime.hub import Hub
from goip.realtime.joining import become, join
from goip.realtime.links import text_frame, untie, write, write_now
from goip.realtime.progress import Jobs
from goip.realtime.replay import History
from goip.realtime.stream import StreamSubscriber
from goip.realtime.subscriber import NEEDS_LOGIN, NOT_AUTHENTICATED
from goip.wire import Json, dumps

WEBSOCKET_PATH = "/api/ws"
AUTHENTICATE_WITHIN_SECONDS = 10.0
PING_EVERY_SECONDS = 25.0
_MOST_BYTES_IN = 65_536
_UNAUTHORIZED = 4401
"""Of the codes that are an application's own (RFC 6455, section 7.4.2): log in before you come back."""
_TOO_MANY = 4429
"""As HTTP's 429."""

Identify = Callable[[str], Principal]


def encode(batch: Batch) -> bytes:
    """A batch as the frame of the contract, in one message."""
    if batch.message is None:
        batch.message = text_frame(batch.frame())
    return batch.message


class WebSocketClient(StreamSubscriber):
    """One raw connection."""

    carrier = "websocket"

    def __init__(self, principal: Principal, link: RequestHandler) -> None:
        super().__init__(principal, "websocket", encode)
        self.link = link

    def deliver(self, batch: Batch) -> bool:
        """As any subscriber does, with fewer steps where nothing waits: a room tells all of its clients by this."""
        if self._is_waiting and not self._queue and self._held_since is None and not self._is_replaying:
            link, transport = self.link, self.link.transport
            if transport is not None and not link._paused and not transport.is_closing():  # see `write_now`
                transport.write(batch.message or encode(batch))
                return True
        return super().deliver(batch)

    def push(self, chunk: bytes) -> None:
        """Send a message of this client's own."""
        super().push(text_frame(chunk))

    def write_now(self, chunk: bytes) -> bool:
        """Send a message without the writer."""
        return write_now(self.link, chunk)

    def tell(self, name: str, data: bytes) -> None:
        """Queue one event: its data with the event's name as the type."""
        self.push(b'{"type":' + dumps(name) + b"," + data[1:])

    def tell_resync(self, cursor: Cursor) -> None:
        """The client lost track of the stream."""
        self.push(dumps({"type": "resync", "reason": "too slow", "cursor": str(cursor)}))


async def serve(
    request: web.Request,
    hub: Hub,
    history: History,
    jobs: Jobs,
    identify: Identify,
    principal: Principal | None,
    place: Place,
    address: str | None = None,
) -> web.WebSocketResponse:
    """Speak with one client, until either side ends it. `identify` turns a token into its principal.

    A binary message is read like a text one: some clients know no other kind.
    """
    socket = web.WebSocketResponse(heartbeat=PING_EVERY_SECONDS, max_msg_size=_MOST_BYTES_IN, compress=False)
    await socket.prepare(request)
    client = WebSocketClient(principal or NOBODY, request.protocol)
    client.abort = request.transport.abort if request.transport is not None else None
    client.address = address
    hub.connect(client)
    conversation = _Conversation(client, hub, history, jobs, identify, place)
    writing = asyncio.create_task(_write(client, socket), name="websocket-writer")
    timer = asyncio.get_running_loop().call_later(AUTHENTICATE_WITHIN_SECONDS, conversation.end_nobody)
    try:
        async for message in socket:
            if message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                await conversation.hear(message.data)
    finally:
        timer.cancel()
        hub.unsubscribe(client)
        client.close("the client is gone")
        writing.cancel()
        with contextlib.suppress(asyncio.CancelledError, ConnectionError):
            await writing
        await socket.close()  # where the connection broke: else its timer holds it, and ends in a cycle
        untie(socket, client.link)
    return socket


async def _write(client: WebSocketClient, socket: web.WebSocketResponse) -> None:
    async def send(chunk: bytes) -> None:
        await write(client.link, chunk)

    await client.drain(send, PING_EVERY_SECONDS, dumps({"type": "ping"}))
    await socket.close(code=_close_code(client.reason), message=(client.reason or "").encode())


def _close_code(reason: str | None) -> int:
    if reason in NEEDS_LOGIN:
        return _UNAUTHORIZED
    return _TOO_MANY if reason == TOO_MANY_CONNECTIONS else WSCloseCode.TRY_AGAIN_LATER


class _Conversation:
    """What one client says, and what it is answered."""

    def __init__(
        self,
        client: WebSocketClient,
        hub: Hub,
        history: History,
        jobs: Jobs,
        identify: Identify,
        place: Place,
    ) -> None:
        self._client = client
        self._hub = hub
        self._history = history
        self._jobs = jobs
        self._identify = identify
        self._place = place

    def end_nobody(self) -> None:
        """Nobody has said who it is."""
        if self._client.principal is NOBODY:
            self._client.close(NOT_AUTHENTICATED)

    async def hear(self, text: str | bytes) -> None:
        """One message of the client."""
        try:
            told = _object(text)
            await self._answer(told)
        except GoipError as refusal:
            self._client.push(dumps(_error(refusal)))

    async def _answer(self, told: Json) -> None:
        client, kind = self._client, told.get("type")
        if kind == "ping":
            client.push(dumps({"type": "pong"}))
        elif kind == "auth":
            self._authenticate(_text(told, "token"))
        elif kind == "join":
            await self._join_any(_text(told, "room"), told.get("after"))
            if told.get("log") is True:
                client.looks_at.add(told["room"])
        elif kind == "leave":
            room = _text(told, "room")
            client.looks_at.discard(room)
            self._hub.subscribe(client, client.rooms - {room})
            client.push(dumps({"type": "left", "room": room}))
        elif kind is None and "sessionId" in told:
            self._join_session(_text(told, "sessionId"))
        else:
            raise InvalidPayload("type must be auth, join, leave or ping", fields={"type": ["Unknown."]})

    def _authenticate(self, token: str) -> None:
        principal = self._identify(token)
        try:
            self._place.belong_to(principal)
        except TooManyRequests as refusal:
            self._client.push(dumps(_error(refusal)))
            self._client.close(TOO_MANY_CONNECTIONS)
            return
        become(self._hub, self._client, principal)
        self._client.push(dumps({"type": "authenticated"}))

    async def _join_any(self, room: str, after: Any) -> None:
        session_id = session_of(room)
        if session_id is None:
            await self._join(room, after)
        else:
            self._join_session(session_id)

    def _join_session(self, session_id: str) -> None:
        client = self._client
        if client.principal is NOBODY:
            raise Unauthorized("authenticate first")
        room = self._jobs.find(client.principal, session_id).room
        client.push(dumps({"type": "joined", "room": room, "sessionId": session_id}))
        self._jobs.join(client, session_id)

    async def _join(self, room: str, after: Any) -> None:
        client = self._client
        if client.principal is NOBODY:
            raise Unauthorized("authenticate first")
        cursor = None if after is None else Cursor.parse(str(after))
        batch = await join(self._hub, self._history, client, frozenset((room,)), cursor)
        answer = {"type": "joined", "room": room, "cursor": str(batch.cursor), "recovered": batch.recovered}
        client.push(dumps(answer))
        client.write(batch)
        client.end_replay()


def _object(text: str | bytes) -> Json:
    try:
        told = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise InvalidPayload(f"not valid JSON: {error}", code="invalid_json") from None
    if not isinstance(told, dict):
        raise InvalidPayload("send a JSON object")
    return told


def _text(told: Json, name: str) -> str:
    value = told.get(name)
    if not isinstance(value, str) or not value:
        raise InvalidPayload(f"{name} is required", fields={name: ["Is required."]})
    return value


def _error(refusal: GoipError) -> Json:
    return {"type": "error", "error": refusal.message, "code": refusal.code, "fields": refusal.fields}
