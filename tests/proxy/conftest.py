"""A server that believes its proxies, the nginx in front of it in any shape, and the clients that come through."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.browser.conftest import (
    _built_page,
    new_reader,
    pytest_runtest_makereport,
    running_chromium,
    watch,
)
from tests.contract.conftest import clients, node
from tests.live_fixtures import _server_log, make_server, running
from tests.live_server import LiveServer
from tests.proxy.nginx import Nginx, Shape
from tests.services import nginx_trouble

__all__ = [
    "_built_page",
    "_server_log",
    "clients",
    "make_server",
    "new_reader",
    "node",
    "pytest_runtest_makereport",
    "watch",
]

MakeNginx = Callable[..., Nginx]


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A server that most tests share: nobody may stop it or count its devices."""
    with running(LiveServer(tmp_path_factory.mktemp("behind"), TRUSTED_PROXIES="127.0.0.1")) as server:
        yield server


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One Chromium for a file of tests: the other files have event loops of their own."""
    with running_chromium() as chromium:
        yield chromium


@pytest.fixture
def make_nginx(tmp_path: Path) -> Iterator[MakeNginx]:
    """Proxies in front of a server, started; they end with the test. Skips loudly where there is no nginx."""
    trouble = nginx_trouble()
    if trouble is not None:
        refuse = pytest.fail if os.environ.get("CI", "").lower() == "true" else pytest.skip
        refuse(f"the proxy tests are left out: {trouble}; apt-get install nginx-light openssl")
    made: list[Nginx] = []

    def make(server: LiveServer, shape: Shape, *, speaks_tls: bool = False) -> Nginx:
        made.append(Nginx(tmp_path / f"nginx-{len(made)}", server.port, shape, speaks_tls=speaks_tls))
        return made[-1].start()

    yield make
    for nginx in made:
        nginx.stop()
        print(f"---- log of nginx at {nginx.url} ----\n{nginx.log[-2000:]}")
