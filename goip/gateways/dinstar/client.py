"""A newer box that the settings name, asked over its own HTTP API how its ports are."""

from __future__ import annotations

import ipaddress
from contextlib import nullcontext, suppress

from goip.addresses import BoxAddress
from goip.gateways.asking import USUAL, BoxLink, Pauses
from goip.gateways.dinstar.asking import PORT_INFO_PATH, decode_port_info
from goip.gateways.dinstar.proving import proving
from goip.ingest import Enrolment, record_heartbeat
from goip.store.store import Store
from goip.wirelog.exchange import Keeping

MAKE = "dinstar"
_BRAND = {"brand": "Dinstar"}


class DinstarClient:
    """One box. It is due after each look's pause and the time that its answer may take, whatever it pushes beside."""

    def __init__(
        self, box: BoxAddress, store: Store, pauses: Pauses = USUAL, keeping: Keeping = nullcontext
    ) -> None:
        self.link = BoxLink(box, MAKE, store.clock, keeping, pauses, proving(box))
        self._store = store

    async def look(self) -> None:
        """Record how the box is."""
        async with self.link.asking(PORT_INFO_PATH) as answer:
            await self._record_ports(answer)

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
