"""Followers over every transport, against servers in processes of their own."""

from __future__ import annotations

import os
import random
import secrets
from collections.abc import AsyncIterator, Callable, Iterator

import pytest

from tests.contract.conftest import clients, node
from tests.contract.stock_client import StockClients
from tests.live_fixtures import (
    _server_log,
    make_server,
    postgres_database,
    running_on,
)
from tests.live_server import LiveServer
from tests.streams.followers import Follower
from tests.streams.links import Way, all_ways

__all__ = ["_server_log", "clients", "make_server", "node", "postgres_database"]

NAMES = [
    "socketio-websocket-events",
    "socketio-websocket-frames",
    "socketio-polling-events",
    "socketio-polling-frames",
    "websocket",
    "sse",
    "polling",
]
MIXED = "mixed"
MakeFollower = Callable[..., Follower]


@pytest.fixture(params=[*NAMES, MIXED])
def ways(request: pytest.FixtureRequest, clients: StockClients) -> list[Way]:
    """Each transport alone, and then all of them in turn by chance."""
    return [way for way in all_ways(clients) if request.param in (MIXED, way.name)]


@pytest.fixture(scope="session", params=["sqlite"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A server that all tests share: nobody may stop it or count its devices. Some want it on each database."""
    with running_on(request.param, tmp_path_factory) as server:
        yield server


@pytest.fixture
def seed() -> str:
    """What all chance comes from; set GOIP_TEST_SEED to the seed that a failure printed to have it again."""
    seed = os.environ.get("GOIP_TEST_SEED") or secrets.token_hex(4)
    print(f"GOIP_TEST_SEED={seed}")
    return seed


@pytest.fixture
async def make_follower(ways: list[Way], seed: str) -> AsyncIterator[MakeFollower]:
    """Followers by the ways of this test; the admin's, unless a token is given. Dropped with the test."""
    made: list[Follower] = []

    def make(server: LiveServer, token: str | None = None) -> Follower:
        chance = random.Random(f"{seed}-{len(made)}")
        made.append(Follower(server, token or server.admin, ways, chance))
        return made[-1]

    yield make
    for follower in made:
        await follower.drop()
