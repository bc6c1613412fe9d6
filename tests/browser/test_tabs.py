"""Several tabs of one reader: one line to the server, the same messages in each, and no loss when a tab goes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, WebSocket, expect

from tests.browser.conftest import NewReader
from tests.browser.reader import CONNECTED, Reader
from tests.browser.watch import LINE_IS_DOWN, Watch
from tests.following import eventually
from tests.live_fixtures import running
from tests.live_server import LiveServer

pytestmark = pytest.mark.browser

AT_ONCE_MS = 3_000
TAKES_OVER_MS = 30_000
HANGS_MS = 20_000
COMES_BACK_MS = 20_000


class Tab:
    """One tab, and the sockets that it has opened."""

    def __init__(self, reader: Reader, page: Page) -> None:
        self.page = page
        self.reader = reader
        self._sockets: list[WebSocket] = []
        page.on("websocket", lambda socket: self._sockets.append(socket))
        page.goto(f"{reader.home}/")
        self.expect_badge(CONNECTED)

    @property
    def n_sockets(self) -> int:
        """How many of its sockets are open."""
        self.page.context.cookies()  # lets the browser tell what happened meanwhile
        return sum(not socket.is_closed() for socket in self._sockets)

    @property
    def badge(self) -> Locator:
        return self.page.get_by_role("button", name=re.compile(r"^Connection:"))

    @property
    def notice(self) -> Locator:
        """What is said about the connection across the page."""
        words = re.compile(r"The live connection is down|Connection is back")
        return self.page.get_by_role("paragraph").filter(has_text=words)

    def expect_badge(self, words: str, timeout: float = 15_000) -> None:
        expect(self.badge).to_have_accessible_name(re.compile(rf"^Connection:\s*{words}"), timeout=timeout)

    def expect_once_each(self, *texts: str) -> None:
        feed = self.page.get_by_role("region", name="Live messages")
        for text in texts:
            expect(feed.get_by_text(text, exact=True)).to_have_count(1, timeout=AT_ONCE_MS)

    def details(self) -> str:
        """What stands behind the badge."""
        self.badge.click()
        text = self.page.get_by_role("dialog").inner_text()
        self.page.keyboard.press("Escape")
        expect(self.page.get_by_role("dialog")).to_have_count(0)
        return text


class Sender:
    """A device that receives messages."""

    def __init__(self, server: LiveServer) -> None:
        self._server = server
        self._id = server.new_id("tabs")
        self._key = server.enrol(self._id, intervalSeconds=600)
        self.texts: list[str] = []

    def send(self, n: int = 1) -> None:
        for _ in range(n):
            self.texts.append(f"{self._id}: message {len(self.texts)} of many")
            self._server.receive_sms(self._id, self._key, self.texts[-1]).must()


@pytest.fixture
def mortal_server(_built_page: None, tmp_path: Path) -> Iterator[LiveServer]:
    """A server of one test's own, which may be killed."""
    with running(LiveServer(tmp_path)) as server:
        yield server


@pytest.fixture
def sender(server: LiveServer) -> Sender:
    return Sender(server)


def three_tabs(reader: Reader) -> list[Tab]:
    """The first one leads."""
    return [Tab(reader, page) for page in (reader.page, reader.context.new_page(), reader.context.new_page())]


def sockets_of(tabs: list[Tab]) -> list[int]:
    return [tab.n_sockets for tab in tabs]


def test_three_tabs_have_one_socket_and_go_on_when_the_one_that_has_it_is_closed(
    reader: Reader, sender: Sender
) -> None:
    leader, *others = three_tabs(reader)
    assert sockets_of([leader, *others]) == [1, 0, 0]
    sender.send(3)
    for tab in (leader, *others):
        tab.expect_once_each(*sender.texts)
        tab.expect_badge(rf"{CONNECTED}\s*Socket.IO · \d+s")
    assert "through another tab" not in leader.details()
    assert all("Socket.IO, through another tab" in tab.details() for tab in others)

    sender.send()
    leader.page.close()
    sender.send(3)
    for tab in others:
        tab.expect_badge(CONNECTED)
        tab.expect_once_each(*sender.texts)
    eventually(lambda: sorted(sockets_of(others)) == [0, 1])
    sender.send()
    for tab in others:
        tab.expect_once_each(*sender.texts)
    assert any("this tab took the line over" in tab.details() for tab in others)


def test_the_line_of_a_tab_that_hangs_is_taken_over_and_it_follows_when_it_is_back(
    reader: Reader, sender: Sender
) -> None:
    leader, *others = three_tabs(reader)
    sender.send()
    leader.expect_once_each(*sender.texts)
    hang = "ms => void setTimeout(() => { for (const end = Date.now() + ms; Date.now() < end;); }, 0)"
    leader.page.evaluate(hang, HANGS_MS)
    sender.send(3)
    eventually(lambda: sum(sockets_of(others)) == 1, timeout=TAKES_OVER_MS / 1_000)
    for tab in others:
        tab.expect_badge(CONNECTED)
        tab.expect_once_each(*sender.texts)
    eventually(lambda: sockets_of([leader]) == [0], timeout=TAKES_OVER_MS / 1_000)
    leader.expect_badge(CONNECTED, TAKES_OVER_MS)
    assert "through another tab" in leader.details()
    sender.send()
    for tab in (leader, *others):
        tab.expect_once_each(*sender.texts)
    assert sum(sockets_of([leader, *others])) == 1


def test_a_frozen_tab_is_caught_up_in_one_go(reader: Reader, sender: Sender) -> None:
    leader, follower, _ = three_tabs(reader)
    # Chromium freezes only pages that nobody can see, and here it draws all: the page is told, as it would be.
    follower.page.evaluate("() => document.dispatchEvent(new Event('freeze'))")
    sender.send(30)
    leader.expect_once_each(*sender.texts)
    asked: list[str] = []
    follower.page.on("request", lambda request: asked.append(request.url))
    follower.page.evaluate("() => document.dispatchEvent(new Event('resume'))")
    follower.expect_once_each(*sender.texts)
    follower.expect_badge(CONNECTED)
    assert sum("/api/events?" in url for url in asked) == 1
    assert sum("/api/state" in url for url in asked) == 0
    assert re.search(r"complete: \d+ events replayed", follower.details())


def test_an_outage_is_told_in_every_tab_with_what_it_cost(
    new_reader: NewReader, mortal_server: LiveServer, watch: Watch
) -> None:
    watch.expects(LINE_IS_DOWN)
    reader, sender = new_reader(mortal_server), Sender(mortal_server)
    reader.log_in()
    tabs = three_tabs(reader)
    sender.send()
    mortal_server.kill()
    for tab in tabs:
        expect(tab.notice).to_have_text(re.compile("The live connection is down"), timeout=AT_ONCE_MS)
    # What the browser cannot reach while it is offline, it cannot have seen live.
    reader.context.set_offline(True)
    mortal_server.start()
    sender.send(4)
    reader.context.set_offline(False)
    for tab in tabs:
        tab.expect_badge(CONNECTED, COMES_BACK_MS)
        expect(tab.notice).to_have_text(re.compile(r"Complete: \d+ events replayed after \d+[sm]"))
        tab.expect_once_each(*sender.texts)
        assert re.search(r"none\b.*\n*.*the line broke", tab.details())
    assert sorted(sockets_of(tabs)) == [0, 0, 1]


def test_signing_out_in_a_tab_without_the_line_ends_all(
    new_reader: NewReader, server: LiveServer, watch: Watch
) -> None:
    watch.expects("401 .Unauthorized.", "WebSocket connection to")
    reader = new_reader(server)
    reader.log_in_anew()
    tabs = three_tabs(reader)
    last = tabs[-1].page
    last.get_by_role("button", name=re.compile("^Account:")).click()
    last.get_by_role("menuitem", name="Sign out").click()
    for tab in tabs:
        expect(tab.page.get_by_role("heading", name="Sign in")).to_be_visible(timeout=AT_ONCE_MS)
    eventually(lambda: sockets_of(tabs) == [0, 0, 0])


def test_on_plain_http_every_tab_has_a_line_of_its_own(
    new_reader: NewReader, server: LiveServer, sender: Sender, watch: Watch
) -> None:
    watch.expects("Cross-Origin-Opener-Policy header has been ignored")
    reader = new_reader(server, host="goip.test")
    reader.page.goto(f"{reader.home}/login")
    reader.sign_in()
    reader.expect_badge(CONNECTED)
    tabs = three_tabs(reader)
    assert sockets_of(tabs) == [1, 1, 1]
    sender.send(2)
    for tab in tabs:
        tab.expect_once_each(*sender.texts)
