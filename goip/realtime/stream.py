"""What raw WebSocket and SSE share: a subscriber with a short queue of bytes, and the writer that drains it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

from goip.auth.principals import Principal, authorise_join
from goip.models import Cursor
from goip.realtime.envelope import Batch
from goip.realtime.hub import Hub
from goip.realtime.replay import History
from goip.realtime.subscriber import Subscriber

_MOST_QUEUED = 16


class StreamSubscriber(Subscriber):
    """A client at the end of one open response. `form` names how a batch is encoded for its transport."""

    def __init__(self, principal: Principal, transport: str, encode: Callable[[Batch], bytes]) -> None:
        super().__init__(principal, transport)
        self.reason: str | None = None
        self._encode = encode
        self._queue: deque[bytes] = deque()
        self._wake = asyncio.Event()

    def is_writable(self) -> bool:
        """True while little is queued."""
        return len(self._queue) < _MOST_QUEUED

    def write(self, batch: Batch) -> None:
        """Queue a batch in this transport's form; subscribers to the same rooms share the bytes."""
        self.push(batch.encoded(self.transport, self._encode))

    def push(self, chunk: bytes) -> None:
        """Queue bytes of this client's own."""
        self._queue.append(chunk)
        self._wake.set()

    def close(self, reason: str) -> None:
        """Let the writer send what is queued, and end."""
        self.reason = self.reason or reason
        self._wake.set()

    async def drain(self, send: Callable[[bytes], Awaitable[None]], idle_seconds: float, idle: bytes) -> None:
        """Send what is queued, in order, until closed; `idle` when there was nothing for that long."""
        while True:
            while self._queue:
                await send(self._queue.popleft())
                self.catch_up()
            if self.reason is not None:
                return
            self._wake.clear()
            try:
                async with asyncio.timeout(idle_seconds):
                    await self._wake.wait()
            except TimeoutError:
                await send(idle)


async def join(
    hub: Hub, history: History, client: Subscriber, rooms: frozenset[str], after: Cursor | None
) -> Batch:
    """Listen to more rooms: authorised, then history first, then what comes. Returns the history.

    The caller sends it, and calls `client.end_replay()` after that. Raises Forbidden, Unavailable.
    """
    for room in rooms:
        authorise_join(client.principal, room)
    before = client.rooms
    client.begin_replay()
    try:
        hub.subscribe(client, before | rooms)
        if after is None:
            return history.fresh(rooms, None)
        return await history.missed(rooms, after)
    except BaseException:
        hub.subscribe(client, before)
        client.end_replay()
        raise
