"""Many Socket.IO packets in one piece: how engine.io is made to carry a batch at the cost of one message.

python-engineio writes packet by packet and encodes for each client. A WebSocket server's frames are not
masked, so the framed bytes of a batch serve every client, and packets may follow each other in one write;
in long-polling a payload is just packets with a separator between. `PacketBatch` travels through the
library's own queue like any packet, so order holds; `BatchWebSocket` is the one place that knows better
than to encode it again. Both lean on library internals: `tests/realtime/test_packets.py` pins them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import cached_property
from typing import Any

from aiohttp.web import WebSocketResponse
from engineio import AsyncServer
from engineio.async_drivers.aiohttp import WebSocket
from engineio.async_socket import AsyncSocket
from engineio.packet import MESSAGE, Packet, packet_names

from goip.wire import dumps

_GRACE_SECONDS = 2.0
_TEXT_FRAME = 0x81
_PAYLOAD_SEPARATOR = b"\x1e"
_EVENT = b"42["
"""An engine.io message (4) that is a Socket.IO event (2) of the default namespace."""


def event_packet(name: str, data: bytes) -> bytes:
    """One event with JSON data, as the text of an engine.io packet."""
    return _EVENT + dumps(name) + b"," + data + b"]"


class PacketBatch(Packet):  # type: ignore[misc]
    """Several encoded packets under the looks of one."""

    def __init__(self, texts: Sequence[bytes]) -> None:
        super().__init__(MESSAGE)
        self.texts = texts

    @cached_property
    def framed(self) -> bytes:
        """The WebSocket text frames of all packets."""
        return b"".join(part for text in self.texts for part in (_frame_head(len(text)), text))

    @cached_property
    def payload(self) -> str:
        """The packets as a part of a long-polling payload."""
        return _PAYLOAD_SEPARATOR.join(self.texts).decode()

    def encode(self, b64: bool = False) -> Any:
        """For long-polling (`b64`) the text; for a WebSocket the batch itself: the socket knows what to do."""
        return self.payload if b64 else self


def _frame_head(length: int) -> bytes:
    """The header of an unmasked, final text frame (RFC 6455, section 5.2)."""
    if length < 126:
        return bytes((_TEXT_FRAME, length))
    if length < 65_536:
        return bytes((_TEXT_FRAME, 126)) + length.to_bytes(2, "big")
    return bytes((_TEXT_FRAME, 127)) + length.to_bytes(8, "big")


class BatchWebSocket(WebSocket):  # type: ignore[misc]
    """engine.io's WebSocket, without compression and with batches written whole.

    Compression costs half the speed and 140 KB a client; what is sent is small and often.
    """

    async def __call__(self, environ: dict[str, Any]) -> WebSocketResponse:
        """Upgrade the request, and serve until the end of the connection."""
        self._sock: WebSocketResponse = WebSocketResponse(
            max_msg_size=self.server.max_http_buffer_size, compress=False
        )
        request = environ["aiohttp.request"]
        await self._sock.prepare(request)
        self.environ = environ
        # `close_connection` finds here how to end a client that never reads.
        self.handler.__self__.cut = request.transport.abort if request.transport is not None else None
        await self.handler(self)
        return self._sock

    async def wait(self) -> Any:
        """The next message, which is a packet. Raises ConnectionError for anything else: it ends the connection."""
        data = await super().wait()
        try:
            is_known = Packet(encoded_packet=data).packet_type < len(packet_names)
        except (ValueError, IndexError, RecursionError):
            is_known = False
        if not is_known:
            raise ConnectionError("not a packet of engine.io")
        return data

    async def send(self, message: Any) -> None:
        """Send a message, or a batch in one write; waits while the client's buffer is full."""
        if not isinstance(message, PacketBatch):
            await super().send(message)
            return
        writer = getattr(self._sock, "_writer", None)
        if writer is None or not hasattr(writer, "transport"):
            for text in message.texts:
                await super().send(text.decode())
            return
        if writer.transport.is_closing():
            raise ConnectionResetError("the client is gone")
        writer.transport.write(message.framed)
        await writer.protocol._drain_helper()


async def close_connection(socket: AsyncSocket) -> None:
    """Close an engine.io connection; the None ends its writer, and with it the request behind it.

    A client that does not read is not ended by asking: its link is cut after a while.
    """
    await socket.close(wait=False)
    socket.queue.put_nowait(None)
    cut = getattr(socket, "cut", None)
    if cut is not None:
        asyncio.get_running_loop().call_later(_GRACE_SECONDS, cut)


def use_batches(server: AsyncServer) -> None:
    """Let this engine.io server send `PacketBatch`es."""
    server._async = {**server._async, "websocket": BatchWebSocket}
