"""The wire log on a device's page: live, by its verdicts, opened, decoded again, and taken along as a fixture."""

from __future__ import annotations

import json
import re
import socket
from contextlib import closing
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import NewReader
from tests.browser.hostile import CORPUS, HOSTILE_MARK
from tests.browser.reader import Reader
from tests.browser.test_phone_and_themes import AXE, PHONE, faults
from tests.live_server import ENROLMENT_KEY, LiveServer
from tests.wirelog.fixtures import understood_again

pytestmark = pytest.mark.browser

WRONG = "not-the-password-of-any-line"


def say(server: LiveServer, datagram: str) -> str:
    """What a line of a box is answered."""
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as line:
        line.settimeout(10)
        line.sendto(datagram.encode(), ("127.0.0.1", server.udp_port))
        return line.recv(2048).decode()


def beat(server: LiveServer, line_id: str, number: int, password: str = ENROLMENT_KEY) -> str:
    return say(server, f"req:{number};id:{line_id};pass:{password};num:;signal:21;gsm_status:LOGIN;")


def wire_log(page: Page) -> Locator:
    return page.get_by_role("tabpanel", name="Wire log")


def line_of(page: Page, words: str) -> Locator:
    """The line of the newest frame that has these words."""
    return wire_log(page).get_by_role("button", expanded=False).filter(has_text=words).first


def open_log(reader: Reader, device_id: str) -> Page:
    page = reader.open(f"/devices/{device_id}?tab=wire")
    expect(wire_log(page).get_by_text("Live", exact=True)).to_be_visible()
    return page


def test_a_frame_is_there_the_moment_it_arrives_with_its_verdict(reader: Reader, server: LiveServer) -> None:
    line_id = server.new_id("line")
    beat(server, line_id, 1)
    page = open_log(reader, line_id)
    log = wire_log(page)
    expect(log.get_by_role("listitem")).to_have_count(2)
    reader.mark_document()
    assert (
        say(server, f"RECEIVE:7;id:{line_id};password:{ENROLMENT_KEY};srcnum:BANK;msg:hello")
        == "RECEIVE 7 OK\n"
    )
    expect(line_of(page, "RECEIVE:7;")).to_contain_text("Accepted")
    expect(line_of(page, "RECEIVE 7 OK")).to_contain_text("Sent")
    say(server, f"RECEIVE:8;id:{line_id};password:{ENROLMENT_KEY};srcnum:;msg:x")
    expect(line_of(page, "RECEIVE:8;")).to_contain_text("Refused")
    beat(server, line_id, 2, WRONG)
    stranger = line_of(page, "req:2;")
    expect(stranger).to_contain_text("Not let in")
    expect(stranger).to_contain_text("Refused")
    text = log.inner_text()
    assert ENROLMENT_KEY not in text
    assert WRONG not in text
    assert reader.is_same_document()


def test_a_frame_is_opened_decoded_again_and_taken_along(
    reader: Reader, server: LiveServer, tmp_path: Path
) -> None:
    line_id = server.new_id("line")
    beat(server, line_id, 1)
    say(server, f"RECEIVE:7;id:{line_id};password:{ENROLMENT_KEY};srcnum:BANK;msg:one; two")
    page = open_log(reader, line_id)
    line_of(page, "RECEIVE:7;").click()
    item = wire_log(page).get_by_role("listitem").filter(has_text="RECEIVE:7;")
    expect(item.get_by_text("password:•••;srcnum:BANK;msg:one; two").last).to_be_visible()
    item.get_by_role("button", name="How it was understood").click()
    understood = item.get_by_role("region", name="How it was understood")
    expect(understood.get_by_role("heading", name="Received message")).to_be_visible()
    expect(understood.get_by_text("one; two", exact=True)).to_be_visible()
    with page.expect_download() as download:
        item.get_by_role("button", name="Download as fixture").click()
    path = tmp_path / "fixture.json"
    download.value.save_as(path)
    assert re.fullmatch(r"frame-dbl-\d+\.json", download.value.suggested_filename)
    [frame] = json.loads(path.read_text(encoding="utf-8"))["frames"]
    assert [told["message"] for told in frame["understood"]] == ["one; two"]
    assert understood_again(frame)["understood"] == frame["understood"]


def test_an_empty_log_says_what_would_appear(reader: Reader, server: LiveServer) -> None:
    device_id = server.new_id("made")
    server.post("/api/devices", {"deviceId": device_id}, server.admin).must(201)
    page = open_log(reader, device_id)
    expect(wire_log(page).get_by_text("Nothing on the wire yet")).to_be_visible()
    key = server.post(f"/api/devices/{device_id}/key", {}, server.admin).must()["deviceKey"]
    server.receive_sms(device_id, key, "hello").must()
    expect(line_of(page, "POST /api/sms/receive")).to_contain_text("Accepted")


def test_hostile_words_stay_text_in_the_wire_log(reader: Reader, server: LiveServer) -> None:
    line_id = server.new_id("line")
    beat(server, line_id, 1)
    hostile = CORPUS[:20]
    for number, each in enumerate(hostile):
        say(
            server,
            f"RECEIVE:{number};id:{line_id};password:{ENROLMENT_KEY};srcnum:<b {HOSTILE_MARK}>;msg:{each.text}",
        )
    page = open_log(reader, line_id)
    for number in (0, 1, 4, 5):
        line = line_of(page, f"RECEIVE:{number};")
        line.click()
        item = wire_log(page).get_by_role("listitem").filter(has_text=f"RECEIVE:{number};")
        item.get_by_role("button", name="How it was understood").click()
        expect(item.get_by_role("heading", name="Received message")).to_be_visible()
    expect(page.locator(f"[{HOSTILE_MARK}]")).to_have_count(0)
    assert reader.overflow() <= 0


def test_the_keyboard_alone_is_enough_for_the_wire_log(reader: Reader, server: LiveServer) -> None:
    line_id = server.new_id("line")
    beat(server, line_id, 1)
    page = reader.open(f"/devices/{line_id}")
    page.get_by_role("tab", name="Messages").focus()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(line_of(page, "req:1;")).to_be_visible()
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(wire_log(page).get_by_role("button", expanded=True)).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="How it was understood")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Heartbeat", exact=True)).to_be_visible()


def test_a_viewer_has_no_wire_log(new_reader: NewReader, server: LiveServer) -> None:
    line_id = server.new_id("line")
    beat(server, line_id, 1)
    name = server.new_id("viewer")
    body = {"username": name, "password": "password-of-a-viewer", "role": "viewer"}
    server.post("/api/users", body, server.admin).must(201)
    reader = new_reader(server)
    reader.log_in_anew(name, "password-of-a-viewer")
    page = reader.open(f"/devices/{line_id}?tab=wire")
    expect(page.get_by_role("tabpanel", name="Messages")).to_be_visible()
    expect(page.get_by_role("tab", name="Wire log")).to_have_count(0)


@pytest.mark.parametrize("is_phone", [False, True])
def test_axe_finds_no_serious_fault_in_the_wire_log(
    is_phone: bool, new_reader: NewReader, server: LiveServer
) -> None:
    line_id = server.new_id("line")
    beat(server, line_id, 1)
    beat(server, line_id, 2, WRONG)
    say(server, f"RECEIVE:8;id:{line_id};password:{ENROLMENT_KEY};srcnum:;msg:x")
    options = PHONE if is_phone else {}
    reader = new_reader(server, color_scheme="light", reduced_motion="reduce", **options)
    reader.log_in()
    page = open_log(reader, line_id)
    line_of(page, "RECEIVE:8;").click()
    page.get_by_role("button", name="How it was understood").click()
    expect(page.get_by_text("Not taken:")).to_be_visible()
    page.evaluate(Path(AXE).read_text(encoding="utf-8"))
    assert faults(page) == []
    assert reader.overflow() <= 0
    page.emulate_media(color_scheme="dark")
    page.evaluate("() => { document.documentElement.dir = 'rtl' }")
    assert faults(page) == []
    assert reader.overflow() <= 0
