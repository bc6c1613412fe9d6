"""A short way for the request that comes all the time.

Of a heartbeat's time, more than half was spent on the way to its handler and back: a task, a request, a
response, their headers. Here a request that is as plain as almost every one is begun where aiohttp's parser
hands it out, and answered in one piece when its change is on disk. Whatever is not plain, or is refused, stays
in aiohttp's queue and goes the ordinary way, as if nobody had looked at it: that one decides and says why.
It uses private parts of aiohttp's protocol; a test pins each.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, NamedTuple

from aiohttp import HttpVersion11, StreamReader, web
from aiohttp.helpers import rfc822_formatted_time
from aiohttp.http_parser import RawRequestMessage
from aiohttp.web_protocol import RequestHandler

_LONGEST_BODY = 32_768
"""So much of an unread body never makes aiohttp stop reading."""
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


class Begun(NamedTuple):
    """A request on its way to disk: what is waited for, and the bytes to answer with when it is there."""

    result: asyncio.Future[Any]
    answer: Callable[[Any], bytes]


Begin = Callable[[RawRequestMessage, bytes, str], Begun | None]
"""Begins a request, given its head, its whole body and the peer's address; None for the ordinary way."""


def answer_of(body: bytes, request_id: str) -> bytes:
    """200 with a JSON body, as it is on the wire."""
    return (_HEAD % (len(body), rfc822_formatted_time(), request_id)).encode("ascii") + body


class QuickRunner(web.AppRunner):
    """aiohttp's runner of an application, with a short way in."""

    def __init__(self, app: web.Application, begin: Begin, **settings: Any) -> None:
        super().__init__(app, **settings)
        self._begin = begin

    async def _make_server(self) -> web.Server:
        return _Server(await super()._make_server(), self._begin)


class _Server(web.Server):
    """aiohttp's server, whose connections know the short way."""

    def __init__(self, plain: web.Server, begin: Begin) -> None:
        super().__init__(
            plain.request_handler,
            request_factory=plain.request_factory,
            handler_cancellation=plain.handler_cancellation,
            loop=plain._loop,
            **plain._kwargs,
        )
        self._begin = begin

    def __call__(self) -> RequestHandler:
        return _Handler(self._begin, self, loop=self._loop, **self._kwargs)


class _Handler(RequestHandler):
    """One connection. While `_begun` is not None, its request stands first in the queue, and nobody else looks."""

    __slots__ = ("_begin", "_begun")

    def __init__(self, begin: Begin, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self._begin = begin
        self._begun: Begun | None = None

    def data_received(self, data: bytes) -> None:
        waiter, self._waiter = self._waiter, None  # whom the base class would wake
        try:
            super().data_received(data)
        finally:
            self._waiter = waiter
        self._go_on()

    def _go_on(self) -> None:
        """Begin what is next in the queue, or wake the ordinary way for it."""
        if self._begun is not None or self._waiter is None or self._waiter.done() or not self._messages:
            return
        body = None if self._paused else _whole_body(*self._messages[0])
        if body is not None:
            self._begun = self._begin(self._messages[0][0], body, self.peername[0])  # type: ignore[arg-type, index]
        if self._begun is None:
            self._wake()
            return
        self._request_in_progress = True
        self._begun.result.add_done_callback(self._finish)

    def _finish(self, result: asyncio.Future[Any]) -> None:
        begun, self._begun = self._begun, None
        self._request_in_progress = False
        is_good = not result.cancelled() and result.exception() is None
        if begun is not None and is_good:
            self._send(begun.answer(result.result()))
        if self._close or self._force_close:
            self._end()
        elif is_good:
            self._go_on()
        else:
            self._wake()  # it is tried again there, and refused in words

    def _end(self) -> None:
        """The server is stopping, and waited for this."""
        if self._handler_waiter is not None:
            self._handler_waiter.set_result(None)
        self.force_close()

    def _wake(self) -> None:
        """Let the ordinary way go on, if it still waits."""
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _send(self, answer: bytes) -> None:
        """Answer the first in the queue, and take it from there as aiohttp's own loop does."""
        if self.transport is None or self._manager is None or self._parser is None:
            return  # the client is gone
        self.transport.write(answer)
        self._manager.requests_count += 1
        self._messages.popleft()
        self._parser.message_consumed()
        if self._buffer_paused and len(self._messages) <= self._msg_queue_resume_size:
            self._resume_reading_if_drained()
        self._next_keepalive_close_time = at = self._loop.time() + self._keepalive_timeout
        if self._keepalive_handle is None:
            self._keepalive_handle = self._loop.call_at(at, self._process_keepalive)

    def close(self) -> None:
        """The server is stopping: the connection goes, but not in the middle of a request."""
        if self._begun is None:
            super().close()
        else:
            self._close = True


def _whole_body(message: Any, payload: Any) -> bytes | None:
    """The body of a plain request, left where it is; None where it is not plain, or not here yet."""
    if (
        type(message) is not RawRequestMessage
        or message.version != HttpVersion11
        or message.should_close
        or message.upgrade
        or message.compression
        or type(payload) is not StreamReader
        or not payload.is_eof()
        or len(payload._buffer) != 1
    ):
        return None
    body: bytes = payload._buffer[0]
    return body if len(body) <= _LONGEST_BODY else None
