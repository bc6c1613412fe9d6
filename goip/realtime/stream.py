"""What raw WebSocket and SSE share: a subscriber with a short queue of bytes, and the writer that drains it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

from goip.auth.principals import Principal
from goip.realtime.envelope import Batch
from goip.realtime.subscriber import TOO_SLOW, Subscriber

_MOST_QUEUED = 16
_FAR_TOO_MANY_QUEUED = 512
_GRACE_SECONDS = 2.0


class StreamSubscriber(Subscriber):
    """A client at the end of one open response. `form` names how a batch is encoded for its transport."""

    def __init__(self, principal: Principal, transport: str, encode: Callable[[Batch], bytes]) -> None:
        super().__init__(principal, transport)
        self.reason: str | None = None
        self.abort: Callable[[], None] | None = None
        self._encode = encode
        self._queue: deque[bytes] = deque()
        self._wake = asyncio.Event()
        self._is_waiting = False

    def is_writable(self) -> bool:
        """True while little is queued."""
        return len(self._queue) < _MOST_QUEUED

    @property
    def n_queued(self) -> int:
        """The pieces in its queue."""
        return len(self._queue)

    def write(self, batch: Batch) -> None:
        """Queue a batch in this transport's form; subscribers to the same rooms share the bytes."""
        self._put(batch.encoded(self.transport, self._encode))

    def push(self, chunk: bytes) -> None:
        """Send something of this client's own, after all before; one that asks and asks and never reads is closed."""
        self._put(chunk)

    def _put(self, chunk: bytes) -> None:
        if self._is_waiting and not self._queue and self.write_now(chunk):
            return
        self._queue.append(chunk)
        self._wake.set()
        if len(self._queue) > _FAR_TOO_MANY_QUEUED:
            self.close(TOO_SLOW)

    def write_now(self, chunk: bytes) -> bool:
        """Send bytes without the writer, which waits with an empty queue; False where that cannot be done."""
        return False

    def close(self, reason: str) -> None:
        """Let the writer send what is queued, and end; a client that does not read is cut off soon."""
        if self.reason is not None:
            return
        self.reason = reason
        self._wake.set()
        if self.abort is not None:
            asyncio.get_running_loop().call_later(_GRACE_SECONDS, self.abort)

    async def drain(self, send: Callable[[bytes], Awaitable[None]], idle_seconds: float, idle: bytes) -> None:
        """Send what is queued, in order, until closed; `idle` when nothing was queued for that long."""
        while True:
            while self._queue:
                await send(self._queue.popleft())
                self.catch_up()
            if self.reason is not None:
                return
            self._wake.clear()
            self._is_waiting = True
            try:
                async with asyncio.timeout(idle_seconds):
                    await self._wake.wait()
            except TimeoutError:
                self.push(idle)
            finally:
                self._is_waiting = False
