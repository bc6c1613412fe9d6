"""Short words for what the store's tests do again and again."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import Table, select

from goip.ingest import Enrolment, SmsOutcome, record_heartbeat, record_sms
from goip.models import Device, Event, Heartbeat, InboundSms
from goip.store import tables as t
from goip.store.store import Store

PATIENCE_SECONDS = 10.0
"""How long a test waits for what must come; nothing that passes takes that long."""


async def enrol(store: Store, device_id: str = "gw-1", **told: Any) -> Device:
    """A new device, by its first heartbeat."""
    enrolment = Enrolment(f"hash of {device_id}")
    return (await record_heartbeat(store, Heartbeat(device_id, **told), enrolment=enrolment)).device


async def beat(store: Store, device_id: str = "gw-1", **told: Any) -> Device:
    """A heartbeat of a known device."""
    return (await record_heartbeat(store, Heartbeat(device_id, **told))).device


async def receive(store: Store, message: str = "hello", device_id: str = "gw-1", **told: Any) -> SmsOutcome:
    """A received message."""
    return await record_sms(store, InboundSms(device_id, told.pop("sender", "BANK"), message, **told))


async def crash(store: Store) -> None:
    """The process ends here: what waits is lost, nothing is folded, nobody says goodbye."""
    writing = store.writer._task
    if writing is not None:
        store.writer._task = None
        writing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await writing
    await store._lock.release()
    await store.database.close()


@asynccontextmanager
async def opened(store: Store) -> AsyncIterator[Store]:
    """A new process on the database of `store`, which is closed or crashed."""
    again = await reopen(store)
    try:
        yield again
    finally:
        await again.close()


async def reopen(store: Store) -> Store:
    """The same, for whoever closes it."""
    again = Store(url_of(store), clock=store.clock)
    await again.open()
    return again


def url_of(store: Store) -> str:
    """The address of its database, as an operator writes it."""
    return store.database.url.set(drivername=store.database.kind).render_as_string(hide_password=False)


async def all_rows(store: Store, table: Table) -> list[dict[str, Any]]:
    """What is in a table, in the order of its key."""
    async with store.reading() as connection:
        rows = await connection.execute(select(table).order_by(*table.primary_key))
        return [dict(row._mapping) for row in rows]


async def stored_seq(store: Store) -> int:
    """The place of the stream on disk."""
    (row,) = await all_rows(store, t.stream)
    return int(row["seq"])


class Ear:
    """Hears every event that the store publishes."""

    def __init__(self, store: Store) -> None:
        self.events: list[Event] = []
        self.commits: list[Sequence[Event]] = []
        self._news = asyncio.Event()
        store.subscribe(self._hear)

    def _hear(self, events: Sequence[Event]) -> None:
        self.events += events
        self.commits.append(tuple(events))
        self._news.set()

    def named(self, name: str) -> list[Event]:
        """The events of that name, oldest first."""
        return [event for event in self.events if event.name == name]

    async def until(self, is_there: Callable[[], Any]) -> None:
        """Listen until it is so."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not is_there():
                self._news.clear()
                await self._news.wait()
