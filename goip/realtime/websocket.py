"""Raw WebSocket: one JSON object a message, no library needed on the other side.

In: `{"type": "auth", "token"}`, `{"type": "join", "room", "after"}`, `{"type": "leave", "room"}`,
`{"type": "ping"}`. Out: frames, `{"type": "joined", …}`, `{"type": "left", …}`, `{"type": "pong"}`,
`{"type": "error", …}`, `{"type": "resync", …}`.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

import orjson
from aiohttp import WSCloseCode, WSMsgType, web

from goip.auth.principals import Principal
from goip.errors import GoipError, InvalidPayload, Unauthorized
from goip.models import Cursor
from goip.realtime.envelope import Batch
from goip.realtime.hub import Hub
from goip.realtime.joining import become, join
from goip.realtime.replay import History
from goip.realtime.stream import StreamSubscriber
from goip.realtime.subscriber import NEEDS_LOGIN, NOT_AUTHENTICATED
from goip.wire import Json, dumps

AUTHENTICATE_WITHIN_SECONDS = 10.0
PING_EVERY_SECONDS = 25.0
_MOST_BYTES_IN = 65_536
_UNAUTHORIZED = 4401
"""Of the codes that are an application's own (RFC 6455, section 7.4.2): log in before you come back."""
NOBODY = Principal(kind="nobody")

Identify = Callable[[str], Principal]


def encode(batch: Batch) -> bytes:
    """A batch as the frame of the contract."""
    return batch.frame()


class WebSocketClient(StreamSubscriber):
    """One raw connection."""

    def __init__(self, principal: Principal) -> None:
        super().__init__(principal, "websocket", encode)

    def tell_resync(self, cursor: Cursor) -> None:
        """The client lost track of the stream."""
        self.push(dumps({"type": "resync", "reason": "too slow", "cursor": str(cursor)}))


async def serve(
    request: web.Request, hub: Hub, history: History, identify: Identify, principal: Principal | None
) -> web.WebSocketResponse:
    """Speak with one client, until either side ends it. `identify` turns a token into its principal."""
    socket = web.WebSocketResponse(heartbeat=PING_EVERY_SECONDS, max_msg_size=_MOST_BYTES_IN, compress=False)
    await socket.prepare(request)
    client = WebSocketClient(principal or NOBODY)
    client.abort = request.transport.abort if request.transport is not None else None
    hub.connect(client)
    conversation = _Conversation(client, hub, history, identify)
    writing = asyncio.create_task(_write(client, socket), name="websocket-writer")
    timer = asyncio.get_running_loop().call_later(AUTHENTICATE_WITHIN_SECONDS, conversation.end_nobody)
    try:
        async for message in socket:
            if message.type is not WSMsgType.TEXT:
                client.push(dumps(_error(InvalidPayload("send JSON as text"))))
                continue
            await conversation.hear(message.data)
    finally:
        timer.cancel()
        hub.unsubscribe(client)
        client.close("the client is gone")
        writing.cancel()
        with contextlib.suppress(asyncio.CancelledError, ConnectionError):
            await writing
    return socket


async def _write(client: WebSocketClient, socket: web.WebSocketResponse) -> None:
    async def send(chunk: bytes) -> None:
        await socket.send_frame(chunk, WSMsgType.TEXT)

    await client.drain(send, PING_EVERY_SECONDS, dumps({"type": "ping"}))
    code = _UNAUTHORIZED if client.reason in NEEDS_LOGIN else WSCloseCode.TRY_AGAIN_LATER
    await socket.close(code=code, message=(client.reason or "").encode())


class _Conversation:
    """What one client says, and what it is answered."""

    def __init__(self, client: WebSocketClient, hub: Hub, history: History, identify: Identify) -> None:
        self._client = client
        self._hub = hub
        self._history = history
        self._identify = identify

    def end_nobody(self) -> None:
        """Nobody has said who it is."""
        if self._client.principal is NOBODY:
            self._client.close(NOT_AUTHENTICATED)

    async def hear(self, text: str) -> None:
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
            become(self._hub, client, self._identify(_text(told, "token")))
            client.push(dumps({"type": "authenticated"}))
        elif kind == "join":
            await self._join(_text(told, "room"), told.get("after"))
        elif kind == "leave":
            room = _text(told, "room")
            self._hub.subscribe(client, client.rooms - {room})
            client.push(dumps({"type": "left", "room": room}))
        else:
            raise InvalidPayload("type must be auth, join, leave or ping", fields={"type": ["Unknown."]})

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


def _object(text: str) -> Json:
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
