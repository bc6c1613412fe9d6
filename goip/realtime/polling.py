"""Long polling: one frame an answer, and the snapshot to begin with."""

from __future__ import annotations

import asyncio
from collections.abc import Collection

from goip.auth.principals import Principal
from goip.models import Cursor
from goip.realtime.envelope import Batch
from goip.realtime.hub import Hub
from goip.realtime.replay import History
from goip.realtime.subscriber import Subscriber


class OneFrame(Subscriber):
    """Listens for the first batch."""

    def __init__(self, principal: Principal) -> None:
        super().__init__(principal, "polling")
        self.arrived: asyncio.Future[Batch | None] = asyncio.get_running_loop().create_future()

    def is_writable(self) -> bool:
        """One batch is all it takes."""
        return not self.arrived.done()

    def write(self, batch: Batch) -> None:
        """The batch that was waited for."""
        if not self.arrived.done():
            self.arrived.set_result(batch)

    def tell_resync(self, cursor: Cursor) -> None:
        """Never behind: its first batch ends it."""

    def close(self, reason: str) -> None:
        """Answer at once, with nothing."""
        if not self.arrived.done():
            self.arrived.set_result(None)


async def next_frame(
    hub: Hub,
    history: History,
    principal: Principal,
    rooms: Collection[str],
    after: Cursor,
    wait_seconds: float,
    address: str | None = None,
) -> Batch:
    """What these rooms had after `after`; waits up to `wait_seconds` for something to happen."""
    listener = OneFrame(principal)
    listener.address = address
    listened_from = hub.subscribe(listener, rooms)
    try:
        missed = await history.missed(rooms, after)
        if missed.envelopes or not missed.recovered:
            return missed
        batch: Batch | None = None
        try:
            async with asyncio.timeout(wait_seconds):
                batch = await listener.arrived
        except TimeoutError:
            pass
        if batch is None:
            return Batch(after, listened_from, (), rooms)
        return Batch(after, batch.cursor, batch.envelopes, rooms)
    finally:
        hub.unsubscribe(listener)
