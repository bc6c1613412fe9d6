"""Upkeep: letting go of what is older than its retention, a bite at a time."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from goip.config import Config
from goip.errors import GoipError
from goip.store import retention
from goip.store.store import Store
from goip.store.users import drop_expired_sessions

log = structlog.get_logger(__name__)

_EVERY_SECONDS = 300.0
_HOUR_MS = 3_600_000
_DAY_MS = 24 * _HOUR_MS
_COARSE_FACTOR = 10

Bite = Callable[[AsyncConnection, int], Awaitable[int]]


class Upkeep:
    """Runs from `start` to `stop`."""

    def __init__(self, store: Store, config: Config) -> None:
        self._store = store
        self._config = config
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin, a while after the server did."""
        self._task = asyncio.create_task(self._run(), name="upkeep")

    async def stop(self) -> None:
        """Stop between two bites."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(_EVERY_SECONDS)
            try:
                await self.once()
            except GoipError as trouble:
                log.warning("upkeep.waits", reason=trouble.message)
            except Exception:
                log.exception("upkeep.defect")

    async def once(self) -> None:
        """Let go of everything that is due."""
        config, now = self._config, self._store.clock()
        rollups_before = now - config.rollup_retention_days * _DAY_MS
        coarse_before = now - config.rollup_retention_days * _COARSE_FACTOR * _DAY_MS
        await self._bites(retention.drop_heartbeats, now - config.heartbeat_retention_hours * _HOUR_MS)
        await self._bites(self._drop_facts, now - config.event_retention_days * _DAY_MS)
        await self._bites(retention.coarsen_rollups, rollups_before)
        await self._bites(retention.drop_rollups, coarse_before)
        await self._store.transact(lambda connection: drop_expired_sessions(connection, now))

    async def _drop_facts(self, connection: AsyncConnection, before_at: int) -> int:
        upto = await retention.oldest_facts(connection, before_at)
        if upto is None:
            return 0
        # Before the facts go: a client that returns in between gets a snapshot, not a part.
        self._store.fleet.oldest_seq = upto
        return await retention.drop_facts(connection, upto)

    async def _bites(self, bite: Bite, before_at: int) -> None:
        n_gone = 1
        while n_gone:
            n_gone = await self._store.transact(lambda connection: bite(connection, before_at))
