"""A client's connection below the transports: frames written at once into its buffer, and its end."""

from __future__ import annotations

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

_TEXT_FRAME = 0x81


def frame_head(length: int) -> bytes:
    """The header of an unmasked, final text frame (RFC 6455, section 5.2)."""
    if length < 126:
        return bytes((_TEXT_FRAME, length))
    if length < 65_536:
        return bytes((_TEXT_FRAME, 126)) + length.to_bytes(2, "big")
    return bytes((_TEXT_FRAME, 127)) + length.to_bytes(8, "big")


def text_frame(text: bytes) -> bytes:
    """A WebSocket message as a server sends it; the same bytes serve every client."""
    return frame_head(len(text)) + text


def write_now(link: RequestHandler, data: bytes) -> bool:
    """Write to a client, if its buffer has room; False, and nothing is written, when it is full or the client gone.

    For those who know that nothing else waits to be sent before: waking a task to write what could have been
    written here costs four times as much as the writing.
    """
    transport = link.transport
    if transport is None or link._paused or transport.is_closing():  # the public property is a call
        return False
    transport.write(data)
    return True


async def write(link: RequestHandler, data: bytes) -> None:
    """Write to a client, and wait while its buffer is full. Raises ConnectionError when the client is gone."""
    transport = link.transport
    if transport is None or transport.is_closing():
        raise ConnectionResetError("the client is gone")
    transport.write(data)
    await link._drain_helper()


def untie(response: web.StreamResponse, link: RequestHandler) -> None:
    """For the end of a WebSocket: it is held by what it holds, its connection and the trace of what broke it.

    Nobody but the collector of cycles would ever free that, and the loop stands still while it looks.
    """
    link._data_received_cb = None
    if isinstance(response, web.WebSocketResponse) and (trouble := response.exception()) is not None:
        trouble.__traceback__ = trouble.__context__ = trouble.__cause__ = None
