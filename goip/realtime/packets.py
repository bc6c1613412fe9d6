"""Many Socket.IO packets in one piece: how engine.io is made to carry a batch at the cost of one message.

python-engineio writes packet by packet and encodes for each client. A WebSocket server's frames are not
masked, so the framed bytes of a batch serve every client, and packets may follow each other in one write;
in long-polling a payload is just packets with a separator between. `PacketBatch` travels through the
library's own queue like any packet, so order holds; `BatchWebSocket` is the one place that knows better
than to encode it again. A client for whom nothing is queued, and whose writer waits for work, is written to
at once (`put`): waking the writer would cost four times as much as the writing. All of it leans on library
internals: `tests/realtime/test_packets.py` pins them.
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

from goip.realtime.links import frame_head, write_now
from goip.realtime.posts import translate_request
from goip.wire import dumps

UPGRADE_WITHIN_SECONDS = 10.0
_GRACE_SECONDS = 2.0
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
        return b"".join(part for text in self.texts for part in (frame_head(len(text)), text))

    @cached_property
    def payload(self) -> str:
        """The packets as a part of a long-polling payload."""
        return _PAYLOAD_SEPARATOR.join(self.texts).decode()

    def encode(self, b64: bool = False) -> Any:
        """For long-polling (`b64`) the text; for a WebSocket the batch itself: the socket knows what to do."""
        return self.payload if b64 else self


class BatchWebSocket(WebSocket):  # type: ignore[misc]
    """engine.io's WebSocket, without compression and with batches written whole.

    Compression costs half the speed and 140 KB a client; what is sent is small and often.
    """

    async def __call__(self, environ: dict[str, Any]) -> WebSocketResponse | dict[str, Any]:
        """Upgrade the request, and serve until the end of the connection."""
        session = self.handler.__self__
        if session.upgrading:  # each would wait for the other's packets
            refusal: dict[str, Any] = self.server._bad_request("this session is being upgraded already")
            return refusal
        self._sock: WebSocketResponse = WebSocketResponse(
            max_msg_size=self.server.max_http_buffer_size, compress=False
        )
        request = environ["aiohttp.request"]
        await self._sock.prepare(request)
        self.environ = environ
        # `close_connection` finds here how to end a client that never reads, and `put` how to write to one.
        session.cut = request.transport.abort if request.transport is not None else None
        session.link = request.protocol
        try:
            await self.handler(self)
        finally:
            session.upgrading = False  # else the polling that goes on would never be told anything
        return self._sock

    async def wait(self) -> Any:
        """The next message, which is a packet. Raises ConnectionError for anything else: it ends the connection."""
        data = await self._wait_for_data()
        try:
            is_known = Packet(encoded_packet=data).packet_type < len(packet_names)
        except (ValueError, IndexError, RecursionError):
            is_known = False
        if not is_known:
            raise ConnectionError("not a packet of engine.io")
        return data

    async def _wait_for_data(self) -> Any:
        if self.handler.__self__.upgraded:
            return await super().wait()
        try:
            async with asyncio.timeout(UPGRADE_WITHIN_SECONDS):
                return await super().wait()
        except TimeoutError:
            raise ConnectionError("the upgrade does not go on") from None

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


def put(socket: AsyncSocket, batch: PacketBatch) -> bool:
    """Send a batch to a client, after all that was sent to it before; does not block. True when it is written.

    Over a WebSocket whose writer has written all that was queued it is written at once: then, and only then, the
    writer waits at the queue. Else it is queued.
    """
    queue = socket.queue
    is_writer_waiting = socket.upgraded and queue.empty() and bool(getattr(queue, "_getters", None))
    if is_writer_waiting and write_now(socket.link, batch.framed):
        return True
    queue.put_nowait(batch)
    return False


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
    """Let this engine.io server send `PacketBatch`es, and read the bodies that `posts` has read."""
    server._async = {**server._async, "websocket": BatchWebSocket, "translate_request": translate_request}
