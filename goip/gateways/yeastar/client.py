"""The boxes that the settings name, each dialled again and again for as long as the server runs.

A box tells a message to whoever is connected, once; so the link is tried by a command every minute, and a lost one
is dialled anew, with pauses that grow. What was told stays kept, whatever becomes of the link.
"""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, nullcontext, suppress
from typing import NamedTuple

import structlog

from goip.addresses import BoxAddress
from goip.errors import InvalidPayload, Unauthorized, Unavailable
from goip.gateways.yeastar.ami import Block
from goip.gateways.yeastar.decode import RECEIVED, SENT, part_of, report_of, slot_of, sms_of, spans_of
from goip.gateways.yeastar.keeping import Keeper, record_beat
from goip.gateways.yeastar.link import Link
from goip.gateways.yeastar.parts import Parts
from goip.gateways.yeastar.tap import Tap
from goip.models import Heartbeat, SimSlot
from goip.store.store import Store
from goip.wirelog.exchange import Keeping, refused, taken

log = structlog.get_logger(__name__)

_BRAND = {"brand": "Yeastar"}
_TROUBLE = (OSError, UnicodeError, InvalidPayload)
"""Of a link: silence is a TimeoutError, which is an OSError, and a host that cannot be a name is a UnicodeError."""


class Pauses(NamedTuple):
    """Seconds: between looks at a box's state, for an answer, and before a lost box is dialled again."""

    poll: float = 60.0
    answer: float = 15.0
    first: float = 1.0
    longest: float = 60.0
    refused: float = 60.0


_USUAL = Pauses()


class YeastarClient:
    """One box. `pauses.poll` is also the interval that its device is held to.

    `keeping` keeps what is said in either direction for the wire log.
    """

    def __init__(
        self, box: BoxAddress, store: Store, pauses: Pauses = _USUAL, keeping: Keeping = nullcontext
    ) -> None:
        self._box = box
        self._store = store
        self._pauses = pauses
        self._keeping = keeping
        self._parts = Parts()
        self._keeper = Keeper(store, box.name, pauses.first, pauses.longest)
        self._task: asyncio.Task[None] | None = None
        self._up_at = math.inf

    def start(self) -> None:
        """Dial, from now on."""
        self._task = asyncio.create_task(self._run(), name=f"yeastar-{self._box.name}")

    async def close(self) -> None:
        """Hang up; what was told is stored, unfinished messages as far as they came."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        for part in self._parts.rest():
            self._keeper.keep(sms_of(self._box.name, part))
        await self._keeper.close()

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        pause = self._pauses.first
        while True:
            self._up_at = math.inf
            try:
                await self._connect()
            except Unauthorized as refusal:
                log.warning("yeastar.refused", box=self._box.name, reason=refusal.message)
                pause = self._pauses.refused
            except _TROUBLE as trouble:
                log.info("yeastar.link_lost", box=self._box.name, reason=str(trouble) or "no answer")
            except Exception:
                log.exception("yeastar.defect", box=self._box.name)
            if loop.time() - self._up_at > pause:
                pause = (
                    self._pauses.first
                )  # it held for longer than it is waited for: that is worth dialling soon
            await asyncio.sleep(pause * random.uniform(0.5, 1))  # noqa: S311 - only so that boxes are dialled apart
            pause = min(pause * 2, self._pauses.longest)

    async def _connect(self) -> None:
        """One connection, until it ends."""
        async with asyncio.timeout(self._pauses.answer):
            reader, writer = await asyncio.open_connection(self._box.host, self._box.port)
        self._up_at = asyncio.get_running_loop().time()
        address = writer.get_extra_info("peername")[0]
        tap = Tap(self._keeping, self._store.clock, self._box, address)
        link = Link(reader, writer, self._take, self._pauses.answer, tap)
        tasks = [asyncio.create_task(link.listen()), asyncio.create_task(self._watch(link, address))]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            # What the box said last explains why it hung up: so the watch is asked first.
            for task in sorted(done, key=tasks.index, reverse=True):
                task.result()
        finally:
            writer.transport.abort()  # a box that does not read would keep us from closing
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            with suppress(OSError):
                await writer.wait_closed()

    async def _watch(self, link: Link, address: str) -> None:
        """Log in, and look at the box's ports again and again: that keeps the link, and shows that it holds."""
        await link.log_in(self._box.username, self._box.secret)
        log.info("yeastar.logged_in", box=self._box.name)
        while True:
            beat = Heartbeat(
                self._box.name,
                sim_slots=await self._slots(link),
                brand_info=_BRAND,
                ip_address=address,
                interval_seconds=max(1, round(self._pauses.poll)),
            )
            try:
                await record_beat(self._store, beat)
            except Unavailable as trouble:
                log.info("yeastar.heartbeat_not_stored", box=self._box.name, reason=trouble.message)
            for part in self._parts.overdue(self._store.clock()):
                self._keeper.keep(sms_of(self._box.name, part))
            await asyncio.sleep(self._pauses.poll)

    async def _slots(self, link: Link) -> tuple[SimSlot, ...] | None:
        """Every port; None where the box does not list them."""
        spans = spans_of(await link.command("gsm show spans"))
        slots = [
            slot_of(span, status, await link.command(f"gsm show span {span}"))
            for span, status in sorted(spans.items())
        ]
        return tuple(slots) or None

    def _take(self, event: Block) -> None:
        name = self._box.name
        try:
            if event.event == RECEIVED:
                for part in self._parts.add(part_of(event), self._store.clock()):
                    self._keeper.keep(sms_of(name, part))
            elif event.event == SENT:
                self._keeper.keep(report_of(name, event))
            else:
                return
        except InvalidPayload as refusal:
            refused(refusal.message)
            log.warning(
                "yeastar.event_not_understood", box=name, event_name=event.event, reason=refusal.message
            )
        taken()


@asynccontextmanager
async def dialling(
    store: Store, boxes: Sequence[BoxAddress], pauses: Pauses = _USUAL, keeping: Keeping = nullcontext
) -> AsyncIterator[None]:
    """Keep every box on the line, until what they said last is stored."""
    clients = [YeastarClient(box, store, pauses, keeping) for box in boxes]
    for client in clients:
        client.start()
    try:
        yield
    finally:
        await asyncio.gather(*(client.close() for client in clients))
