"""A newer box that the settings name, asked over its own HTTP API: how it is, and what it remembers."""

from __future__ import annotations

import asyncio
import ipaddress
from contextlib import nullcontext, suppress

import structlog
from aiohttp import ClientError

from goip.addresses import BoxAddress
from goip.errors import GoipError
from goip.gateways.asking import USUAL, BoxLink, Pauses
from goip.gateways.dinstar.asking import PORT_INFO_PATH, decode_port_info
from goip.gateways.dinstar.memory import Memory
from goip.gateways.dinstar.proving import proving
from goip.ingest import Enrolment, record_heartbeat
from goip.store.store import Store
from goip.wirelog.exchange import Keeping

log = structlog.get_logger(__name__)

MAKE = "dinstar"
_BRAND = {"brand": "Dinstar"}
_TROUBLE = (ClientError, OSError, GoipError)


class DinstarClient:
    """One box. It is due after each look's pause and the time that its answer may take, whatever it pushes beside."""

    def __init__(
        self, box: BoxAddress, store: Store, pauses: Pauses = USUAL, keeping: Keeping = nullcontext
    ) -> None:
        self.link = BoxLink(box, MAKE, store.clock, keeping, pauses, proving(box))
        self._store = store
        self._memory = Memory(self.link, store)
        self._is_behind = True

    async def look(self) -> None:
        """Record how the box is, and what it has received and nobody knows.

        Trouble with its memory is left to the next look: it would else cost the box its heartbeats.
        """
        is_behind, self._is_behind = self._is_behind, True
        async with self.link.asking(PORT_INFO_PATH) as answer:
            await self._record_ports(answer)
        try:
            async with asyncio.timeout(self.link.pauses.answer):
                has_all = await self._memory.read(is_recovery=is_behind)
        except _TROUBLE as trouble:
            log.info("dinstar.memory_not_read", box=self.link.box.name, reason=str(trouble) or "no answer")
        else:
            self._is_behind = is_behind and not has_all

    async def close(self) -> None:
        """Nothing waits to be stored."""

    async def _record_ports(self, answer: bytes) -> None:
        box, pauses = self.link.box, self.link.pauses
        known = self._store.fleet.find(box.name)
        beat = decode_port_info(box.name, answer)._replace(
            brand_info=None if known and known.brand_info else _BRAND,  # a push may have told more
            ip_address=_address(box.host),
            interval_seconds=max(1, round(pauses.poll + pauses.answer)),
        )
        # The settings name it: that is all the proof it needs.
        await record_heartbeat(self._store, beat, enrolment=Enrolment(None, MAKE))


def _address(host: str) -> str | None:
    with suppress(ValueError):
        return str(ipaddress.ip_address(host))
    return None
