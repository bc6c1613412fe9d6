"""A newer Dinstar box that is asked over its own HTTP API, on a free port of this machine."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import ClientSession

from goip.addresses import BoxAddress
from goip.gateways.asking import Pauses
from goip.simulator.boxes.dinstar import DinstarBox
from goip.simulator.boxes.fleet import Fleet
from goip.simulator.boxes.options import BoxOptions

DIGEST, BASIC = 0, 1
"""The first box of a fleet, and the second."""
SERIAL = "dbdb-0005-0000-0000"
"""What the first is called."""
QUICK = Pauses(poll=0.02, answer=2.0, first=0.01, longest=0.05)


class AskedBox(DinstarBox):
    """It does nothing by itself but what it is asked for; its pushes go nowhere."""

    def address(self, secret: str = "admin") -> BoxAddress:
        assert self.listener is not None
        return BoxAddress(self.serial, "127.0.0.1", self.listener.port, "admin", secret)

    def hears(self, text: str, sender: str = "+15550101", port: int = 0) -> dict[str, Any]:
        """A message comes in; returns its row."""
        return self.make_row(self.slots[port], sender, text)

    def forget(self) -> None:
        """A reset: its memory is empty, and it counts from 1."""
        self.memory.received.clear()
        self._n_messages = 0

    async def plug_in(self) -> None:
        assert self.listener is not None
        await self.listener.open()


@asynccontextmanager
async def asked_box(index: int = DIGEST, **changes: Any) -> AsyncIterator[AskedBox]:
    told: dict[str, Any] = {"lines": 2, "seed": 5, "pace": 1_000.0, "repeats": 0}
    options = BoxOptions("http://127.0.0.1:9", "k", "dinstar", listen_port=0, **told | changes)
    async with ClientSession() as session:
        fleet = Fleet(options, session)
        box = AskedBox(fleet, index)
        await box.plug_in()
        try:
            yield box
        finally:
            box.close()
            await fleet.end()
