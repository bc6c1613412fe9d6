"""Followers that lose their connection at random moments, over and over, while the server comes and goes.

Many followers share one server and one traffic; what is counted is disconnects, of all of them together. At the
end every follower must hold exactly what the server has, by a client that was never there and by its lists.
GOIP_TEST_DROPS sets how many; GOIP_TEST_SEED has the same choices again, though not the same microseconds.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
from collections import Counter
from typing import Any

import pytest

from tests.contract.stock_client import StockClients
from tests.following import split_cursor, walk
from tests.live_fixtures import MakeServer
from tests.live_server import LiveServer
from tests.streams.followers import Follower
from tests.streams.links import Gone, PollingLink, Way, all_ways
from tests.streams.notebook import Fact
from tests.streams.traffic import Traffic

pytestmark = pytest.mark.crash

N_DROPS = int(os.environ.get("GOIP_TEST_DROPS", "1000"))
N_DROPS_ON_POSTGRES = N_DROPS // 5
N_DROPS_TO_A_RESTART = 125
LONGEST_CONNECTING_SECONDS = 0.03
LONGEST_LISTENING_SECONDS = 0.8
LONGEST_AWAY_SECONDS = 0.3
LONGEST_OUTING_SECONDS, OUTINGS = 3.0, 0.05
SETTINGS = {"REPLAY_LIMIT": "1000000", "ACCESS_TOKEN_SECONDS": "86400", "LOG_LEVEL": "warning"}


@pytest.mark.timeout(120 + N_DROPS)
async def test_however_often_a_connection_breaks_nothing_is_lost_or_repeated(
    make_server: MakeServer, clients: StockClients, seed: str
) -> None:
    server = make_server(**SETTINGS).start()
    await Run(server, all_ways(clients), seed).drop_again_and_again(N_DROPS)


@pytest.mark.timeout(120 + N_DROPS)
async def test_however_often_a_connection_breaks_nothing_is_lost_or_repeated_on_postgresql(
    make_server: MakeServer, postgres_database: str, clients: StockClients, seed: str
) -> None:
    server = make_server(postgres_database, **SETTINGS).start()
    await Run(server, all_ways(clients), seed).drop_again_and_again(N_DROPS_ON_POSTGRES)


class Run:
    """One server, one traffic, two followers for each way; as many again take any way at each connect."""

    def __init__(self, server: LiveServer, ways: list[Way], seed: str) -> None:
        self._server = server
        self._chance = random.Random(seed)
        self._traffic = Traffic(server, random.Random(f"{seed}-traffic"))
        self._drops: Counter[str] = Counter()
        self._due_restarts = asyncio.Semaphore(0)
        self._is_over = False
        kinds = [[way] for way in ways for _ in range(2)] + [ways] * (2 * len(ways))
        self._followers = [
            Follower(server, server.admin, kind, random.Random(f"{seed}-{n}")) for n, kind in enumerate(kinds)
        ]

    def _room(self, number: int) -> str:
        """Every third follows one device: one that is always there, or one that falls silent."""
        boxes = (self._traffic.steady[0], self._traffic.fickle[0])
        return boxes[number % 2].room if number % 3 == 1 else "dashboard"

    async def drop_again_and_again(self, n_drops: int) -> None:
        """So many disconnects over all; then everybody comes back, and must hold what there is to hold."""
        for number, follower in enumerate(self._followers):
            await follower.connect(self._room(number))
        async with self._traffic, asyncio.TaskGroup() as group:
            group.create_task(self._restart_when_due())
            n_each = -(-n_drops // len(self._followers))
            await asyncio.gather(*(self._lose(follower, n_each) for follower in self._followers))
            self._is_over = True
            self._due_restarts.release()
        last_of = {box.room: seq for box, seq in (await self._traffic.settle()).items()}
        last_of["dashboard"] = max(last_of.values())
        truth = await self._truth()
        for number, follower in enumerate(self._followers):
            await follower.drop()
            await follower.resume()
            await follower.until(last_of[self._room(number)])
            await self._must_hold(follower, self._room(number), truth)
        print(f"{self._drops.total()} disconnects, {dict(self._drops)}; {len(truth)} facts")
        assert self._drops.total() >= n_drops
        assert "Traceback" not in self._server.log

    async def _lose(self, follower: Follower, n_drops: int) -> None:
        """One follower's life: listen for a while, lose the connection, be away for a while, come back."""
        chance = follower.chance
        moments = {
            "while connecting": lambda: asyncio.sleep(chance.uniform(0, LONGEST_CONNECTING_SECONDS)),
            "at the first news": follower.news,
            "while listening": lambda: listen(follower, chance.uniform(0, LONGEST_LISTENING_SECONDS)),
        }
        n = 0
        while n < n_drops:
            if not follower.is_connected:
                follower.begin()
            moment = chance.choice(list(moments))
            with contextlib.suppress(Gone):
                await moments[moment]()
            how = moment if await follower.drop() else "by the server" if follower.is_answered else None
            if how is not None:  # else there was no connection to lose: the server was away
                n += 1
                self._count(how)
            is_outing = chance.random() < OUTINGS
            await asyncio.sleep(
                chance.uniform(0, LONGEST_OUTING_SECONDS if is_outing else LONGEST_AWAY_SECONDS)
            )

    def _count(self, how: str) -> None:
        self._drops[how] += 1
        if self._drops.total() % N_DROPS_TO_A_RESTART == 0:
            self._due_restarts.release()

    async def _restart_when_due(self) -> None:
        while True:
            await self._due_restarts.acquire()
            if self._is_over:
                return
            await asyncio.to_thread(self._chance.choice([self._server.kill, self._server.stop]))
            await asyncio.sleep(self._chance.uniform(0, LONGEST_AWAY_SECONDS))
            await asyncio.to_thread(self._server.start)

    async def _truth(self) -> list[Fact]:
        """All facts, as a client reads them that was never there; and as the lists have them."""
        reader = Follower(self._server, self._server.admin, [Way("polling", PollingLink)])
        epoch, _ = split_cursor(self._server.state()["cursor"])
        await reader.connect("dashboard", f"{epoch}:0")
        await reader.drop()
        facts = reader.notebook.facts
        for box in (*self._traffic.steady, *self._traffic.fickle):
            listed = await asyncio.to_thread(
                walk, self._server, f"/api/devices/{box.device_id}/events", "events"
            )
            mine = [fact for fact in facts if fact[2]["deviceId"] == box.device_id]
            assert mine == sorted((event["seq"], event["event"], event["data"]) for event in listed)
        messages = await asyncio.to_thread(walk, self._server, "/api/sms", "messages")
        assert sorted(message["message"] for message in messages) == sorted(reader.notebook.texts)
        assert self._traffic.acknowledged <= set(reader.notebook.texts)
        return facts

    async def _must_hold(self, follower: Follower, room: str, truth: list[Fact]) -> None:
        """Every fact of its room, once and in order; the newest state of everything; never told to begin again."""
        held = follower.notebook
        wanted = [
            fact
            for fact in truth
            if fact[0] > held.begun_at and room in ("dashboard", f"device-{fact[2]['deviceId']}")
        ]
        assert [fact[0] for fact in held.facts] == [fact[0] for fact in wanted]
        assert held.facts == wanted
        state = await asyncio.to_thread(self._server.state, room)
        devices = {device["deviceId"]: device for device in state["devices"]}
        await follower.until(lambda notebook: notebook.devices == devices)
        if room == "dashboard":
            await follower.until(lambda notebook: totals(notebook.stats) == totals(state["stats"]))
        assert held.n_snapshots == 1, "every resume was exact"


async def listen(follower: Follower, seconds: float) -> None:
    """For so long after the answer, or until the connection ends."""
    await follower.answered()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await follower.until(lambda _: False, within=2 * seconds + 1)


def totals(stats: Any) -> Any:
    """The totals without the time at which they were told."""
    return {name: value for name, value in stats.items() if name != "timestamp"}
