"""Text from strangers stays text, wherever it is shown."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import NewReader
from tests.browser.hostile import CORPUS, HOSTILE_MARK, HOSTILE_NAMES, HostileText
from tests.browser.reader import Reader
from tests.browser.watch import Watch
from tests.live_server import ENROLMENT_KEY, LiveServer

pytestmark = pytest.mark.browser

LONGEST_SENDER = 64


@dataclass(frozen=True)
class HostileDevice:
    device_id: str
    name: str


@pytest.fixture(scope="module")
def talker(server: LiveServer) -> str:
    """The id of a device that has received the whole corpus, and each text as a sender too."""
    device = server.new_id("talker")
    server.enrol(device, intervalSeconds=3600)
    bodies = [{"deviceId": device, "sender": "STRANGER", "message": "the very first"}]
    bodies += [{"deviceId": device, "sender": "STRANGER", "message": each.text} for each in CORPUS]
    bodies += [
        {"deviceId": device, "sender": each.text[:LONGEST_SENDER], "message": f"sent by {each.name}"}
        for each in CORPUS
        if each.text.strip()
    ]
    for answer, body in zip(
        server.post("/api/sms/receive", bodies, ENROLMENT_KEY).must(), bodies, strict=True
    ):
        assert answer["success"], (answer, body)
    return device


@pytest.fixture(scope="module")
def hostile_devices(server: LiveServer) -> list[HostileDevice]:
    """Devices whose every word is hostile."""
    devices = []
    for n, name in enumerate(HOSTILE_NAMES):
        device = server.new_id("hostile")
        slot = {"slotIndex": n, "operatorName": name, "carrierName": name, "rawStatus": name, "status": name}
        fields = {"name": name, "deviceStatus": name, "firmware": name, "deviceBrandInfo": {"model": name}}
        server.enrol(device, simSlots=[slot], intervalSeconds=3600, **fields)
        devices.append(HostileDevice(device, name))
    return devices


def expect_only_text(reader: Reader) -> None:
    """Nothing of the corpus became an element, the title is the page's own, and nothing is wider than the window."""
    page = reader.page
    expect(page.locator(f"[{HOSTILE_MARK}]")).to_have_count(0)
    assert page.evaluate("() => document.querySelectorAll('iframe, object, embed, base, style').length") == 0
    assert page.evaluate("() => [...document.scripts].every((one) => one.src.startsWith(location.origin))")
    links = page.evaluate("() => [...document.links].map((one) => one.href)")
    assert [link for link in links if not link.startswith(reader.home)] == []
    assert re.fullmatch(r"(\([\d,]+\) )?(Overview|Devices|Device|Inbox) · goip", page.title())
    assert reader.overflow() <= 0


def shown_text(element: Locator) -> str:
    """What is there to read, with white space as one space."""
    return re.sub(r"\s+", " ", element.inner_text())


def expect_shown(text: str, hostile: HostileText) -> None:
    for part in hostile.seen:
        assert part in text, f"{hostile.name}: {part!r} is not in {text[:300]!r}"


def expect_all_shown(place: Locator) -> None:
    """Every text of the corpus is in this place."""
    text = shown_text(place)
    for hostile in CORPUS:
        expect_shown(text, hostile)


def test_hostile_messages_are_text_in_the_live_feed(reader: Reader, server: LiveServer, talker: str) -> None:
    reader.open("/")
    live = [
        {"deviceId": talker, "sender": "<b>LIVE", "message": each.text}
        for each in CORPUS
        if each.text.strip()
    ]
    assert all(answer["success"] for answer in server.post("/api/sms/receive", live, ENROLMENT_KEY).must())
    # The texts as senders came before the page was opened, and much of them looks like these: count by sender.
    expect(reader.feed.get_by_role("listitem").filter(has_text="<b>LIVE")).to_have_count(len(live))
    expect_all_shown(reader.feed)
    expect_only_text(reader)


def test_hostile_messages_are_text_in_a_conversation(reader: Reader, talker: str) -> None:
    page = reader.open(f"/inbox?device={talker}&thread={talker}&peer=STRANGER")
    conversation = page.get_by_role("region", name="STRANGER")
    expect(conversation.get_by_text("the very first")).to_be_attached()
    expect_all_shown(conversation)
    expect_only_text(reader)
    page.get_by_role("button", name=re.compile("more characters")).first.click()
    expect(conversation.get_by_text("A" * 1_500)).to_be_visible()
    assert reader.overflow() <= 0
    for details in conversation.get_by_role("button", name="Details").all()[:4]:
        details.click()
    expect_only_text(reader)


def test_hostile_senders_are_text_in_the_list_of_conversations(reader: Reader, talker: str) -> None:
    page = reader.open(f"/inbox?device={talker}")
    conversations = page.get_by_role("region", name="Conversations")
    expect(conversations.get_by_text("sent by script")).to_be_attached()
    # What is out of sight is not laid out, and has no text as it is seen.
    expect_shown(conversations.text_content() or "", HostileText("sender", CORPUS[0].text[:LONGEST_SENDER]))
    expect_only_text(reader)
    sender = conversations.get_by_role("link", name=re.compile("^<img .*onerror"))
    sender.click()
    expect(page.get_by_role("heading", level=2)).to_contain_text("<img")
    expect_only_text(reader)


def test_a_hostile_search_finds_text_or_nothing(reader: Reader, talker: str) -> None:
    page = reader.open("/inbox")
    found = page.get_by_role("region", name="Messages found")
    for search in ("<script", "alert(", "\u202eTXT", "=HYPERLINK", "' OR 1=1", "\\", "%_*", '"', "a AND NOT"):
        with page.expect_response(re.compile(r"/api/sms\?search=")) as answer:
            page.get_by_label("Search messages").fill(search)
        assert answer.value.ok, f"{search}: {answer.value.text()}"
        expect(found.get_by_role("status").or_(found.get_by_text("Nothing found")).first).to_be_visible()
        expect_only_text(reader)


def test_hostile_messages_are_text_in_the_device_s_room(reader: Reader, talker: str) -> None:
    page = reader.open(f"/devices/{talker}")
    messages = page.get_by_role("tabpanel", name="Messages")
    first = messages.get_by_text("the very first")
    expect(messages.get_by_role("listitem")).not_to_have_count(0)
    while first.count() == 0:
        n_shown = messages.get_by_role("listitem").count()
        page.mouse.wheel(0, 100_000)
        expect(messages.get_by_role("listitem")).not_to_have_count(n_shown)
    expect_all_shown(messages)
    expect_only_text(reader)
    page.get_by_role("tab", name="Timeline").click()
    expect(
        page.get_by_role("tabpanel", name="Timeline").get_by_text("Message received").first
    ).to_be_visible()
    expect_only_text(reader)


def hostile_row(page: Page, device: HostileDevice) -> Locator:
    return page.get_by_role("row").filter(has_text=device.device_id)


def test_hostile_names_are_text_in_the_list_of_devices(
    reader: Reader, hostile_devices: list[HostileDevice]
) -> None:
    page = reader.open("/devices?search=hostile")
    for device in hostile_devices:
        row = hostile_row(page, device)
        expect(row).to_be_visible()
        expect_shown(row.inner_text(), HostileText("name", visible(device.name)))
    expect_only_text(reader)


def test_hostile_names_are_text_on_the_device_s_own_page_and_in_its_dialogs(
    reader: Reader, hostile_devices: list[HostileDevice]
) -> None:
    for device in [hostile_devices[0], hostile_devices[4], hostile_devices[6]]:
        page = reader.open(f"/devices/{device.device_id}")
        expect(page.get_by_role("heading", level=1)).to_have_text(visible(device.name))
        expect_only_text(reader)
        for button in ("Settings", "New key", "Delete"):
            page.get_by_role("button", name=button).click()
            expect(page.get_by_role("dialog")).to_be_visible()
            expect_only_text(reader)
            page.keyboard.press("Escape")
            expect(page.get_by_role("dialog")).to_have_count(0)


def test_hostile_names_are_text_among_the_status_changes(
    reader: Reader, server: LiveServer, hostile_devices: list[HostileDevice]
) -> None:
    page = reader.open("/")
    changes = page.get_by_role("region", name="Status changes")
    for name in (HOSTILE_NAMES[0], HOSTILE_NAMES[4]):
        server.enrol(server.new_id("hostile"), name=name, intervalSeconds=3600)
        expect(changes.get_by_role("link", name=visible(name)).first).to_be_visible()
    expect_only_text(reader)


@pytest.mark.parametrize("device_id", ["a c?d#e&f=g <b data-hostile>", "%2e%2e ünïcödé ☃", "192.0.2.17"])
def test_a_device_with_an_odd_id_has_a_page_of_its_own(
    reader: Reader, server: LiveServer, device_id: str
) -> None:
    server.heartbeat(device_id, ENROLMENT_KEY, intervalSeconds=3600, batteryLevel=33).must()
    page = reader.open("/devices")
    page.get_by_label("Search devices").fill(device_id)
    page.get_by_role("link", name=device_id, exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(device_id)
    expect(page.get_by_role("img", name="Battery 33 %").first).to_be_visible()
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_have_text(device_id)
    expect_only_text(reader)


def test_an_address_full_of_markup_is_no_way_in(reader: Reader, watch: Watch) -> None:
    watch.expects("404 .Not Found.")
    markup = "%3Cimg%20data-hostile%20src=x%20onerror=alert(1)%3E"
    for path in (
        f"/devices?search={markup}&sort={markup}&status={markup}",
        f"/inbox?thread={markup}&peer={markup}",
    ):
        reader.open(path)
        expect_only_text(reader)
    page = reader.open(f"/devices/{markup}")
    expect(page.get_by_text("No such device")).to_be_visible()
    expect(page.locator(f"[{HOSTILE_MARK}]")).to_have_count(0)


def test_a_login_link_never_leads_away(new_reader: NewReader, server: LiveServer) -> None:
    reader = new_reader(server)
    page = reader.page
    for next_page in ("//example.com", "https://example.com", "/\\example.com", "javascript:alert(1)"):
        reader.leave()
        page.goto(f"{reader.home}/login?next={next_page}")
        reader.sign_in()
        expect(page.get_by_role("heading", level=1)).to_have_text(re.compile("Overview|Not found"))
        assert page.url.startswith(f"{reader.home}/"), next_page


def visible(name: str) -> str:
    """A name as it is shown in one line: what hides is named."""
    return name.replace("\u202e", "‹RLO›")
