"""A shared server on each database, the stock JavaScript client, and the ways in which it may come."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.contract.stock_client import StockClients, StockSocket
from tests.live_fixtures import _server_log, make_server, server
from tests.live_server import LiveServer

__all__ = ["_server_log", "make_server", "server"]


_ON_ONE_DATABASE = ("test_stock_client_connects", "test_stock_client_rooms", "test_stock_client_devices")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """How a stock client comes in does not depend on the database, and what it resumes from is tested on both."""
    dropped = [item for item in items if item.path.stem in _ON_ONE_DATABASE and "postgresql" in item.name]
    if dropped:
        config.hook.pytest_deselected(items=dropped)
        kept = set(items).difference(dropped)
        items[:] = [item for item in items if item in kept]


@dataclass(frozen=True)
class Way:
    """How a stock client is set up: its transport and its path."""

    transport: str
    options: dict[str, Any]

    def __str__(self) -> str:
        path = self.options.get("path", "the default path")
        return f"{self.transport} at {path}" + (
            "" if self.options.get("addTrailingSlash", True) else " without slash"
        )

    def connect(
        self, clients: StockClients, server: LiveServer, token: str | None = None, **options: Any
    ) -> StockSocket:
        """A socket that shows this token, if any; `auth` and other options of `io()` may be given too."""
        auth = ({"token": token} if token else {}) | options.pop("auth", {})
        options = {"transports": [self.transport], "auth": auth} | self.options | options
        return clients.connect(server.url, **options)


PATHS: list[dict[str, Any]] = [
    {},
    {"path": "/api/socket/io"},
    {"path": "/socket.io", "addTrailingSlash": False},
    {"path": "/api/socket/io", "addTrailingSlash": False},
]
WAYS = [Way(transport, options) for transport in ("websocket", "polling") for options in PATHS]


@pytest.fixture(scope="session")
def node() -> Iterator[StockClients]:
    clients = StockClients()
    yield clients
    clients.close()


@pytest.fixture
def clients(node: StockClients) -> Iterator[StockClients]:
    """Stock clients; those that a test leaves open are closed after it."""
    yield node
    node.close_all()


@pytest.fixture(params=WAYS, ids=str)
def any_way(request: pytest.FixtureRequest) -> Way:
    """Each transport at each path."""
    way: Way = request.param
    return way


@pytest.fixture(params=[WAYS[0], WAYS[5]], ids=["websocket", "polling"])
def way(request: pytest.FixtureRequest) -> Way:
    """Each transport once, at one path each."""
    way: Way = request.param
    return way
