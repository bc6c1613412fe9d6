"""A watch that looks when a test says so, on clocks that the test moves."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from goip.models import Event
from goip.store.store import Store
from goip.watch.presence import Presence
from tests.conftest import FakeClock
from tests.store.lives import Ear

LOOK = 0.25


class Time:
    """Both clocks, the monotonic and the wall's, moved together unless a test does otherwise."""

    def __init__(self, wall: FakeClock) -> None:
        self.now = 5000.0
        self.wall = wall

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds
        self.wall.advance(seconds)


@asynccontextmanager
async def watching(store: Store, time: Time) -> AsyncIterator[Presence]:
    """A watch that looks when the test says so."""
    presence = Presence(store, time)
    await presence.start()
    await presence.stop()
    yield presence


async def pass_by(presence: Presence, time: Time, seconds: float, step: float = LOOK) -> None:
    """Time goes by, and presence looks four times a second."""
    until = time.now + seconds
    while time.now + step <= until + 1e-9:
        time.advance(step)
        await presence.look()


def flips(ear: Ear) -> list[tuple[str, str | None, str]]:
    return [_flip(event) for event in ear.named("device-status-change")]


def _flip(event: Event) -> tuple[str, str | None, str]:
    data: Any = event.data
    return data["deviceId"], data["previousStatus"], data["currentStatus"]


def status(store: Store, device_id: str = "gw-1") -> str:
    device = store.fleet.find(device_id)
    assert device is not None
    return device.status
