"""A cursor from before what was trimmed, on every transport."""

from __future__ import annotations

from goip.clock import now_ms
from goip.config import Config
from goip.store.store import Store
from goip.watch.upkeep import Upkeep
from tests.live_fixtures import MakeServer
from tests.live_server import LiveServer
from tests.streams.conftest import MakeFollower
from tests.streams.posting import Box

_FORTY_DAYS_MS = 40 * 24 * 3_600_000


async def trim(server: LiveServer) -> None:
    """Let upkeep find, in forty days from now, that all which happened up to now is old."""
    store = Store(server.database_url, clock=lambda: now_ms() + _FORTY_DAYS_MS)
    await store.open()
    try:
        await Upkeep(store, Config()).once()
    finally:
        await store.close()


async def test_a_cursor_from_before_the_trimmed_gets_the_state_and_a_later_one_is_exact(
    make_server: MakeServer, make_follower: MakeFollower
) -> None:
    server = make_server().start()
    box = Box.enrolled(server)
    early, late = make_follower(server), make_follower(server)
    await early.connect(box.room)
    await early.drop()
    box.say("old")
    server.stop()
    await trim(server)
    server.start()
    await late.connect("dashboard")
    await late.drop()
    box.say("new")
    await early.resume()
    assert (early.notebook.texts, early.notebook.n_snapshots) == ([], 2), "never a partial replay"
    await late.resume()
    last = box.say("last")
    for follower in (early, late):
        await follower.until(last)
    assert early.notebook.texts == ["last"]
    assert late.notebook.texts == ["new", "last"]
    assert late.notebook.n_snapshots == 1
