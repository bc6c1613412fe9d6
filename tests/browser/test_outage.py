"""A line that breaks: the page says so, says since when its values are old, and comes back without a loss."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.conftest import NewReader
from tests.browser.reader import CONNECTED, Reader
from tests.browser.watch import LINE_IS_DOWN, Watch
from tests.live_fixtures import running
from tests.live_server import LiveServer

pytestmark = pytest.mark.browser

SAYS_SO_MS = 5_000
COMES_BACK_MS = 20_000


@pytest.fixture(scope="module")
def mortal_server(_built_page: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A server of this module's own, which may be killed; it replays little."""
    with running(LiveServer(tmp_path_factory.mktemp("mortal-server"), REPLAY_LIMIT="20")) as server:
        yield server


def opacity(value: Locator) -> float:
    """How strongly something is drawn, with all that it stands in."""
    script = "(one) => { let o = 1; for (; one; one = one.parentElement) o *= getComputedStyle(one).opacity; return o }"
    return float(value.evaluate(script))


def expect_once_each(reader: Reader, texts: list[str]) -> None:
    """Wait until the feed shows each of these messages, and no one twice."""
    for text in texts:
        expect(reader.feed.get_by_text(text, exact=True)).to_have_count(1)


def expect_stale(reader: Reader) -> None:
    """The page says that its line is down, and since when its values are old."""
    reader.expect_badge_to_leave(CONNECTED, SAYS_SO_MS)
    expect(reader.notice).to_have_text(
        re.compile(r"The live connection is down\.\s+Values are as of \d\d:\d\d:\d\d"), timeout=SAYS_SO_MS
    )


def test_a_pulled_cable_is_told_and_what_was_missed_comes_in_once(
    reader: Reader, server: LiveServer, watch: Watch
) -> None:
    watch.expects(LINE_IS_DOWN)
    device = server.new_id("cable")
    key = server.enrol(device, batteryLevel=80, intervalSeconds=600)
    texts = [f"{device}: message {n}" for n in range(1, 8)]
    server.receive_sms(device, key, texts[0]).must()
    page = reader.open("/")
    expect_once_each(reader, texts[:1])
    figure = (
        page.get_by_role("main")
        .get_by_role("link", name=re.compile("^Devices"))
        .get_by_text(re.compile(r"^\d+$"))
    )
    assert opacity(figure) == 1
    reader.mark_document()

    reader.context.set_offline(True)
    expect_stale(reader)
    assert opacity(figure) < 0.9
    for text in texts[1:]:
        server.receive_sms(device, key, text).must()
    server.heartbeat(device, key, batteryLevel=79).must()

    reader.context.set_offline(False)
    reader.expect_badge(CONNECTED, COMES_BACK_MS)
    expect_once_each(reader, texts)
    told = reader.notice.inner_text()
    complete = re.search(r"Connection is back\. Complete: (\d+) events replayed", told)
    assert complete is not None, told
    assert int(complete[1]) >= len(texts[1:]) + 1
    assert opacity(figure) == 1

    reader.go("Inbox")
    page.get_by_label("Search messages").fill(device)
    for text in texts:
        expect(page.get_by_role("region", name="Messages found").get_by_text(text)).to_have_count(1)
    reader.go("Devices")
    page.get_by_label("Search devices").fill(device)
    expect(reader.row(device).get_by_role("img", name="Battery 79 %")).to_be_visible()
    assert reader.is_same_document()


def test_open_lists_take_in_what_an_outage_hid(
    new_reader: NewReader, server: LiveServer, watch: Watch
) -> None:
    """A conversation and a device's room are lists of their own: they too are whole afterwards."""
    watch.expects(LINE_IS_DOWN)
    device = server.new_id("lists")
    key = server.enrol(device, intervalSeconds=600)
    server.receive_sms(device, key, "before it").must()
    at_device, at_inbox = new_reader(server), new_reader(server)
    for reader in (at_device, at_inbox):
        reader.log_in()
    room = at_device.open(f"/devices/{device}").get_by_role("tabpanel", name="Messages")
    inbox = at_inbox.open(f"/inbox?device={device}")
    inbox.get_by_role("region", name="Conversations").get_by_role("link").click()
    conversation = inbox.get_by_role("region", name="+15550123")
    for shown in (room, conversation):
        expect(shown.get_by_text("before it")).to_be_visible()
    for reader in (at_device, at_inbox):
        reader.context.set_offline(True)
        reader.expect_badge_to_leave(CONNECTED, SAYS_SO_MS)
    server.receive_sms(device, key, "while it lasted").must()
    for reader in (at_device, at_inbox):
        reader.context.set_offline(False)
        reader.expect_badge(CONNECTED, COMES_BACK_MS)
    for shown in (room, conversation):
        expect(shown.get_by_text("while it lasted")).to_have_count(1)
        expect(shown.get_by_text("before it")).to_have_count(1)


def test_a_killed_server_is_told_and_all_that_it_acknowledged_is_there(
    mortal_server: LiveServer, new_reader: NewReader, watch: Watch
) -> None:
    watch.expects(LINE_IS_DOWN)
    server = mortal_server
    key = server.enrol("killed", batteryLevel=80, intervalSeconds=600)
    server.receive_sms("killed", key, "long before").must()
    reader = new_reader(server)
    reader.log_in()
    page = reader.open("/")
    expect_once_each(reader, ["long before"])
    reader.mark_document()

    server.receive_sms("killed", key, "just before").must()
    server.kill()
    expect_stale(reader)
    expect(page.get_by_role("button", name="Retry now")).to_be_visible()
    # What the browser cannot reach while it is offline, it cannot have seen live.
    reader.context.set_offline(True)
    server.start()
    for text in ("just after", "soon after"):
        server.receive_sms("killed", key, text).must()
    reader.context.set_offline(False)
    reader.expect_badge(CONNECTED, COMES_BACK_MS)
    expect(reader.notice).to_have_text(re.compile(r"Complete: \d+ events? replayed"))
    expect_once_each(reader, ["long before", "just before", "just after", "soon after"])
    server.receive_sms("killed", key, "long after").must()
    expect_once_each(reader, ["long after"])
    assert reader.is_same_document()


def test_an_outage_too_long_to_replay_is_called_a_gap_and_the_newest_is_there(
    mortal_server: LiveServer, new_reader: NewReader, watch: Watch
) -> None:
    watch.expects(LINE_IS_DOWN)
    server = mortal_server
    key = server.enrol("box", intervalSeconds=600)
    reader = new_reader(server)
    reader.log_in()
    reader.open("/")
    reader.context.set_offline(True)
    expect_stale(reader)
    texts = [f"missed {n:02}" for n in range(30)]
    bodies = [{"deviceId": "box", "sender": "BANK", "message": text} for text in texts]
    assert all(answer["success"] for answer in server.post("/api/sms/receive", bodies, key).must())
    reader.context.set_offline(False)
    reader.expect_badge(CONNECTED, COMES_BACK_MS)
    expect(reader.notice).to_have_text(re.compile(r"Gap: refreshed from a snapshot"))
    expect_once_each(reader, texts)
    server.receive_sms("box", key, "and on it goes").must()
    expect_once_each(reader, ["and on it goes"])


def test_a_page_opened_while_the_server_is_away_says_so_and_goes_on_by_itself(
    reader: Reader, watch: Watch
) -> None:
    watch.expects(LINE_IS_DOWN)
    page = reader.page
    reader.context.route("**/api/**", lambda route: route.abort())
    page.goto(f"{reader.home}/devices")
    expect(page.get_by_role("heading", name="The server cannot be reached")).to_be_attached()
    reader.context.unroute("**/api/**")
    reader.expect_badge(CONNECTED, COMES_BACK_MS)
    expect(page.get_by_role("heading", level=1)).to_have_text("Devices")
