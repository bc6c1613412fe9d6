"""One server for all the fuzzing of a module, a neighbour on it, and a log that must stay calm."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.fuzz.neighbour import Neighbour
from tests.live_fixtures import _server_log, running
from tests.live_server import LiveServer

__all__ = ["_server_log"]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A server that is alive and has logged no surprise when all tests of the module are through."""
    with running(LiveServer(tmp_path_factory.mktemp("fuzzed"), LOG_LEVEL="warning")) as server:
        yield server
        assert server.is_running
        assert server.get("/api/health/ready").status == 200
        assert "Traceback" not in server.log, server.log[server.log.index("Traceback") - 1000 :][:4000]


@pytest.fixture(scope="module", autouse=True)
def neighbour(server: LiveServer) -> Iterator[Neighbour]:
    neighbour = Neighbour(server).start()
    yield neighbour
    neighbour.stop()
