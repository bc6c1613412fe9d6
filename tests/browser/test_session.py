"""Sessions that end, by their owner's will or not; and what each role may do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, WebSocket, expect

from tests.browser.conftest import NewReader
from tests.browser.reader import CONNECTED, Reader
from tests.browser.watch import Watch
from tests.following import eventually
from tests.live_fixtures import running
from tests.live_server import LiveServer

pytestmark = pytest.mark.browser

CLOSED_WITHIN_MS = 10_000
SHORTEST_TOKEN_SECONDS = 30
PASSWORD = "password-of-somebody"


@dataclass
class OpenPage:
    """A page that was opened before the other tests of this module, and the access token that it came with."""

    reader: Reader
    watch: Watch
    token: str
    sockets: list[WebSocket]


@pytest.fixture(scope="module")
def hasty_server(_built_page: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A server with the shortest tokens there are."""
    settings = {"ACCESS_TOKEN_SECONDS": str(SHORTEST_TOKEN_SECONDS)}
    with running(LiveServer(tmp_path_factory.mktemp("hasty-server"), **settings)) as server:
        yield server


@pytest.fixture(scope="module", autouse=True)
def open_all_the_while(browser: Browser, hasty_server: LiveServer) -> Iterator[OpenPage]:
    """Open already while the other tests run, for tokens take their time to end."""
    context, watch, sockets = browser.new_context(), Watch(), list[WebSocket]()
    watch.follow(context, hasty_server.url)
    reader = Reader(context, hasty_server, hasty_server.url)
    reader.page.on("websocket", lambda socket: sockets.append(socket))
    reader.log_in_anew()
    reader.open("/")
    reader.mark_document()
    cookies = {cookie["name"]: cookie["value"] for cookie in context.cookies()}
    yield OpenPage(reader, watch, cookies["goip_access"], sockets)
    context.close()


class Person:
    """A user of the server, made for one test."""

    def __init__(self, server: LiveServer, role: str) -> None:
        self._server = server
        self.name = server.new_id(role)
        body = {"username": self.name, "password": PASSWORD, "role": role}
        self._id = server.post("/api/users", body, server.admin).must(201)["user"]["id"]

    def change(self, **changes: object) -> None:
        """As an admin does; it ends the person's sessions."""
        self._server.request("PATCH", f"/api/users/{self._id}", token=self._server.admin, body=changes).must()


@pytest.fixture
def operator(server: LiveServer) -> Person:
    return Person(server, "operator")


def expect_login(reader: Reader) -> None:
    expect(reader.page.get_by_role("heading", name="Sign in")).to_be_visible(timeout=CLOSED_WITHIN_MS)


def expect_heading(reader: Reader, text: str) -> None:
    expect(reader.page.get_by_role("heading", level=1)).to_have_text(text)


def test_signing_out_closes_the_page_here_and_in_the_other_tab(
    new_reader: NewReader, server: LiveServer, operator: Person, watch: Watch
) -> None:
    watch.expects("401 .Unauthorized.", "WebSocket connection to")
    reader = new_reader(server)
    reader.log_in_anew(operator.name, PASSWORD)
    page = reader.open("/")
    reader.go("Devices")
    other = reader.context.new_page()
    other.goto(f"{reader.home}/inbox")
    expect(other.get_by_role("button", name=re.compile(rf"^Connection:\s*{CONNECTED}"))).to_be_visible()
    kept = {cookie["name"]: cookie["value"] for cookie in reader.context.cookies()}

    page.get_by_role("button", name=re.compile("^Account:")).click()
    page.get_by_role("menuitem", name="Sign out").click()
    expect_login(reader)
    assert page.url == f"{reader.home}/login"
    expect(other.get_by_role("heading", name="Sign in")).to_be_visible(timeout=CLOSED_WITHIN_MS)
    assert [cookie["name"] for cookie in reader.context.cookies()] == []
    assert server.get("/api/auth/me", kept["goip_access"]).status == 401
    page.go_back()
    expect_login(reader)


def test_an_access_token_that_ran_out_is_renewed_in_silence(
    new_reader: NewReader, server: LiveServer, operator: Person, watch: Watch
) -> None:
    watch.expects("401 .Unauthorized.")
    reader = new_reader(server)
    reader.log_in_anew(operator.name, PASSWORD)
    page = reader.open("/devices")
    reader.mark_document()
    # The browser drops the cookie when its token ends.
    reader.context.clear_cookies(name="goip_access")
    with page.expect_response("**/api/auth/refresh") as renewal:
        reader.go("Inbox")
    assert renewal.value.ok
    expect_heading(reader, "Inbox")
    expect(page.get_by_role("alert")).to_have_count(0)
    assert "goip_access" in [cookie["name"] for cookie in reader.context.cookies()]
    assert reader.is_same_document()


def test_a_reload_after_a_long_lunch_needs_no_password(
    new_reader: NewReader, server: LiveServer, operator: Person, watch: Watch
) -> None:
    watch.expects("401 .Unauthorized.")
    reader = new_reader(server)
    reader.log_in_anew(operator.name, PASSWORD)
    reader.context.clear_cookies(name="goip_access")
    reader.open("/devices?status=offline")
    expect_heading(reader, "Devices")


def test_a_revoked_session_asks_for_the_password_and_returns_to_the_same_place(
    new_reader: NewReader, server: LiveServer, operator: Person, watch: Watch
) -> None:
    watch.expects("401 .Unauthorized.", "WebSocket connection to")
    device = server.new_id("place")
    server.enrol(device, intervalSeconds=600)
    reader = new_reader(server)
    reader.log_in_anew(operator.name, PASSWORD)
    place = f"/devices?search={device}&sort=name"
    page = reader.open(place)
    expect(reader.row(device)).to_be_visible()

    operator.change(password="another-password-of-somebody")
    expect_login(reader)
    expect(page.get_by_text("Your session has ended.")).to_be_visible()
    expect(page.get_by_text(device)).to_have_count(0)
    reader.sign_in(operator.name, "another-password-of-somebody")
    expect(reader.row(device)).to_be_visible()
    assert page.url == reader.home + place
    reader.expect_badge(CONNECTED)


def test_a_link_for_somebody_who_is_not_signed_in_opens_after_the_password(
    new_reader: NewReader, server: LiveServer, operator: Person
) -> None:
    reader = new_reader(server)
    reader.page.goto(f"{reader.home}/devices?status=offline&sort=-name")
    expect_login(reader)
    reader.sign_in(operator.name, PASSWORD)
    expect_heading(reader, "Devices")
    assert reader.page.url == f"{reader.home}/devices?status=offline&sort=-name"


def test_too_many_wrong_passwords_are_told_to_wait(
    new_reader: NewReader, server: LiveServer, watch: Watch
) -> None:
    watch.expects("401 .Unauthorized.", "429 .Too Many Requests.")
    person = Person(server, "viewer")
    for _ in range(10):
        server.post("/api/auth/login", {"username": person.name, "password": "wrong"})
    reader = new_reader(server)
    reader.page.goto(f"{reader.home}/login")
    reader.sign_in(person.name, "wrong")
    expect(reader.page.get_by_role("alert")).to_have_text(re.compile("Too many tries"))
    expect(reader.page.get_by_role("button", name=re.compile(r"Wait \d+ seconds?"))).to_be_disabled()


def test_a_viewer_sees_no_button_that_is_not_theirs(new_reader: NewReader, server: LiveServer) -> None:
    device = server.new_id("viewed")
    key = server.enrol(device, intervalSeconds=600)
    server.receive_sms(device, key, "for all to see").must()
    person = Person(server, "viewer")
    reader = new_reader(server)
    reader.log_in_anew(person.name, PASSWORD)
    page = reader.open("/")
    expect(reader.feed.get_by_text("for all to see")).to_be_visible()
    expect(page.get_by_role("link", name="Add a gateway")).to_have_count(0)

    reader.open(f"/devices/{device}")
    expect_heading(reader, device)
    for name in ("Settings", "New key", "Delete"):
        expect(page.get_by_role("button", name=name)).to_have_count(0)
    reader.open(f"/inbox?thread={device}&peer=%2B15550123")
    page.get_by_role("button", name="Details").click()
    expect(page.get_by_text("Message ID")).to_be_visible()
    expect(page.get_by_role("button", name="Delete message")).to_have_count(0)
    reader.open("/devices")
    expect(page.get_by_role("link", name=re.compile("Add"))).to_have_count(0)
    reader.open("/setup")
    expect(page.get_by_text("Only operators may add gateways")).to_be_visible()
    expect(page.get_by_role("button", name="Create a key")).to_have_count(0)


def test_a_lost_csrf_cookie_is_told_in_words(
    new_reader: NewReader, server: LiveServer, operator: Person, watch: Watch
) -> None:
    watch.expects("403 .Forbidden.")
    device = server.new_id("csrf")
    server.enrol(device, intervalSeconds=600)
    reader = new_reader(server)
    reader.log_in_anew(operator.name, PASSWORD)
    page = reader.open(f"/devices/{device}")
    reader.context.clear_cookies(name="goip_csrf")
    page.get_by_role("button", name="Settings").click()
    page.get_by_role("dialog").get_by_label("Name").fill("Not this one")
    page.get_by_role("dialog").get_by_role("button", name="Save").click()
    expect(page.get_by_role("dialog").get_by_role("alert")).to_contain_text("reload the page and try again")
    assert server.device(device)["name"] != "Not this one"
    page.reload()
    expect_login(reader)
    reader.sign_in(operator.name, PASSWORD)
    expect_heading(reader, device)
    page.get_by_role("button", name="Settings").click()
    page.get_by_role("dialog").get_by_label("Name").fill("This one")
    page.get_by_role("dialog").get_by_role("button", name="Save").click()
    expect_heading(reader, "This one")


def test_a_page_that_stays_open_outlives_its_tokens(open_all_the_while: OpenPage) -> None:
    """The sockets that came in by the first token were closed with it: the page had others by then."""
    reader = open_all_the_while.reader
    server, page = reader.server, reader.page
    key = server.enrol("box", intervalSeconds=600)
    token_lasts = 2 * SHORTEST_TOKEN_SECONDS
    eventually(
        lambda: server.get("/api/auth/me", open_all_the_while.token).status == 401, timeout=token_lasts
    )
    page.wait_for_function("() => true")  # lets the browser tell what happened meanwhile
    *old, last = open_all_the_while.sockets
    assert old
    assert all(socket.is_closed() for socket in old)
    assert not last.is_closed()
    reader.expect_badge(CONNECTED, timeout=1_000)
    expect(reader.notice).to_have_count(0)
    server.receive_sms("box", key, "after the first token").must()
    expect(reader.feed.get_by_text("after the first token")).to_be_visible()
    reader.go("Inbox")
    expect_heading(reader, "Inbox")
    assert reader.is_same_document()
    assert open_all_the_while.watch.offences == []
