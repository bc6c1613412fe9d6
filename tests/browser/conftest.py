"""A browser, a server that most tests share, and readers whose every misstep fails their test."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from tests.browser.reader import Reader
from tests.browser.watch import Watch
from tests.live_fixtures import _server_log, make_server, running
from tests.live_server import LiveServer
from tests.services import chromium_path

__all__ = ["_server_log", "make_server"]

ROOT = Path(__file__).resolve().parents[2]
PICTURES = ROOT / "web" / "test-results"
ARGUMENTS = (
    "--no-sandbox",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # A name that is not loopback: there the page is on plain HTTP, as on most networks of gateways.
    "--host-resolver-rules=MAP goip.test 127.0.0.1",
)
PATIENCE_MS = 10_000

FIGURES = pytest.StashKey[list[str]]()
REPORT = pytest.StashKey[pytest.TestReport]()
NewReader = Callable[..., Reader]


@pytest.fixture(scope="package")
def _built_page() -> None:
    """The page in `goip/static`: what make builds, if nobody did."""
    if not (ROOT / "goip" / "static" / "index.html").exists():
        subprocess.run(["make", "page"], cwd=ROOT, check=True)


@contextlib.contextmanager
def running_chromium() -> Iterator[Browser]:
    """A Chromium; skips loudly where there is none, and fails where there must be one."""
    path = chromium_path()
    if path is None:
        refuse = pytest.fail if os.environ.get("CI", "").lower() == "true" else pytest.skip
        refuse("the browser tests are left out: no Chromium found; install one, or set GOIP_TEST_CHROMIUM")
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=list(ARGUMENTS))
        yield chromium
        chromium.close()


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """One Chromium for all. It ends with the package: its event loop would be in the way of other tests' loops."""
    with running_chromium() as chromium:
        yield chromium


@pytest.fixture(scope="package")
def server(_built_page: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A server that most tests share: nobody may stop it or count its devices."""
    with running(LiveServer(tmp_path_factory.mktemp("server"))) as server:
        yield server


@pytest.fixture
def watch() -> Iterator[Watch]:
    """What no page may do; fails the test at its end."""
    watch = Watch()
    yield watch
    assert watch.offences == []


@pytest.fixture
def new_reader(
    request: pytest.FixtureRequest, browser: Browser, watch: Watch, _built_page: None
) -> Iterator[NewReader]:
    """Readers of a server, each with a browser context of their own; `options` are the context's."""
    readers: list[Reader] = []

    def make(
        server: LiveServer,
        host: str = "127.0.0.1",
        port: int | None = None,
        scheme: str = "http",
        **options: Any,
    ) -> Reader:
        options = {"viewport": {"width": 1280, "height": 800}, "locale": "en-GB"} | options
        context = browser.new_context(**options)
        home = f"{scheme}://{host}:{port or server.port}"
        watch.follow(context, home)
        readers.append(Reader(context, server, home))
        return readers[-1]

    yield make
    has_failed = request.node.stash[REPORT].failed if REPORT in request.node.stash else False
    for n, reader in enumerate(readers):
        if has_failed:
            PICTURES.mkdir(exist_ok=True)
            reader.page.screenshot(path=PICTURES / f"{request.node.name}-{n}.png")
        reader.context.close()


@pytest.fixture
def reader(new_reader: NewReader, server: LiveServer) -> Reader:
    """The admin of the shared server, logged in."""
    reader = new_reader(server)
    reader.log_in()
    return reader


@pytest.fixture
def figure(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Notes a measured figure, to be printed at the end of the run."""
    return request.config.stash.setdefault(FIGURES, []).append


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Let fixtures know how their test went."""
    report = yield
    if report.when == "call":
        item.stash[REPORT] = report
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print the figures."""
    figures = config.stash.get(FIGURES, [])
    if figures:
        terminalreporter.section("figures of the page")
        for line in figures:
            terminalreporter.line(line)
