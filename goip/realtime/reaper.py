"""Live connections end with what let them in: a token that runs out, a login or a key that is revoked."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence

import structlog

from goip.clock import Clock
from goip.errors import GoipError
from goip.realtime.hub import Hub
from goip.realtime.subscriber import EXPIRED, KEY_REVOKED, LOGGED_OUT
from goip.store.keys import Key

log = structlog.get_logger(__name__)

_LOOK_EVERY_SECONDS = 2.0


class Reaper:
    """Looks every two seconds for tokens that ran out; revocations are acted on at once.

    `catch_ups` are awaited at each look: they learn what other processes (the `goip` command) revoked.
    """

    def __init__(
        self, hub: Hub, clock: Clock, catch_ups: Sequence[Callable[[], Awaitable[None]]] = ()
    ) -> None:
        self._hub = hub
        self._clock = clock
        self._catch_ups = catch_ups
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin to look; a database that does not answer a catch-up keeps no token alive."""
        self._tasks = [
            asyncio.create_task(self._end_expired(), name="reaper"),
            asyncio.create_task(self._catch_up(), name="reaper-catch-up"),
        ]

    async def stop(self) -> None:
        """Stop looking."""
        for task in self._tasks:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    def end_expired(self) -> None:
        """Close whatever came in by a token that has run out."""
        now = self._clock()
        for subscriber in self._hub.subscribers:
            expires_at = subscriber.principal.expires_at
            if expires_at is not None and expires_at <= now:
                subscriber.close(EXPIRED)

    def end_session(self, session_id: str) -> None:
        """Close whatever belongs to a login that ended."""
        for subscriber in self._hub.subscribers:
            if subscriber.principal.session_id == session_id:
                subscriber.close(LOGGED_OUT)

    def end_key(self, key: Key) -> None:
        """Close whatever came in by a key that is good no more."""
        for subscriber in self._hub.subscribers:
            if subscriber.principal.key_hash == key.hash:
                subscriber.close(KEY_REVOKED)

    async def _end_expired(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_EVERY_SECONDS)
            try:
                self.end_expired()
            except Exception:
                log.exception("reaper.defect")

    async def _catch_up(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_EVERY_SECONDS)
            for catch_up in self._catch_ups:
                try:
                    await catch_up()
                except GoipError as trouble:
                    log.warning("reaper.waits", reason=trouble.message)
                except Exception:
                    log.exception("reaper.defect")
