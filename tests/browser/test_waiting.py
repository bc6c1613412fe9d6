"""Devices that wait: let in with all that is to be set, or turned away, on the page and in everybody's."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import NewReader
from tests.browser.reader import Reader
from tests.browser.test_phone_and_themes import AXE, PHONE, faults
from tests.browser.test_setup import send_datagram
from tests.browser.watch import Watch
from tests.live_fixtures import running
from tests.live_server import ENROLMENT_KEY, LiveServer

pytestmark = pytest.mark.browser

AT_ONCE_MS = 3_000
"""The list of those who wait is looked up once a second."""


@pytest.fixture(scope="module")
def strict(_built_page: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A server where whoever comes has to be adopted."""
    folder: Path = tmp_path_factory.mktemp("strict-server")
    with running(LiveServer(folder, ENROLLMENT="approve")) as server:
        yield server


@pytest.fixture
def operator(new_reader: NewReader, strict: LiveServer) -> Reader:
    reader = new_reader(strict)
    reader.log_in()
    return reader


def knock(server: LiveServer, prefix: str, **told: object) -> str:
    """A device that waits; returns its id."""
    device_id = server.new_id(prefix)
    server.heartbeat(device_id, ENROLMENT_KEY, **told).must()
    return device_id


def keepalive(server: LiveServer, line: str) -> None:
    """A line of a GoIP box says that it is there."""
    send_datagram(
        f"req:1;id:{line};pass:{ENROLMENT_KEY};signal:21;gsm_status:LOGIN;", "127.0.0.1", server.udp_port
    )


def row(page: Page, name: str) -> Locator:
    """Of the list of those who wait."""
    return page.get_by_role("list", name="Devices that wait").get_by_role("listitem").filter(has_text=name)


def test_a_device_is_adopted_with_all_that_is_to_be_set(
    operator: Reader, strict: LiveServer, watch: Watch
) -> None:
    watch.expects("400 .Bad Request.")
    strict.post("/api/devices", {"deviceId": strict.new_id("rack"), "name": "Rack 7"}, strict.admin).must(201)
    page = operator.open("/waiting")
    device = knock(strict, "box", deviceBrandInfo={"brand": "Samsung", "model": "A15"})
    waiting = row(page, device)
    expect(waiting).to_contain_text("http", timeout=AT_ONCE_MS)
    for told in ("127.0.0.1", "Samsung A15", "First seen", "Last seen"):
        expect(waiting).to_contain_text(told)
    expect(page.get_by_role("status").filter(has_text="wait")).to_be_visible()
    waiting.get_by_role("button", name=f"Adopt… {device}").click()
    dialog = page.get_by_role("dialog", name=f"Adopt {device}?")
    dialog.get_by_label("Name").fill("Roof, north side")
    dialog.get_by_label("Part of").fill("Rack 7")
    dialog.get_by_label("Time zone").fill("Mars/Olympus")
    dialog.get_by_label("Interval").fill("45")
    dialog.get_by_role("button", name="Adopt").click()
    expect(dialog.get_by_role("alert")).to_contain_text("IANA name of a time zone")
    expect(dialog.get_by_label("Time zone")).to_have_attribute("aria-invalid", "true")
    assert strict.device(device)["isPending"]
    dialog.get_by_label("Time zone").fill("Europe/Berlin")
    dialog.get_by_role("button", name="Adopt").click()
    expect(dialog).to_have_count(0)
    expect(row(page, "Roof, north side")).to_contain_text("adopted")
    adopted = strict.device(device)
    assert (adopted["isPending"], adopted["timeZone"], adopted["setIntervalSeconds"]) == (
        False,
        "Europe/Berlin",
        45,
    )
    page.get_by_role("link", name="Open Roof, north side").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Roof, north side")
    expect(page.get_by_role("heading", name=re.compile("^Lines of Rack 7"))).to_be_visible(timeout=AT_ONCE_MS)


def test_a_rejected_device_is_kept_out_until_the_rejection_is_undone(
    operator: Reader, new_reader: NewReader, strict: LiveServer
) -> None:
    device, neighbour = knock(strict, "reject"), knock(strict, "keep")
    other = new_reader(strict)
    other.log_in()
    other.open("/waiting")
    page = operator.open("/waiting")
    reject = row(page, device).get_by_role("button", name=f"Reject {device}")
    place = reject.bounding_box()
    assert place is not None
    reject.dblclick()
    expect(row(page, device)).to_contain_text("rejected")
    expect(row(page, neighbour)).to_contain_text("Reject")  # it did not come under the pointer
    for reader in (operator, other):
        rejected = reader.page.get_by_role("list", name=re.compile("^Rejected"))
        expect(rejected.get_by_role("listitem").filter(has_text=device)).to_contain_text(
            "by admin", timeout=AT_ONCE_MS
        )
    refusal = strict.heartbeat(device, ENROLMENT_KEY)
    assert (refusal.status, refusal.json["code"]) == (403, "device_rejected")

    row(page, device).get_by_role("button", name="Undo").click()
    expect(page.get_by_text(f"{device} may knock again.")).to_be_visible()
    strict.heartbeat(device, ENROLMENT_KEY).must()
    for reader in (operator, other):
        adopt = row(reader.page, device).get_by_role("button", name=f"Adopt… {device}")
        expect(adopt).to_be_visible(timeout=AT_ONCE_MS)


def test_what_waits_is_said_where_somebody_looks_and_what_it_sent_is_one_step_away(
    operator: Reader, strict: LiveServer
) -> None:
    line = strict.new_id("line")
    keepalive(strict, line)
    page = operator.open("/")
    page.get_by_role("link", name="Review").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Waiting devices")
    row(page, line).get_by_role("link", name=f"What it sent {line}").click()
    expect(page.get_by_role("tabpanel", name="Wire log")).to_contain_text("req:1")


def test_lines_of_one_box_stand_under_it_when_they_are_adopted(operator: Reader, strict: LiveServer) -> None:
    stem = strict.new_id("berlin") + "-"
    for n in (1, 2):
        keepalive(strict, f"{stem}{n}")
    page = operator.open("/waiting")
    for n in (1, 2):
        row(page, f"{stem}{n}").get_by_role("button", name=re.compile("^Adopt")).click()
        page.get_by_role("dialog").get_by_role("button", name="Adopt").click()
        expect(row(page, f"{stem}{n}")).to_contain_text("adopted")
    box = stem.rstrip("-")
    operator.open(f"/devices?search={stem.rstrip('-')}")
    expect(page.get_by_text("2 of 2 lines online")).to_be_visible()
    page.get_by_label("Box", exact=True).select_option(label=box)
    page.get_by_role("button", name="By box").click()
    expect(page).to_have_url(re.compile(r"box=.*&sort=box|sort=box.*&box="))
    names = page.get_by_role("row").get_by_role("link")
    expect(names).to_have_text([box, f"{stem}1", f"{stem}2"])
    names.nth(1).click()
    lines = page.get_by_role("region", name=re.compile("^Lines of"))
    expect(lines.get_by_role("listitem")).to_have_count(2)
    lines.get_by_role("link", name=box, exact=True).click()
    expect(page.get_by_role("heading", name=re.compile("2 of 2 online"))).to_be_visible()


def test_the_keyboard_alone_adopts_and_rejects(operator: Reader, strict: LiveServer) -> None:
    first, second = knock(strict, "keys"), knock(strict, "keys")
    page = operator.open("/waiting")
    adopt = row(page, first).get_by_role("button", name=re.compile("^Adopt"))
    adopt.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog").get_by_label("Name")).to_be_visible()
    page.keyboard.press("Escape")
    expect(adopt).to_be_focused()
    page.keyboard.press("Enter")
    page.get_by_role("dialog").get_by_label("Name").focus()
    page.keyboard.press("Enter")
    expect(row(page, first)).to_contain_text("adopted")
    row(page, second).get_by_role("button", name=re.compile("^Reject")).focus()
    page.keyboard.press("Space")
    expect(row(page, second)).to_contain_text("rejected")


def test_an_old_key_works_until_the_new_one_is_used_and_all_are_revoked_at_once(
    reader: Reader, server: LiveServer
) -> None:
    device = server.new_id("rotated")
    old = server.enrol(device, intervalSeconds=600)
    server.heartbeat(device, old).must()
    page = reader.open(f"/devices/{device}")
    page.get_by_role("button", name="New key").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("list", name="Keys that are good")).to_contain_text("first used")
    dialog.get_by_role("button", name="Make a new key").click()
    new = dialog.get_by_label("Device key", exact=True).inner_text()
    server.heartbeat(device, old).must()
    server.heartbeat(device, new).must()
    assert server.heartbeat(device, old).status == 401
    dialog.get_by_role("button", name="Close").last.click()
    page.get_by_role("button", name="New key").click()
    dialog.get_by_role("button", name="Revoke keys").click()
    expect(dialog).to_contain_text("stops working at once")
    dialog.get_by_role("button", name="Revoke all its keys").click()
    expect(dialog).to_have_count(0)
    assert server.heartbeat(device, new).status == 401


def test_a_viewer_sees_who_waits_and_decides_nothing(new_reader: NewReader, strict: LiveServer) -> None:
    knock(strict, "seen")
    name = strict.new_id("viewer")
    password = "a good long password"
    body = {"username": name, "password": password, "role": "viewer"}
    strict.post("/api/users", body, strict.admin).must(201)
    reader = new_reader(strict)
    reader.log_in_anew(name, password)
    page = reader.open("/devices")
    expect(page.get_by_role("link", name="Review")).to_have_count(0)
    reader.open("/waiting")
    expect(page.get_by_text("Only operators may let devices in")).to_be_visible()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_list_and_its_dialog_fit_a_phone_and_axe_finds_no_serious_fault(
    theme: str, new_reader: NewReader, strict: LiveServer
) -> None:
    long_id = strict.new_id("x" * 90)
    strict.heartbeat(long_id, ENROLMENT_KEY, name="A name that is as long as names may be " * 4).must()
    gone = knock(strict, "y" * 90)
    strict.post(f"/api/devices/{gone}/reject", {}, strict.admin).must()
    reader = new_reader(strict, color_scheme=theme, reduced_motion="reduce", **PHONE)
    reader.log_in()
    page = reader.open("/waiting")
    expect(row(page, long_id)).to_be_visible()
    page.evaluate(Path(AXE).read_text(encoding="utf-8"))
    for direction in ("ltr", "rtl"):
        page.evaluate("(dir) => { document.documentElement.dir = dir }", direction)
        assert reader.overflow() <= 0
        assert faults(page) == []
    row(page, long_id).get_by_role("button", name=re.compile("^Adopt")).click()
    expect(page.get_by_role("dialog")).to_be_visible()
    assert reader.overflow() <= 0
    assert faults(page) == []
