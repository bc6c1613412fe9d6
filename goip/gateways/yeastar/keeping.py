"""What a box told, until it is on disk: the box says it once, and waits for no answer."""

from __future__ import annotations

import asyncio
from collections import deque

import structlog

from goip.errors import NotFound, Unavailable
from goip.ingest import Enrolment, record_heartbeat, record_note, record_sms
from goip.models import DeliveryReport, Heartbeat, InboundSms
from goip.store.store import Store

log = structlog.get_logger(__name__)

MAKE = "yeastar"
_MOST_WAITING = 10_000
_LAST_WORDS_SECONDS = 5

Item = InboundSms | DeliveryReport


async def record_beat(store: Store, beat: Heartbeat) -> None:
    """Commit the heartbeat of a box that the settings name: that is all the proof it needs. Raises Unavailable."""
    await record_heartbeat(store, beat, enrolment=Enrolment(None, MAKE))


class Keeper:
    """Stores items one after the other, in the order in which they came, each as often as it takes."""

    def __init__(self, store: Store, device_id: str, first_pause: float, longest_pause: float) -> None:
        self._store = store
        self._device_id = device_id
        self._pauses = first_pause, longest_pause
        self._waiting: deque[Item] = deque()
        self._storing: asyncio.Task[None] | None = None

    def keep(self, item: Item) -> None:
        """Store it soon."""
        if len(self._waiting) >= _MOST_WAITING:
            log.error("yeastar.too_much_waits", box=self._device_id, n_waiting=len(self._waiting))
            return
        self._waiting.append(item)
        if self._storing is None or self._storing.done():
            self._storing = asyncio.create_task(self._store_all(), name=f"yeastar-keep-{self._device_id}")

    async def close(self) -> None:
        """Wait a little for what is not stored yet; then it is lost."""
        if self._storing is None:
            return
        await asyncio.wait((self._storing,), timeout=_LAST_WORDS_SECONDS)
        self._storing.cancel()
        await asyncio.gather(self._storing, return_exceptions=True)
        if self._waiting:
            log.error("yeastar.lost", box=self._device_id, n_items=len(self._waiting))

    async def _store_all(self) -> None:
        pause, longest_pause = self._pauses
        while self._waiting:
            try:
                await self._record(self._waiting[0])
            except Unavailable as trouble:
                log.warning("yeastar.not_stored_yet", box=self._device_id, reason=trouble.message)
                await asyncio.sleep(pause)
                pause = min(pause * 2, longest_pause)
                continue
            except Exception:  # the next one must not wait for it for ever
                log.exception("yeastar.defect", box=self._device_id)
            self._waiting.popleft()
            pause = self._pauses[0]

    async def _record(self, item: Item) -> None:
        try:
            await self._record_of_known(item)
        except NotFound:  # it speaks before its first heartbeat, or an operator removed it
            await record_beat(self._store, Heartbeat(self._device_id))
            await self._record_of_known(item)

    async def _record_of_known(self, item: Item) -> None:
        if isinstance(item, InboundSms):
            await record_sms(self._store, item)
        else:
            await record_note(self._store, item)
