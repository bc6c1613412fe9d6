"""Upkeep: it comes back after trouble, and stops between two bites."""

from __future__ import annotations

import asyncio

import pytest

from goip.config import Config
from goip.errors import Unavailable
from goip.store import tables as t
from goip.store.store import Store
from goip.watch import upkeep as upkeeping
from goip.watch.upkeep import Upkeep
from tests.conftest import FakeClock
from tests.store.lives import PATIENCE_SECONDS, all_rows, enrol


async def test_trouble_and_defects_do_not_end_the_upkeep(
    store: Store, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upkeeping, "_EVERY_SECONDS", 0.001)
    await enrol(store)
    clock.advance(400 * 86_400)
    upkeep = Upkeep(store, Config())
    real, troubles = upkeep.once, [Unavailable("the disk is full"), ZeroDivisionError("a defect")]

    async def once() -> None:
        if troubles:
            raise troubles.pop()
        await real()

    monkeypatch.setattr(upkeep, "once", once)
    upkeep.start()
    async with asyncio.timeout(PATIENCE_SECONDS):
        while await all_rows(store, t.events):
            await asyncio.sleep(0.01)
    await upkeep.stop()


async def test_gateways_are_served_between_two_bites(
    store: Store, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each bite is a turn of the writer's, so a mountain of old rows holds nobody up."""
    monkeypatch.setattr("goip.store.retention._BITE", 1)
    for n in range(30):
        await enrol(store, f"gw-{n}")
    clock.advance(400 * 86_400)
    upkeep = asyncio.create_task(Upkeep(store, Config()).once())
    left = []
    for n in range(5):
        await enrol(store, f"new-{n}")
        left.append(len(await all_rows(store, t.events)))
    assert left[0] > left[-1] or not upkeep.done()
    await upkeep
    assert len(await all_rows(store, t.events)) == 5


async def test_an_upkeep_that_never_began_can_be_stopped(store: Store) -> None:
    await Upkeep(store, Config()).stop()
