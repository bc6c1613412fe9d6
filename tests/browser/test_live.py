"""What happens to a device is on the page of whoever looks, without a reload."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import NewReader
from tests.browser.reader import Reader
from tests.live_server import LiveServer

pytestmark = pytest.mark.browser

AT_ONCE_MS = 2_000


def test_a_heartbeat_changes_the_list_at_once(reader: Reader, server: LiveServer) -> None:
    device = server.new_id("list")
    key = server.enrol(device, batteryLevel=80, signalStrength=-80, intervalSeconds=600)
    page = reader.open(f"/devices?search={device}")
    row = reader.row(device)
    expect(row.get_by_role("img", name="Battery 80 %")).to_be_visible()
    expect(row.get_by_role("img", name=re.compile("-80 dBm"))).to_be_visible()
    reader.mark_document()

    server.heartbeat(device, key, batteryLevel=41, charging=True, signalStrength=-105).must()
    expect(row.get_by_role("img", name="Battery 41 %, charging")).to_be_visible(timeout=AT_ONCE_MS)
    expect(row.get_by_role("img", name=re.compile("-105 dBm"))).to_be_visible(timeout=AT_ONCE_MS)
    assert reader.is_same_document()
    expect(page).to_have_title(re.compile("Devices"))


def test_a_heartbeat_changes_the_device_s_own_page_at_once(reader: Reader, server: LiveServer) -> None:
    device = server.new_id("room")
    slots = [
        {"slotIndex": 0, "operatorName": "First Mobile", "phoneNumber": "+15550101", "signalStrength": 20}
    ]
    key = server.enrol(device, batteryLevel=80, intervalSeconds=600, simSlots=slots)
    page = reader.open(f"/devices/{device}?tab=heartbeats")
    expect(page.get_by_role("img", name="Battery 80 %").first).to_be_visible()
    slot = page.get_by_role("region", name="SIM slots").get_by_role("listitem")
    expect(slot).to_have_count(1)
    expect(slot).to_contain_text("First Mobile")
    beats = page.get_by_role("tabpanel", name="Heartbeats").get_by_role("row")
    expect(beats).to_have_count(2)  # the header's, and the first
    reader.mark_document()

    slots += [
        {"slotIndex": 1, "operatorName": "Second Mobile", "phoneNumber": "+15550102", "signalStrength": 7}
    ]
    server.heartbeat(device, key, batteryLevel=9, simSlots=slots, counter=7).must()
    expect(page.get_by_role("img", name="Battery 9 %").first).to_be_visible(timeout=AT_ONCE_MS)
    expect(slot).to_have_count(2, timeout=AT_ONCE_MS)
    expect(slot.nth(1)).to_contain_text("Second Mobile")
    expect(slot.nth(1)).to_contain_text("+15550102")
    expect(beats).to_have_count(3, timeout=AT_ONCE_MS)
    assert reader.is_same_document()


def test_a_message_is_on_the_device_s_page_and_in_its_conversation_at_once(
    new_reader: NewReader, server: LiveServer
) -> None:
    device = server.new_id("talker")
    key = server.enrol(device, intervalSeconds=600)
    server.receive_sms(device, key, "the first", sender="+15550123").must()
    at_device, at_inbox = new_reader(server), new_reader(server)
    for reader in (at_device, at_inbox):
        reader.log_in()
    room = at_device.open(f"/devices/{device}")
    inbox = at_inbox.open(f"/inbox?device={device}")
    inbox.get_by_role("region", name="Conversations").get_by_role("link", name="+15550123").click()
    conversation = inbox.get_by_role("region", name="+15550123")
    expect(room.get_by_role("tabpanel").get_by_text("the first")).to_be_visible()
    expect(conversation.get_by_text("the first")).to_be_visible()

    server.receive_sms(device, key, "the second", sender="+15550123").must()
    expect(room.get_by_role("tabpanel").get_by_text("the second")).to_be_visible(timeout=AT_ONCE_MS)
    expect(conversation.get_by_text("the second")).to_be_visible(timeout=AT_ONCE_MS)


def test_a_silent_device_turns_late_and_offline_with_the_reason(reader: Reader, server: LiveServer) -> None:
    device = server.new_id("silent")
    page = reader.open(f"/devices?search={device}")
    key = server.enrol(device, intervalSeconds=1)
    row = reader.row(device)
    expect(row).to_contain_text("Online", timeout=AT_ONCE_MS)
    expect(row).to_contain_text("Late", timeout=6_000)
    expect(row).to_contain_text("a heartbeat is overdue")
    expect(row).to_contain_text("Offline", timeout=6_000)
    expect(row).to_contain_text("no heartbeat for")
    expect(page).to_have_title(re.compile(r"^\(\d+\) Devices"))

    server.heartbeat(device, key).must()
    expect(row).to_contain_text("Online", timeout=AT_ONCE_MS)


def test_a_new_name_is_in_everybody_s_list(new_reader: NewReader, server: LiveServer) -> None:
    device = server.new_id("renamed")
    server.enrol(device, intervalSeconds=600)
    one, other = new_reader(server), new_reader(server)
    for reader in (one, other):
        reader.log_in()
    other.open(f"/devices?search={device}")
    expect(other.row(device)).to_be_visible()

    page = one.open(f"/devices/{device}")
    page.get_by_role("button", name="Settings").click()
    page.get_by_role("dialog").get_by_label("Name").fill("Roof, north side")
    page.get_by_role("dialog").get_by_role("button", name="Save").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_role("heading", level=1)).to_have_text("Roof, north side")
    expect(other.row("Roof, north side")).to_be_visible(timeout=AT_ONCE_MS)


def test_a_deleted_device_leaves_everybody_s_list(new_reader: NewReader, server: LiveServer) -> None:
    device = server.new_id("deleted")
    server.enrol(device, intervalSeconds=600)
    one, other = new_reader(server), new_reader(server)
    for reader in (one, other):
        reader.log_in()
    other.open(f"/devices?search={device}")
    expect(other.row(device)).to_be_visible()

    page = one.open(f"/devices/{device}")
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name=f"Delete {device}").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Devices")
    expect(page.get_by_text(f"{device} was deleted")).to_be_visible()
    expect(other.row(device)).to_have_count(0, timeout=AT_ONCE_MS)


def test_nothing_moves_under_the_pointer(reader: Reader, server: LiveServer) -> None:
    group = server.new_id("held")
    for letter in ("b", "c"):
        server.enrol(f"{group}-{letter}", intervalSeconds=600)
    page = reader.open(f"/devices?search={group}&sort=name")
    rows = page.get_by_role("link", name=re.compile(f"^{group}-"))
    expect(rows).to_have_text([f"{group}-b", f"{group}-c"])
    rows.first.hover()
    server.enrol(f"{group}-a", intervalSeconds=600)
    chip = page.get_by_role("button", name="1 change")
    expect(chip).to_be_visible()
    expect(rows).to_have_text([f"{group}-b", f"{group}-c"])
    chip.click()
    expect(rows).to_have_text([f"{group}-a", f"{group}-b", f"{group}-c"])
