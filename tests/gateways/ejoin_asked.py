"""An Ejoin box that is asked over its own HTTP API, on a free port of this machine."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import ClientSession

from goip.addresses import BoxAddress
from goip.gateways.asking import Pauses
from goip.gateways.ejoin.client import EjoinClient
from goip.gateways.ejoin.decode import decode
from goip.models import InboundSms
from goip.simulator.boxes.ejoin import EjoinBox
from goip.simulator.boxes.fleet import Fleet
from goip.simulator.boxes.messages import Message
from goip.simulator.boxes.options import BoxOptions
from goip.store.store import Store
from tests.gateways.ejoin_pushes import pushed

NAME = "office"
QUICK = Pauses(poll=0.02, answer=2.0, first=0.01, longest=0.05)


class AskedBox(EjoinBox):
    """It does nothing by itself but what it is asked for; its pushes go nowhere. `texts_out` is what went on air."""

    texts_out: list[tuple[str, str]]

    def address(self, secret: str = "root") -> BoxAddress:
        assert self.listener is not None
        return BoxAddress(NAME, "127.0.0.1", self.listener.port, "root", secret)

    def hears(self, text: str, at: int = 1_755_697_537, sender: str = "12055550122") -> InboundSms:
        """A message comes in; returns what a push of it tells."""
        row = self.make_row(self.slots[0], Message(NAME, 1, sender, text), at)
        self.memory.receive(row)
        told = decode(pushed({"type": "recv-sms", "sms_num": 1, "sms": [row]}, NAME))[0]
        assert isinstance(told, InboundSms)
        return told

    async def plug_in(self) -> None:
        assert self.listener is not None
        await self.listener.open()


@asynccontextmanager
async def asked_box(**changes: Any) -> AsyncIterator[AskedBox]:
    told: dict[str, Any] = {"lines": 2, "seed": 5, "pace": 1_000.0, "repeats": 0}
    options = BoxOptions("http://127.0.0.1:9", "k", "ejoin", listen_port=0, **told | changes)
    texts_out: list[tuple[str, str]] = []
    async with ClientSession() as session:
        fleet = Fleet(options, session, on_text_out=lambda _, number, text: texts_out.append((number, text)))
        box = AskedBox(fleet, 0)
        box.texts_out = texts_out
        await box.switch_on()
        try:
            yield box
        finally:
            box.close()
            await fleet.end()


@asynccontextmanager
async def asking(store: Store, box: Any, pauses: Pauses = QUICK, **more: Any) -> AsyncIterator[EjoinClient]:
    """A client of that box."""
    client = EjoinClient(box.address(), store, pauses, **more)
    try:
        yield client
    finally:
        await client.close()
        await client.link.close()
