"""An exchange: one thing that a gateway said, whom it is about, what became of it, and what it was answered.

Whoever listens begins one, and whoever speaks first one in which nothing was heard. What goes on because of it says
here what it learns, by `about`, `taken`, `refused`, `answered` and `showed`; where no exchange is going on these mean
nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar

from goip.wirelog.frames import Transport, Verdict

NATIVE = "http"
"""The make of what comes in goip's own format."""
_MOST_DEVICES = 8
_MOST_ANSWERS = 4


class Exchange:
    """What is known of it so far. `at` is in ms since the epoch; `secrets` are what it showed to prove itself.

    `body` is None where nothing was heard.
    """

    __slots__ = (
        "address",
        "answers",
        "at",
        "body",
        "device_ids",
        "head",
        "is_over",
        "is_taken",
        "key_device_id",
        "make",
        "reason",
        "secrets",
        "transport",
    )

    def __init__(
        self, at: int, transport: Transport, make: str, address: str, body: bytes | None = b""
    ) -> None:
        self.at = at
        self.transport = transport
        self.make = make
        self.address = address
        self.body = body
        self.head: str | None = None
        self.secrets: set[str] = set()
        self.device_ids: list[str] = []
        self.key_device_id: str | None = None
        self.reason: str | None = None
        self.is_taken = False
        self.is_over = False
        self.answers: list[tuple[str | None, bytes]] = []

    @property
    def verdict(self) -> Verdict:
        """What became of it."""
        if not (self.answers or self.is_taken):
            return "ignored"
        return "accepted" if self.reason is None else "refused"

    def answer(self, body: bytes, head: str | None = None) -> None:
        """It was answered so; of many answers the first are kept."""
        if len(self.answers) < _MOST_ANSWERS:
            self.answers.append((head, body))


Keeping = Callable[[Exchange], AbstractContextManager[object]]
"""Keeps what becomes of an exchange within it."""

_CURRENT: ContextVar[Exchange | None] = ContextVar("exchange", default=None)


@contextmanager
def going_on(exchange: Exchange) -> Iterator[None]:
    """Within this, and the tasks that begin in it, that exchange is the one that goes on."""
    token = _CURRENT.set(exchange)
    try:
        yield
    finally:
        exchange.is_over = True  # for tasks and timers that outlive it
        _CURRENT.reset(token)


def is_going_on() -> bool:
    """True where what happens now belongs to an exchange."""
    return _current() is not None


def about(device_id: str, *, by_key: bool = False) -> None:
    """It is about this device, for which its key is good; `by_key` when that key is the device's own."""
    exchange = _current()
    if exchange is None:
        return
    if by_key:
        exchange.key_device_id = device_id
    if device_id not in exchange.device_ids and len(exchange.device_ids) < _MOST_DEVICES:
        exchange.device_ids.append(device_id)


def taken() -> None:
    """It is taken, though it wants no answer."""
    exchange = _current()
    if exchange is not None:
        exchange.is_taken = True


def refused(reason: str) -> None:
    """It is not taken."""
    exchange = _current()
    if exchange is not None:
        exchange.reason = reason


def answered(body: bytes) -> None:
    """It was answered so."""
    exchange = _current()
    if exchange is not None:
        exchange.answer(body)


def showed(secret: str) -> None:
    """It showed this to prove itself."""
    exchange = _current()
    if exchange is not None and secret:
        exchange.secrets.add(secret)


def _current() -> Exchange | None:
    exchange = _CURRENT.get()
    return None if exchange is None or exchange.is_over else exchange
