"""What a client says until it is in its room, without a socket: Socket.IO (EIO4 over WebSocket) and raw WebSocket.

Bytes go in, bytes to send come out. It speaks as a stock client does, with our own server and with the Node peers
alike; pings are answered for as long as it is asked.
"""

from __future__ import annotations

import base64
import json
import os
from dataclasses import dataclass
from typing import Any, Literal

from tests.bench.dashboards import client_frame, find_payload

Protocol = Literal["socketio", "websocket"]

_PING, _PONG, _TEXT = 9, 10, 1


@dataclass(frozen=True)
class Talk:
    """Where to go, in which protocol, and as whom; a talk without a token never gets into a room."""

    port: int
    protocol: Protocol
    path: str
    room: str = "dashboard"
    token: str | None = None


class Refused(Exception):
    """The server does not want this client."""


class Talker:
    """One client's side of the conversation. `is_in` says that it has all that comes before the room's events."""

    def __init__(self, talk: Talk) -> None:
        self._talk = talk
        self._buffer = b""
        self._is_upgraded = False
        self.is_in = False

    def hello(self) -> bytes:
        """What to send first."""
        talk = self._talk
        query = "?EIO=4&transport=websocket" if talk.protocol == "socketio" else ""
        key = base64.b64encode(os.urandom(16)).decode()
        return (
            f"GET {talk.path}{query} HTTP/1.1\r\nHost: 127.0.0.1:{talk.port}\r\n"
            f"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: {key}\r\n"
            f"Sec-WebSocket-Version: 13\r\nOrigin: http://127.0.0.1:{talk.port}\r\n\r\n".encode()
        )

    def hear(self, data: bytes) -> bytes:
        """What to answer to what came. Raises Refused."""
        self._buffer += data
        answers = b""
        if not self._is_upgraded:
            if not self._upgrade():
                return b""
            answers = self._begin()
        buffer, at = self._buffer, 0
        while (bounds := find_payload(buffer, at)) is not None:
            answers += self._answer(buffer[at] & 0x0F, buffer[bounds[0] : bounds[1]])
            at = bounds[1]
        self._buffer = buffer[at:]
        return answers

    def _upgrade(self) -> bool:
        head, end, rest = self._buffer.partition(b"\r\n\r\n")
        if not end:
            return False
        if not head.startswith(b"HTTP/1.1 101"):
            raise Refused(head[:300])
        self._is_upgraded, self._buffer = True, rest
        return True

    def _begin(self) -> bytes:
        """In Socket.IO the server speaks first, over a raw WebSocket the client."""
        token = self._talk.token
        if self._talk.protocol == "socketio" or not token:
            return b""
        return client_frame(_json({"type": "auth", "token": token}))

    def _answer(self, opcode: int, payload: bytes) -> bytes:
        if opcode == _PING:
            return client_frame(payload, _PONG)
        if opcode != _TEXT:
            return b""
        say = self._in_socketio if self._talk.protocol == "socketio" else self._in_websocket
        return b"".join(map(client_frame, say(payload)))

    def _in_socketio(self, payload: bytes) -> list[bytes]:
        token, room = self._talk.token, self._talk.room
        if payload == b"2":
            return [b"3"]
        if payload.startswith(b"0{"):
            return [b"40" + (_json({"token": token}) if token else b"")]
        if payload.startswith(b"40") and token:
            return [b"420" + _json(["subscribe", {"room": room}])]
        if payload.startswith(b"430"):
            self.is_in = b'"ok":true' in payload
        if payload.startswith(b"44") or (payload.startswith(b"430") and not self.is_in):
            raise Refused(payload[:300])
        return []

    def _in_websocket(self, payload: bytes) -> list[bytes]:
        if payload.startswith(b'{"type":"authenticated"'):
            return [_json({"type": "join", "room": self._talk.room})]
        if payload.startswith(b'{"type":"error"'):
            raise Refused(payload[:300])
        self.is_in = self.is_in or payload.startswith(
            b'{"after"'
        )  # the room's state is the last of the answer
        return []


def _json(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
