"""Networks that let only some things through: the same page by other means, and back up when it can."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import NewReader
from tests.browser.proxy import Proxy
from tests.browser.reader import CONNECTED, Reader
from tests.browser.watch import LINE_IS_DOWN, Watch
from tests.live_server import LiveServer

pytestmark = pytest.mark.browser

AT_ONCE_MS = 3_000
CLIMBS_MS = 25_000
NETWORKS = {
    "one without websockets": ({"lets_websockets_through": False}, CONNECTED, "Socket.IO"),
    "one without socket.io": ({"lets_socketio_through": False}, CONNECTED, "WebSocket"),
    "one without both": (
        {"lets_websockets_through": False, "lets_socketio_through": False},
        CONNECTED,
        "Server-Sent Events",
    ),
}


@pytest.fixture
def proxy(server: LiveServer) -> Iterator[Proxy]:
    proxy = Proxy(server.port)
    yield proxy
    proxy.close()


@pytest.fixture
def reader(new_reader: NewReader, server: LiveServer, proxy: Proxy, watch: Watch) -> Reader:
    """A reader who reaches the server only through the proxy."""
    watch.expects(LINE_IS_DOWN, "502 .Bad Gateway.")
    reader = new_reader(server, port=proxy.port)
    reader.log_in()
    return reader


def expect_way(reader: Reader, word: str, transport: str, timeout: float = 10_000) -> None:
    """The badge says how the page hears, and how long ago it did."""
    name = re.compile(rf"^Connection:\s*{word}\s*{transport} · \d+s")
    expect(reader.badge).to_have_accessible_name(name, timeout=timeout)


@pytest.mark.parametrize("network", NETWORKS)
def test_the_page_is_live_on_every_network(
    network: str, reader: Reader, server: LiveServer, proxy: Proxy
) -> None:
    limits, word, transport = NETWORKS[network]
    vars(proxy).update(limits)
    device = server.new_id("ladder")
    key = server.enrol(device, batteryLevel=80, intervalSeconds=600)
    page = reader.page
    page.goto(f"{reader.home}/devices?search={device}")
    expect_way(reader, word, transport, CLIMBS_MS)
    expect(reader.row(device).get_by_role("img", name="Battery 80 %")).to_be_visible()
    reader.badge.click()
    expect(page.get_by_role("dialog")).to_contain_text(transport)
    page.keyboard.press("Escape")

    server.heartbeat(device, key, batteryLevel=55).must()
    expect(reader.row(device).get_by_role("img", name="Battery 55 %")).to_be_visible(timeout=AT_ONCE_MS)
    reader.go("Overview")
    server.receive_sms(device, key, f"{device}: live").must()
    expect(reader.feed.get_by_text(f"{device}: live")).to_have_count(1, timeout=AT_ONCE_MS)


def test_where_nothing_but_questions_gets_through_the_page_polls_and_climbs_back_by_itself(
    reader: Reader, server: LiveServer, proxy: Proxy
) -> None:
    proxy.lets_websockets_through = proxy.lets_socketio_through = False
    proxy.holds_streams_back = True
    device = server.new_id("ladder")
    key = server.enrol(device, batteryLevel=80, intervalSeconds=600)
    reader.page.goto(f"{reader.home}/devices?search={device}")
    expect_way(reader, "Polling", "Long polling", CLIMBS_MS)
    reader.mark_document()
    expect(reader.row(device).get_by_role("img", name="Battery 80 %")).to_be_visible()
    server.heartbeat(device, key, batteryLevel=55).must()
    expect(reader.row(device).get_by_role("img", name="Battery 55 %")).to_be_visible(timeout=AT_ONCE_MS)
    reader.go("Overview")
    server.receive_sms(device, key, f"{device}: by polling").must()
    expect(reader.feed.get_by_text(f"{device}: by polling")).to_have_count(1, timeout=AT_ONCE_MS)

    proxy.lets_websockets_through = proxy.lets_socketio_through = True
    expect_way(reader, CONNECTED, "Socket.IO", CLIMBS_MS)
    server.receive_sms(device, key, f"{device}: by socket").must()
    for text in (f"{device}: by polling", f"{device}: by socket"):
        expect(reader.feed.get_by_text(text)).to_have_count(1, timeout=AT_ONCE_MS)
    expect(reader.notice).to_have_count(0)
    assert reader.is_same_document()


def test_a_line_cut_again_and_again_on_its_way_down_doubles_and_loses_nothing(
    reader: Reader, server: LiveServer, proxy: Proxy
) -> None:
    device = server.new_id("ladder")
    key = server.enrol(device, intervalSeconds=600)
    reader.open("/")
    reader.mark_document()
    all_again = ({"lets_websockets_through": True, "lets_socketio_through": True}, CONNECTED, "Socket.IO")
    texts: list[str] = []

    def post() -> None:
        texts.append(f"{device}: message {len(texts)} of many")
        server.receive_sms(device, key, texts[-1]).must()

    post()
    for limits, word, transport in (*NETWORKS.values(), all_again):
        vars(proxy).update(all_again[0] | limits)
        post()
        proxy.cut()
        post()
        expect_way(reader, word, transport, CLIMBS_MS)
        post()
    for text in texts:
        expect(reader.feed.get_by_text(text, exact=True)).to_have_count(1)
    assert reader.is_same_document()
