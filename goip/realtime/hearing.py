"""The wire log of devices that come over a socket: each event of theirs is an exchange, whatever becomes of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from goip.clock import Clock
from goip.realtime.subscriber import Subscriber
from goip.wire import dumps
from goip.wirelog.exchange import NATIVE, Exchange, Keeping, about


class Hearing:
    """Begins an exchange with what a device says, and keeps it by `keeping`."""

    def __init__(self, keeping: Keeping, clock: Clock) -> None:
        self._keeping = keeping
        self._clock = clock

    @contextmanager
    def of(self, client: Subscriber, name: str, said: object) -> Iterator[Exchange]:
        """Within this the event of that name goes on; it is about the device that the client has proved to be."""
        exchange = Exchange(self._clock(), "socketio", NATIVE, client.address or "", _body(said))
        exchange.head = name
        with self._keeping(exchange):
            if client.principal.device_id is not None:
                about(client.principal.device_id, by_key=True)
            yield exchange


def _body(said: object) -> bytes:
    """As JSON, which it was; of what holds binary attachments, that it is none."""
    try:
        return dumps(said)
    except TypeError:
        return b""
