"""Live connections end with what let them in."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from goip.auth.principals import Principal
from goip.errors import Unavailable
from goip.realtime import reaper as reaping
from goip.realtime.hub import Hub
from goip.realtime.reaper import Reaper
from goip.realtime.subscriber import EXPIRED, KEY_REVOKED, LOGGED_OUT
from goip.store.keys import Key
from tests.conftest import FakeClock
from tests.realtime.listeners import Listener, Stream

USER = Principal(kind="user", username="anna", session_id="s-1")
KEY = Key(1, "device", "h-1", "", 1, None, frozenset(), 0, None, None, None)


@pytest.fixture
def hub() -> Hub:
    return Hub(Stream().fleet)


@pytest.fixture
def reaper(hub: Hub, clock: FakeClock) -> Reaper:
    return Reaper(hub, clock)


def idle(hub: Hub, principal: Principal) -> Listener:
    """Somebody who has joined no room: open all the same."""
    listener = Listener(principal)
    hub.connect(listener)
    return listener


async def test_a_token_that_ran_out_closes_what_came_in_by_it(
    hub: Hub, reaper: Reaper, clock: FakeClock
) -> None:
    over, at_once, good, endless = (
        idle(hub, replace(USER, expires_at=at)) for at in (clock() - 1, clock(), clock() + 1, None)
    )
    reaper.end_expired()
    assert [over.closed, at_once.closed, good.closed, endless.closed] == [[EXPIRED], [EXPIRED], [], []]
    clock.advance(0.001)
    reaper.end_expired()
    assert good.closed == [EXPIRED]


async def test_a_login_that_ended_closes_what_belongs_to_it(hub: Hub, reaper: Reaper) -> None:
    mine, other, device = (
        idle(hub, principal)
        for principal in (USER, replace(USER, session_id="s-2"), Principal(kind="device", device_id="gw-1"))
    )
    hub.subscribe(mine, ["a"])
    reaper.end_session("s-1")
    assert [mine.closed, other.closed, device.closed] == [[LOGGED_OUT], [], []]


async def test_a_key_that_is_revoked_closes_what_came_in_by_it(hub: Hub, reaper: Reaper) -> None:
    box, other, user = (
        idle(hub, principal)
        for principal in (
            Principal(kind="device", device_id="gw-1", key_hash="h-1"),
            Principal(kind="device", device_id="gw-1", key_hash="h-2"),
            USER,
        )
    )
    reaper.end_key(KEY)
    assert [box.closed, other.closed, user.closed] == [[KEY_REVOKED], [], []]


async def test_it_looks_by_itself_though_what_it_asks_fails(
    hub: Hub, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reaping, "_LOOK_EVERY_SECONDS", 0.001)
    asked: list[str] = []

    async def broken() -> None:
        asked.append("broken")
        raise ZeroDivisionError("a defect")

    async def in_trouble() -> None:
        asked.append("in trouble")
        raise Unavailable("the disk is full")

    async def well() -> None:
        asked.append("well")

    reaper = Reaper(hub, clock, (broken, in_trouble, well))
    reaper.start()
    listener = idle(hub, replace(USER, expires_at=clock() + 60_000))
    async with asyncio.timeout(5):
        while asked.count("well") < 3:
            await asyncio.sleep(0.001)
        clock.advance(60)
        while not listener.closed:
            await asyncio.sleep(0.001)
    await reaper.stop()
    assert listener.closed[0] == EXPIRED


async def test_a_catch_up_that_hangs_keeps_no_expired_token_alive(
    hub: Hub, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A database that does not answer: tokens run out by our own clock, and within five seconds."""
    monkeypatch.setattr(reaping, "_LOOK_EVERY_SECONDS", 0.001)
    hangs = asyncio.Event()

    async def hang() -> None:
        hangs.set()
        await asyncio.sleep(3600)

    reaper = Reaper(hub, clock, (hang,))
    reaper.start()
    listener = idle(hub, replace(USER, expires_at=clock() + 60_000))
    await asyncio.wait_for(hangs.wait(), 5)
    clock.advance(60)
    try:
        async with asyncio.timeout(2):
            while not listener.closed:
                await asyncio.sleep(0.001)
    finally:
        await reaper.stop()


async def test_a_reaper_that_never_began_can_be_stopped(reaper: Reaper) -> None:
    await reaper.stop()
