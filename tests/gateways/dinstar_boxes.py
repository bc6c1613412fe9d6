"""Old Dinstar boxes that connect to a listener in the test's own process."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from goip.auth.keys import Keyring
from goip.gateways.dinstar.door import Door
from goip.gateways.dinstar.listener import DinstarListener, Pace
from goip.models import Device
from goip.store import tables as t
from goip.store.store import Store
from goip.wirelog.exchange import Keeping
from tests.conftest import FakeClock
from tests.gateways import dwg
from tests.gateways.dwg import BOX
from tests.store.lives import all_rows

PATIENCE_SECONDS = 10.0
SHORT_KEY = "short-key"


class Box:
    """One connection of a box."""

    def __init__(self, port: int) -> None:
        self._port = port

    async def plug_in(self) -> Box:
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self._port)
        return self

    def send(self, *frames: bytes) -> None:
        self.writer.write(b"".join(frames))

    async def hear(self, n_bytes: int = 25) -> bytes:
        return await asyncio.wait_for(self.reader.readexactly(n_bytes), PATIENCE_SECONDS)

    async def ask(self, frame: bytes) -> bytes:
        self.send(frame)
        return await self.hear()

    async def hears_the_end(self) -> bytes:
        """What comes before the connection is closed on it."""
        with contextlib.suppress(ConnectionError):
            return await asyncio.wait_for(self.reader.read(), PATIENCE_SECONDS)
        return b""

    async def unplug(self) -> None:
        self.writer.close()
        with contextlib.suppress(ConnectionError):
            await self.writer.wait_closed()


@pytest.fixture
async def box_keyring(store: Store, clock: FakeClock) -> AsyncIterator[Keyring]:
    keyring = Keyring(store, clock)
    await keyring.open()
    await keyring._take_configured(SHORT_KEY)
    yield keyring
    await keyring.close()


PlugIn = Callable[[], Awaitable[Box]]
Serve = Callable[..., Awaitable[tuple[PlugIn, DinstarListener]]]


@pytest.fixture
async def serve_boxes(store: Store, box_keyring: Keyring) -> AsyncIterator[Serve]:
    """Starts a listener, with limits of the test's own, and ends it after the test."""
    async with contextlib.AsyncExitStack() as stack:

        async def start(
            trusted: tuple[str, ...] = (),
            allow: Callable[[str], bool] = lambda _address: True,
            needs_approval: bool = False,
            connections_per_address: int = 0,
            keeping: Keeping = contextlib.nullcontext,
            **pace: float,
        ) -> tuple[PlugIn, DinstarListener]:
            listener = DinstarListener(
                Door(store, box_keyring, trusted, needs_approval=needs_approval),
                allow,
                connections_per_address=connections_per_address,
                pace=Pace(**pace),
                keeping=keeping,
            )
            port = await listener.open("127.0.0.1", 0)
            stack.push_async_callback(listener.close)

            async def plug_in() -> Box:
                box = await Box(port).plug_in()
                stack.push_async_callback(box.unplug)
                return box

            return plug_in, listener

        yield start


@pytest.fixture
async def plug_in(serve_boxes: Serve) -> PlugIn:
    plug_in, _ = await serve_boxes()
    return plug_in


async def logged_in(plug_in: PlugIn) -> Box:
    box = await plug_in()
    assert await box.ask(dwg.login("any", SHORT_KEY)) == dwg.ack(15)
    return box


def known(store: Store, device_id: str = BOX) -> Device:
    device = store.fleet.find(device_id)
    assert device is not None
    return device


async def texts(store: Store) -> list[str]:
    return [row["message"] for row in await all_rows(store, t.sms)]
