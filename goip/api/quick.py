"""The answer of the hottest routes, written in one piece.

Building aiohttp's response (header multidicts, signals, the payload writer) costs more than recording a
heartbeat. For a plain HTTP/1.1 keep-alive request the bytes are known beforehand; anything else gets an
ordinary response.
"""

from __future__ import annotations

from typing import Any

from aiohttp import HttpVersion11, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.helpers import rfc822_formatted_time

_HEAD = (
    "HTTP/1.1 200 OK\r\n"
    "Content-Type: application/json\r\n"
    "Content-Length: %d\r\n"
    "Date: %s\r\n"
    "Server: goip\r\n"
    "Cache-Control: no-store\r\n"
    "X-Content-Type-Options: nosniff\r\n"
    "X-Request-Id: %s\r\n\r\n"
)


class QuickAnswer(web.StreamResponse):
    """200 with a JSON body, for gateways."""

    def __init__(self, body: bytes, request_id: str) -> None:
        # The base class is not initialised: its headers and cookies are what costs.
        self._quick_body = body
        self._request_id = request_id
        self._ordinary: web.Response | None = None

    @property
    def status(self) -> int:
        """Always 200."""
        return 200

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Write everything at once, or begin an ordinary response."""
        transport = request.transport
        if transport is None or request.version != HttpVersion11 or not request.keep_alive:
            headers = {"X-Request-Id": self._request_id}
            body = self._quick_body
            self._ordinary = web.Response(body=body, content_type="application/json", headers=headers)
            return await self._ordinary.prepare(request)
        head = _HEAD % (len(self._quick_body), rfc822_formatted_time(), self._request_id)
        transport.write(head.encode("ascii") + self._quick_body)
        self._keep_alive = True
        self._eof_sent = True
        return None

    async def write_eof(self, data: Any = b"") -> None:
        """Finish the ordinary response, if it came to that."""
        if self._ordinary is not None:
            await self._ordinary.write_eof(data)
            self._keep_alive = self._ordinary.keep_alive
            self._eof_sent = True
