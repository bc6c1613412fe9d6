"""Every transport through every proxy: what a proxy breaks, the cursor and the next rung of the ladder mend."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Callable
from uuid import uuid4

import pytest

from goip.api.schemas.state import LONGEST_WAIT_SECONDS
from goip.realtime.sse import COMMENT_EVERY_SECONDS
from goip.realtime.websocket import PING_EVERY_SECONDS
from tests.contract.stock_client import StockClients
from tests.following import eventually, walk
from tests.live_server import LiveServer
from tests.proxy.conftest import MakeNginx
from tests.proxy.nginx import (
    AS_DOCUMENTED,
    BUFFERING,
    IMPATIENT,
    NO_UPGRADE,
    Nginx,
    Shape,
    documented_recipe,
)
from tests.streams.followers import Follower
from tests.streams.links import Gone, PollingLink, Way, all_ways
from tests.streams.posting import Box

OPENS_WITHIN_SECONDS = 8.0
RETRY_SECONDS = 0.05
ALL_SECONDS = 60.0
USUAL_PATIENCE_SECONDS = 60
"""Of nginx, and of many others, when nobody tells them."""
LAST_RUNG = Way("polling", PollingLink)

SOCKETS = {"socketio-websocket-events", "socketio-websocket-frames", "websocket"}
PROXIES: dict[str, tuple[Shape, set[str]]] = {
    "as documented": (AS_DOCUMENTED, set()),
    "one that holds streams back": (BUFFERING, {"sse"}),
    "one that knows no websockets": (NO_UPGRADE, SOCKETS),
    "one that cuts who is silent": (IMPATIENT, set()),
}
"""Each with the ways that it lets nobody through."""


class Perseverer:
    """A client that comes back with its cursor when its line ends, by polling when its way never opened."""

    def __init__(self, nginx: Nginx, token: str, way: Way) -> None:
        self.way = way
        self.n_cuts = 0
        self.has_fallen = False
        self.is_open = False
        self._nginx = nginx
        self._token = token
        self.follower = Follower(nginx, token, [way])

    async def follow(self, room: str) -> None:
        """Until it is cancelled."""
        await self._come_in(room)
        while True:
            with contextlib.suppress(Gone):
                await self.follower.until(lambda _: False, within=2 * ALL_SECONDS)
            self.n_cuts += 1
            while not await self._opens(self.follower.resume()):
                await asyncio.sleep(RETRY_SECONDS)

    async def _come_in(self, room: str) -> None:
        if not await self._opens(self.follower.connect(room)):
            self.has_fallen = True
            self.follower = Follower(self._nginx, self._token, [LAST_RUNG])
            assert await self._opens(self.follower.connect(room)), "nothing gets through"
        self.is_open = True

    async def _opens(self, opening: object) -> bool:
        try:
            async with asyncio.timeout(OPENS_WITHIN_SECONDS):
                await opening
        except (Gone, TimeoutError):
            await self.follower.drop()
            return False
        return True


@pytest.mark.parametrize("proxy", PROXIES)
async def test_what_a_proxy_breaks_costs_no_client_a_fact(
    proxy: str, server: LiveServer, make_nginx: MakeNginx, clients: StockClients
) -> None:
    shape, shut = PROXIES[proxy]
    nginx = make_nginx(server, shape)
    box = Box.enrolled(server)
    everybody = [Perseverer(nginx, server.admin, way) for way in all_ways(clients)]
    following = [asyncio.create_task(each.follow(box.room)) for each in everybody]
    try:
        await until(following, lambda: all(each.is_open for each in everybody))
        assert {each.way.name for each in everybody if each.has_fallen} == shut
        for n in range(3):
            await cut(nginx, shape, everybody, following, box)
            await until(following, everybody_has(everybody, box.say(f"{n}: first", f"{n}: second")))
    finally:
        for task in following:
            task.cancel()
        await asyncio.gather(*following, return_exceptions=True)
        for each in everybody:
            await each.follower.drop()
    log = [
        (e["seq"], e["event"], e["data"])
        for e in reversed(walk(server, f"/api/devices/{box.device_id}/events", "events"))
    ]
    for each in everybody:
        held = each.follower.notebook
        assert held.facts == log[1:], f"{each.way}: all but the enrolment, which was before"
        assert held.n_snapshots == 1, f"{each.way}: every resume was exact"


def everybody_has(everybody: list[Perseverer], seq: int) -> Callable[[], bool]:
    return lambda: all(each.follower.notebook.seq >= seq for each in everybody)


async def cut(
    nginx: Nginx, shape: Shape, everybody: list[Perseverer], following: list[asyncio.Task[None]], box: Box
) -> None:
    """Break every line: by silence where the proxy does not bear it, else with news while nobody is there."""
    if shape is IMPATIENT:
        n_cuts = {each: each.n_cuts for each in everybody}
        await until(following, lambda: all(each.n_cuts > n for each, n in n_cuts.items()))
    else:
        nginx.stop()
        box.say(f"nobody hears it {uuid4()}")
        nginx.start()


async def until(following: list[asyncio.Task[None]], is_so: Callable[[], bool]) -> None:
    """Until it is so; raises at once what a client has to complain about."""
    waiting = asyncio.create_task(asyncio.to_thread(eventually, is_so, timeout=ALL_SECONDS))
    await asyncio.wait([waiting, *following], return_when=asyncio.FIRST_COMPLETED)
    for task in following:
        if task.done():
            await task
    await waiting


def test_no_line_is_silent_for_as_long_as_proxies_wait() -> None:
    (told,) = re.findall(r"proxy_read_timeout (\d+)s;", documented_recipe())
    assert max(COMMENT_EVERY_SECONDS, PING_EVERY_SECONDS) * 2 <= USUAL_PATIENCE_SECONDS
    assert int(told) > LONGEST_WAIT_SECONDS
