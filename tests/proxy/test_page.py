"""The page behind proxies that are no friends of live connections: it finds a way, says which, and misses nothing."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import NewReader
from tests.browser.reader import CONNECTED, Reader
from tests.browser.watch import LINE_IS_DOWN, Watch
from tests.live_server import LiveServer
from tests.proxy.conftest import MakeNginx
from tests.proxy.nginx import AS_DOCUMENTED, BUFFERING, IMPATIENT, NO_UPGRADE, Nginx, Shape
from tests.streams.posting import Box

pytestmark = pytest.mark.browser

ONLY_QUESTIONS: Shape = {**BUFFERING, **NO_UPGRADE, "rewrite": "^/api/socket /api/nothing break"}
"""No WebSockets, streams held back, and a filter that knows Socket.IO by its path."""

PROXIES: dict[str, tuple[Shape, str, str]] = {
    "one that holds streams back": (BUFFERING, CONNECTED, "Socket.IO"),
    "one that knows no websockets": (NO_UPGRADE, CONNECTED, "Socket.IO"),
    "one that cuts who is silent": (IMPATIENT, CONNECTED, "Socket.IO"),
    "one for questions only": (ONLY_QUESTIONS, "Polling", "Long polling"),
}
FINDS_ITS_WAY_MS = 30_000
COMES_BACK_MS = 30_000
"""The page's longest back-off, and some."""
N_ROUNDS = 2


class Behind:
    """A reader behind one of the proxies."""

    def __init__(self, name: str, nginx: Nginx, reader: Reader) -> None:
        self.shape, self._word, self._transport = PROXIES[name]
        self.nginx = nginx
        self.reader = reader

    def expect_way(self) -> None:
        """The badge says how the page hears, and how long ago it did."""
        name = re.compile(rf"^Connection:\s*{self._word}\s*{self._transport} · \d+s")
        expect(self.reader.badge).to_have_accessible_name(name, timeout=FINDS_ITS_WAY_MS)

    def expect_text(self, text: str) -> None:
        """In the feed of the overview, once."""
        found = self.reader.feed.get_by_text(text, exact=True)
        expect(found).to_have_count(1, timeout=COMES_BACK_MS)


@pytest.fixture
def everybody(server: LiveServer, make_nginx: MakeNginx, new_reader: NewReader, watch: Watch) -> list[Behind]:
    """A reader behind each of the proxies, logged in."""
    watch.expects(LINE_IS_DOWN, "status of 40[04] ", "status of 50[24] ")
    behind = []
    for name, (shape, _, _) in PROXIES.items():
        nginx = make_nginx(server, shape)
        behind.append(Behind(name, nginx, new_reader(server, port=nginx.port)))
        behind[-1].reader.log_in()
    return behind


@pytest.mark.timeout(300)
def test_the_page_is_live_behind_every_proxy_and_cuts_cost_it_nothing(
    everybody: list[Behind], server: LiveServer
) -> None:
    box = Box.enrolled(server)
    box.beat(batteryLevel=80)
    for each in everybody:
        each.reader.page.goto(f"{each.reader.home}/devices?search={box.device_id}")
        each.reader.mark_document()
    for each in everybody:
        each.expect_way()
    box.beat(batteryLevel=55)
    for each in everybody:
        battery = each.reader.row(box.device_id).get_by_role("img", name="Battery 55 %")
        expect(battery).to_be_visible(timeout=COMES_BACK_MS)
        each.reader.go("Overview")

    texts: list[str] = []

    def post(what: str) -> None:
        texts.append(f"{box.device_id} {len(texts)}: {what}")
        box.say(texts[-1])

    for _ in range(N_ROUNDS):
        for what in ("live", "live again", "and again"):
            post(what)
            for each in everybody:
                each.expect_text(texts[-1])
        cut_all(everybody, lambda: post("nobody hears it"))
        post("some may be back")
        for each in everybody:
            each.expect_text(texts[-1])
    for each in everybody:
        each.expect_way()
        for text in texts:
            each.expect_text(text)
        assert each.reader.is_same_document()


def test_who_logs_in_by_https_is_live_and_keeps_the_cookies_for_https(
    server: LiveServer, make_nginx: MakeNginx, new_reader: NewReader
) -> None:
    nginx = make_nginx(server, AS_DOCUMENTED, speaks_tls=True)
    reader = new_reader(server, port=nginx.port, scheme="https", ignore_https_errors=True)
    reader.page.goto(reader.home)
    with reader.page.expect_websocket(lambda socket: socket.url.startswith("wss:"), timeout=FINDS_ITS_WAY_MS):
        reader.sign_in()
    reader.page.mouse.move(0, 0)  # a feed under the pointer stands still
    reader.expect_badge(rf"{CONNECTED}\s*Socket\.IO")
    assert {cookie["secure"] for cookie in reader.context.cookies()} == {True}

    box = Box.enrolled(server)
    box.say(f"{box.device_id}: by wss")
    expect(reader.feed.get_by_text(f"{box.device_id}: by wss", exact=True)).to_have_count(1)


def cut_all(everybody: list[Behind], meanwhile: Callable[[], None]) -> None:
    """Break every line: by silence where the proxy does not bear it."""
    for each in everybody:
        if each.shape is IMPATIENT:
            with each.reader.page.expect_websocket(timeout=COMES_BACK_MS):
                """Opens anew once it was cut."""
        else:
            each.nginx.stop()
    meanwhile()
    for each in everybody:
        if each.shape is not IMPATIENT:
            each.nginx.start()
