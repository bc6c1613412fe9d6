"""The store: opened once, closed once, and the only door to the database for the rooms above."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, TypeVar

import structlog
from sqlalchemy import insert, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from goip.clock import Clock, now_ms
from goip.models import Event
from goip.store import tables as t
from goip.store.draft import Change, device_event
from goip.store.engine import Database, startup_error
from goip.store.facts import list_all_facts
from goip.store.fleet import Fleet
from goip.store.fold import Folder
from goip.store.load import load
from goip.store.lock import SingleNodeLock
from goip.store.migrate import migrate
from goip.store.writer import Waiter, Writer

T = TypeVar("T")

log = structlog.get_logger(__name__)


class Store:
    """One database, its live state in memory and its writer.

    `subscribe` names who is told of committed events, in commit order, by the writer itself.
    """

    def __init__(self, url: str, *, queue_size: int = 10_000, clock: Clock = now_ms) -> None:
        self.database = Database(url)
        self.clock = clock
        self.fleet = Fleet(epoch="", seq=0)
        self._folder = Folder()
        self._lock = SingleNodeLock(self.database)
        self._subscribers: list[Callable[[Sequence[Event]], None]] = []
        self.writer = Writer(
            self.database, self.fleet, self._folder, clock, self._publish, self._catch_up, queue_size
        )

    async def open(self) -> None:
        """Migrate, load, and begin to write. Raises StartupError in words for the person at the terminal."""
        try:
            await self._lock.take()
            await migrate(self.database)
            async with self.database.writing() as connection:
                await load(connection, self.fleet, self._folder)
        except BaseException as error:
            await self._lock.release()
            await self.database.close()
            if isinstance(error, DBAPIError | OSError):
                raise startup_error(self.database, error) from error
            raise
        self.writer.start()

    async def close(self) -> None:
        """Commit what waits, fold, and let go of the database."""
        await self.writer.stop()
        await self._lock.release()
        await self.database.close()

    def subscribe(self, subscriber: Callable[[Sequence[Event]], None]) -> None:
        """Tell `subscriber` of every commit's events; it must not block."""
        self._subscribers.append(subscriber)

    def _publish(self, events: Sequence[Event]) -> None:
        for subscriber in self._subscribers:
            try:
                subscriber(events)
            except Exception:  # it is committed: whoever waits for that must not pay for a listener's defect
                log.exception("store.subscriber_defect")

    async def _catch_up(self) -> list[Event]:
        """Memory follows the disk where a commit's answer was lost; returns what it had not told yet."""
        fleet, known = self.fleet, self.fleet.seq
        async with self.reading() as connection:
            # Locked, so that a commit that is still under way on a broken link is waited for.
            seq = (await connection.execute(select(t.stream.c.seq).with_for_update())).scalar_one()
            if seq == known:
                return []
            # Whole or not at all: the link may break again in the middle, and readers look at the fleet meanwhile.
            on_disk, waiting = Fleet(epoch="", seq=0), Folder()
            await load(connection, on_disk, waiting)
            facts = await list_all_facts(connection, after=known, upto=on_disk.seq)
        fleet.take_over(on_disk)
        self._folder.take_over(waiting)
        states = [device_event(device, self.clock()) for device in fleet if device.seq > known]
        return sorted([*facts, *states], key=lambda event: event.seq)

    def record(self, change: Change[T]) -> asyncio.Future[T]:
        """Commit a change; see `Writer.record`."""
        return self.writer.record(change)

    def tell(self, change: Change[T], waiter: Waiter[T]) -> None:
        """Commit a change; see `Writer.tell`."""
        self.writer.tell(change, waiter)

    def transact(self, work: Callable[[AsyncConnection], Awaitable[T]]) -> asyncio.Future[T]:
        """Run `work` in a transaction of its own; see `Writer.transact`."""
        return self.writer.transact(work)

    def reading(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """A connection for queries."""
        return self.database.reading()

    async def setting(self, name: str, make: Callable[[], str]) -> str:
        """The setting of that name; made, and kept, the first time."""

        async def work(connection: AsyncConnection) -> str:
            query = select(t.settings.c.value).where(t.settings.c.name == name)
            value: Any = (await connection.execute(query)).scalar()
            if value is None:
                value = make()
                await connection.execute(insert(t.settings).values(name=name, value=value))
            return str(value)

        return await self.transact(work)
