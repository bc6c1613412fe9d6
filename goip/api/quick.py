"""A short way for the request that comes all the time.

Of a heartbeat's time, more than half was spent on the way to its handler and back: a task, a request, a
response, their headers. Here a request that is as plain as almost every one is begun where aiohttp's parser
hands it out, and answered in one piece when its change is on disk. Whatever is not plain, or is refused, stays
in aiohttp's queue and goes the ordinary way, as if nobody had looked at it: that one decides and says why.
Who floods us with connections is turned away at the same place, where it costs the others least.
It uses private parts of aiohttp's protocol; a test pins each.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import structlog
from aiohttp import HttpVersion11, StreamReader, web
from aiohttp.helpers import rfc822_formatted_time
from aiohttp.http_parser import RawRequestMessage
from aiohttp.web_protocol import RequestHandler

from goip.store.writer import Waiter

log = structlog.get_logger(__name__)

_LONGEST_BODY = 32_768
"""So much of an unread body never makes aiohttp stop reading."""
_HEAD = (
    "HTTP/1.1 %s\r\n"
    "Content-Type: application/json\r\n"
    "Content-Length: %d\r\n"
    "Date: %s\r\n"
    "Server: goip\r\n"
    "Cache-Control: no-store\r\n"
    "X-Content-Type-Options: nosniff\r\n"
    "X-Request-Id: %s\r\n%s\r\n"
)

Answer = Callable[[Any], bytes]
"""The bytes to answer a request with, given its result."""
Begin = Callable[[RawRequestMessage, bytes, str, Waiter[Any]], Answer | None]
"""Begins a request, given its head, its whole body, the peer's address, and whom to tell its result; None for the
ordinary way."""
TurnAway = Callable[[RawRequestMessage, str], bytes | None]
"""What to answer before the connection is closed, given a request's head and the peer's address; None to let it in."""


def answer_of(body: bytes, request_id: str, status: str = "200 OK", more: str = "") -> bytes:
    """An answer with a JSON body, as it is on the wire; `more` are lines of its head, each with its end."""
    head = _HEAD % (status, len(body), rfc822_formatted_time(), request_id, more)
    return head.encode("ascii") + body


def _let_in(_message: RawRequestMessage, _peer: str) -> None:
    """Turns nobody away."""


class QuickRunner(web.AppRunner):
    """aiohttp's runner of an application, with a short way in."""

    def __init__(
        self, app: web.Application, begin: Begin, turn_away: TurnAway = _let_in, **settings: Any
    ) -> None:
        super().__init__(app, **settings)
        self._begin = begin
        self._turn_away = turn_away

    async def _make_server(self) -> web.Server:
        return _Server(await super()._make_server(), self._begin, self._turn_away)


class _Server(web.Server):
    """aiohttp's server, whose connections know the short way."""

    def __init__(self, plain: web.Server, begin: Begin, turn_away: TurnAway) -> None:
        super().__init__(
            plain.request_handler,
            request_factory=plain.request_factory,
            handler_cancellation=plain.handler_cancellation,
            loop=plain._loop,
            **plain._kwargs,
        )
        self._begin = begin
        self.turn_away = turn_away
        self._ready: list[_Handler] = []

    def __call__(self) -> RequestHandler:
        return _Handler(self, self._begin, loop=self._loop, **self._kwargs)

    def begin_soon(self, handler: _Handler) -> None:
        """Begin its request with all that arrive in this turn of the loop: what all need stays in the caches."""
        if not self._ready:
            self._loop.call_soon(self._begin_all)
        self._ready.append(handler)

    def _begin_all(self) -> None:
        ready, self._ready = self._ready, []
        for handler in ready:
            try:
                handler.go_on()
            except Exception:  # the others wait for nobody else to begin them
                log.exception("quick.defect")
                handler.wake()


class _Begun:
    """A request on its way to disk; it is told what becomes of it (see `Waiter`)."""

    __slots__ = ("_handler", "answer")

    def __init__(self, handler: _Handler) -> None:
        self._handler = handler
        self.answer: Answer | None = None

    def done(self) -> bool:
        return False

    def set_result(self, result: Any) -> None:
        assert self.answer is not None  # noqa: S101 - it is there before anybody waits
        try:
            answer = self.answer(result)
        except Exception as defect:
            self._handler.refuse(defect)
            raise
        self._handler.finish(answer)

    def set_exception(self, exception: Exception) -> None:
        self._handler.refuse(exception)


class _Handler(RequestHandler):
    """One connection. While `_begun` is not None, its request stands first in the queue, and nobody else looks."""

    __slots__ = ("_begin", "_begun", "_quick", "refusal")

    def __init__(self, server: _Server, begin: Begin, **settings: Any) -> None:
        super().__init__(server, **settings)
        self._quick = server
        self._begin = begin
        self._begun: _Begun | None = None
        self.refusal: tuple[object, Exception] | None = None  # of the message that it is about

    def data_received(self, data: bytes) -> None:
        waiter, self._waiter = self._waiter, None  # whom the base class would wake
        try:
            super().data_received(data)
        finally:
            self._waiter = waiter
        if self._begun is None and self._messages and not self._turned_away():
            self._quick.begin_soon(self)

    def go_on(self) -> None:
        """Begin what is next in the queue, or wake the ordinary way for it."""
        if self._begun is not None or self._waiter is None or self._waiter.done() or not self._messages:
            return
        body = None if self._paused or not self.peername else _whole_body(*self._messages[0])
        if body is None or not self._begins(body, self.peername[0]):  # type: ignore[index]
            self.wake()

    def _turned_away(self) -> bool:
        """Only who comes anew: nothing that is done here waits for an answer before this one."""
        message = self._messages[0][0]
        if self._request_count > 1 or type(message) is not RawRequestMessage or not self.peername:
            return False
        answer = self._quick.turn_away(message, self.peername[0])
        if answer is None or self.transport is None:
            return False
        self.transport.write(answer)
        self.force_close()
        return True

    def _begins(self, body: bytes, peer: str) -> bool:
        begun = _Begun(self)
        begun.answer = self._begin(self._messages[0][0], body, peer, begun)  # type: ignore[arg-type]
        if begun.answer is None:
            return False
        self._begun = begun
        self._request_in_progress = True
        return True

    def finish(self, answer: bytes) -> None:
        """Answer what was begun."""
        self._begun = None
        self._request_in_progress = False
        self._send(answer)
        if self._close or self._force_close:
            self._end()
        else:
            self.go_on()

    def refuse(self, refusal: Exception) -> None:
        """What was begun was not recorded: the ordinary way says so, and does not try it again."""
        self._begun = None
        self._request_in_progress = False
        if self._close or self._force_close:
            self._end()
        else:
            self.refusal = (self._messages[0][0], refusal)
            self.wake()

    def _end(self) -> None:
        """The server is stopping, and waited for this."""
        if self._handler_waiter is not None:
            self._handler_waiter.set_result(None)
        self.force_close()

    def wake(self) -> None:
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

    def _process_keepalive(self) -> None:
        """Nobody is idle whose request is here; the base class knows only of those that it began."""
        if self._begun is not None or self._messages:
            self._keepalive_handle = self._loop.call_later(self._keepalive_timeout, self._process_keepalive)
        else:
            super()._process_keepalive()

    def close(self) -> None:
        """The server is stopping: the connection goes, but not in the middle of a request."""
        if self._begun is not None:
            self._close = True
            return
        if self._messages:
            self.wake()  # whom the base class would not let go on else
        super().close()


def raise_refusal(request: web.Request) -> None:
    """Raise what became of this request, where it was begun in the short way and not recorded."""
    handler = request.protocol
    if isinstance(handler, _Handler) and handler.refusal is not None:
        (message, refusal), handler.refusal = handler.refusal, None
        if message is request._message:
            raise refusal


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
