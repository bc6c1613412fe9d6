"""The server goes away, by SIGTERM or `kill -9`, and comes back: the cursor is as good as before."""

from __future__ import annotations

import asyncio

import pytest

from tests.live_fixtures import MakeServer
from tests.live_server import LiveServer
from tests.streams.conftest import MIXED, MakeFollower
from tests.streams.posting import Box

N_RESTARTS = 1
is_killed = pytest.mark.parametrize("is_killed", [False, True], ids=["stopped", "killed"])


@is_killed
async def test_the_same_cursor_goes_on_over_a_restart(
    is_killed: bool, make_server: MakeServer, make_follower: MakeFollower
) -> None:
    await go_on_over_restarts(make_server().start(), make_follower, is_killed)


@is_killed
@pytest.mark.parametrize("ways", [MIXED], indirect=True)
async def test_the_same_cursor_goes_on_over_a_restart_on_postgresql(
    is_killed: bool, make_server: MakeServer, make_follower: MakeFollower, postgres_database: str
) -> None:
    await go_on_over_restarts(make_server(postgres_database).start(), make_follower, is_killed)


async def go_on_over_restarts(server: LiveServer, make_follower: MakeFollower, is_killed: bool) -> None:
    """One follower that listens when the server goes, one that left before, one that comes only after."""
    box = Box.enrolled(server)
    listening, away = make_follower(server), make_follower(server)
    for follower in (listening, away):
        await follower.connect("dashboard")
    expected = []
    for turn in range(N_RESTARTS):
        expected += [f"{turn} seen", f"{turn} perhaps seen", f"{turn} after it"]
        seen = box.say(f"{turn} seen")
        for follower in (listening, away):
            await follower.until(seen)
        await away.drop()
        box.say(f"{turn} perhaps seen")
        end = server.kill if is_killed else server.stop
        await asyncio.to_thread(end)
        await listening.ended(within=10)
        await asyncio.to_thread(server.start)
        box.say(f"{turn} after it")
        for follower in (away, listening):
            await follower.resume()
    last = box.say("last")
    box.beat(batteryLevel=5)
    devices = {device["deviceId"]: device for device in server.state()["devices"]}
    for follower in (listening, away):
        await follower.until(last)
        assert follower.notebook.texts == [*expected, "last"]
        assert follower.notebook.n_snapshots == 1, "the cursor outlives the server"
        await follower.until(lambda notebook: notebook.devices == devices)
