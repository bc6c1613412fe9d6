"""The page at /ws-test: every transport by hand, side by side, and a job that all of them watch."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import NewReader
from tests.browser.reader import Reader
from tests.browser.test_phone_and_themes import AXE, PHONE, faults
from tests.following import eventually
from tests.live_server import LiveServer

pytestmark = pytest.mark.browser

TRANSPORTS = (
    "Socket.IO, WebSocket",
    "Socket.IO, polling",
    "Raw WebSocket",
    "Server-Sent Events",
    "Long polling",
)
HOSTILE = "<img src=x onerror=alert(1)> \u202egnp.exe"


def card(page: Page, name: str) -> Locator:
    return page.get_by_role("region", name=name, exact=True)


def log_of(page: Page, name: str) -> Locator:
    return page.get_by_role("region", name=f"Log of {name}")


def connect_all(reader: Reader) -> Page:
    page = reader.open("/ws-test")
    page.get_by_role("button", name="Connect all", exact=True).click()
    for name in TRANSPORTS:
        expect(card(page, name).get_by_role("status").first).to_have_text("Connected")
        expect(card(page, name).get_by_label("Cursor")).to_have_value(re.compile(r"^\w+:\d+$"))
    return page


def start_job(page: Page, **fields: str) -> None:
    for label, value in fields.items():
        page.get_by_label(label.replace("_", " ")).fill(value)
    page.get_by_role("button", name="Start a job").click()


def cursor(page: Page, name: str) -> int:
    return int(card(page, name).get_by_label("Cursor").input_value().rpartition(":")[2])


def test_all_transports_tell_the_same_job_to_its_end(reader: Reader) -> None:
    page = connect_all(reader)
    start_job(page, Seconds="1", Rows="200")
    for name in TRANSPORTS:
        expect(card(page, name).get_by_text("Complete: 188 done, 4 failed, 8 skipped")).to_be_visible()
        expect(card(page, name).get_by_role("progressbar")).to_have_js_property("value", 200)


def test_a_job_that_fails_says_where_on_every_transport(reader: Reader) -> None:
    page = connect_all(reader)
    start_job(page, Seconds="0.5", Rows="100", Fail_at_row="40")
    for name in TRANSPORTS:
        expect(card(page, name).get_by_text("Failed at 40 of 100: row 40: told to fail here")).to_be_visible()


def test_one_rung_is_lost_while_the_others_go_on_and_comes_back_without_a_gap(
    reader: Reader, server: LiveServer
) -> None:
    device = server.new_id()
    key = server.enrol(device)
    page = connect_all(reader)
    for lost in TRANSPORTS:
        card(page, lost).get_by_role("button", name="Lose this rung").click()
        expect(card(page, lost).get_by_role("status").first).to_have_text("Cut off")
        held = cursor(page, lost)
        server.receive_sms(device, key, HOSTILE, messageId=f"while {lost} is lost").must()
        seq = int(server.state()["cursor"].rpartition(":")[2])
        for name in set(TRANSPORTS) - {lost}:
            eventually(lambda name=name, seq=seq: cursor(page, name) >= seq)
        assert cursor(page, lost) == held
        card(page, lost).get_by_role("button", name="Give it back").click()
        eventually(lambda lost=lost, seq=seq: cursor(page, lost) >= seq)
        expect(card(page, lost).get_by_role("status").first).to_have_text("Connected")


def test_a_cursor_written_by_hand_is_resumed_from(reader: Reader, server: LiveServer) -> None:
    device = server.new_id()
    key = server.enrol(device)
    before = server.state()["cursor"]
    server.receive_sms(device, key, HOSTILE, messageId="1").must()
    page = connect_all(reader)
    for name in TRANSPORTS:
        one = card(page, name)
        one.get_by_role("button", name="Clear").click()
        one.get_by_label("Cursor").fill(before)
        one.get_by_role("button", name="Resume from here").click()
        told = (
            log_of(page, name)
            .get_by_role("button")
            .filter(has_text=re.compile(r"←\s*(frame|sms-received)"))
            .first
        )
        told.click()
        expect(one.locator("pre")).to_contain_text("‹RLO›gnp.exe")
        expect(one.locator("pre")).to_contain_text("<img src=x")
        assert page.locator("main img").count() == 0


def test_events_are_sent_by_hand_and_answered(reader: Reader) -> None:
    page = connect_all(reader)
    for name, event, data, answer in (
        ("Socket.IO, WebSocket", "subscribe", '{"room": "device-x"}', '"room":"device-x"'),
        ("Socket.IO, polling", "device:heartbeat", "{}", '"code":"'),
        ("Raw WebSocket", "join", '{"type": "join", "room": "device-x"}', '"room":"device-x"'),
    ):
        one = card(page, name)
        one.get_by_text("Say something").click()
        one.get_by_label("Event", exact=True).select_option(event)
        one.get_by_label("Data, as JSON").fill("{")
        one.get_by_role("button", name="Send").click()
        expect(one.get_by_role("alert")).to_have_text("This is not JSON.")
        one.get_by_label("Data, as JSON").fill(data)
        one.get_by_role("button", name="Send").click()
        expect(log_of(page, name).get_by_role("button").filter(has_text=answer).first).to_be_attached()


def test_the_log_is_paused_goes_on_and_is_cleared(reader: Reader, server: LiveServer) -> None:
    page = connect_all(reader)
    name = "Raw WebSocket"
    rows = log_of(page, name).get_by_role("button")
    card(page, name).get_by_role("button", name="Pause").click()
    n_rows = rows.count()
    card(page, name).get_by_role("button", name="Ping", exact=True).click()
    expect(card(page, name).get_by_text(re.compile(r"^\d+ more$"))).to_be_visible()
    assert rows.count() == n_rows
    card(page, name).get_by_role("button", name="Go on").click()
    expect(rows.filter(has_text="pong").last).to_be_attached()
    card(page, name).get_by_role("button", name="Clear").click()
    expect(log_of(page, name).get_by_text("Nothing was said yet.")).to_be_visible()


def test_the_table_shows_who_is_connected(reader: Reader) -> None:
    page = connect_all(reader)
    table = page.get_by_role("region", name="Connections").get_by_role("table")
    for carrier in ("socketio websocket", "socketio http", "websocket websocket", "sse http", "polling http"):
        words = re.compile(rf"^\s*{carrier.replace(' ', '.*')}.*admin")
        expect(table.get_by_role("row").filter(has_text=words).first).to_be_visible()
    page.get_by_role("button", name="Disconnect all").click()
    expect(table.get_by_role("row").filter(has_text=re.compile("^sse"))).to_have_count(0)


def test_it_is_for_administrators_alone(new_reader: NewReader, server: LiveServer) -> None:
    body = {"username": server.new_id("viewer"), "password": "password-of-a-user", "role": "viewer"}
    server.post("/api/users", body, server.admin).must(201)
    reader = new_reader(server)
    reader.log_in_anew(body["username"], body["password"])
    page = reader.open("/ws-test")
    expect(page.get_by_text("For administrators")).to_be_visible()
    expect(reader.navigation.get_by_role("link", name="Connection test")).to_have_count(0)


def test_it_is_found_and_works_by_keyboard(reader: Reader) -> None:
    page = reader.open("/")
    reader.go("Connection test")
    expect(page.get_by_role("heading", level=1)).to_have_text("Connection test")
    button = page.get_by_role("button", name="Connect all", exact=True)
    button.focus()
    page.keyboard.press("Enter")
    expect(card(page, "Raw WebSocket").get_by_role("status").first).to_have_text("Connected")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_of_it_at_work_has_no_fault_on_a_phone_or_a_desk(
    new_reader: NewReader, server: LiveServer, scheme: str
) -> None:
    for options in (PHONE, {"viewport": {"width": 1440, "height": 900}}):
        reader = new_reader(server, color_scheme=scheme, reduced_motion="reduce", **options)
        reader.log_in()
        page = connect_all(reader)
        start_job(page, Seconds="0.2", Rows="10", Fail_at_row="5")
        expect(card(page, "Long polling").get_by_text("told to fail here")).to_be_visible()
        card(page, "Raw WebSocket").get_by_text("Say something").click()
        log_of(page, "Raw WebSocket").get_by_role("button").last.click()
        assert reader.overflow() <= 0
        page.evaluate(Path(AXE).read_text(encoding="utf-8"))
        assert faults(page) == []


def test_on_a_phone_it_is_found_in_the_menu_of_the_account(new_reader: NewReader, server: LiveServer) -> None:
    reader = new_reader(server, **PHONE)
    reader.log_in()
    page = reader.open("/")
    page.get_by_role("button", name=re.compile("^Account:")).tap()
    page.get_by_role("menuitem", name="Connection test").tap()
    expect(page.get_by_role("heading", level=1)).to_have_text("Connection test")
