"""The same page on a phone, in the dark, and from right to left; and for those who cannot see it."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import ROOT, NewReader
from tests.browser.fleet import Fleet, seed_fleet
from tests.browser.reader import Reader
from tests.browser.watch import Watch
from tests.live_server import LiveServer

pytestmark = pytest.mark.browser

AXE = ROOT / "web" / "node_modules" / "axe-core" / "axe.min.js"
PHONE = {
    "viewport": {"width": 390, "height": 844},
    "device_scale_factor": 2,
    "is_mobile": True,
    "has_touch": True,
}
SERIOUS = {"serious", "critical"}
# An open conversation has the inbox beside it.
NOT_WORTH_AN_AXE = {"no device fits", "inbox", "what a search found"}


@pytest.fixture(scope="module")
def fleet(server: LiveServer) -> Fleet:
    return seed_fleet(server)


Place = Callable[[Reader, Fleet], None]


def _open(path: str) -> Place:
    def open_it(reader: Reader, _fleet: Fleet) -> None:
        reader.open(path)
        expect(reader.page.get_by_role("heading", level=1)).to_be_attached()

    return open_it


def _conversation(reader: Reader, fleet: Fleet) -> None:
    page = reader.open(f"/inbox?{urlencode({'thread': fleet.box, 'peer': fleet.peer})}")
    conversation = page.get_by_role("region", name=fleet.peer)
    expect(conversation.get_by_text("Your verification code is")).to_be_attached()
    conversation.get_by_role("button", name="Details").last.click()
    expect(conversation.get_by_text("Message ID")).to_be_visible()


def _login(reader: Reader, _fleet: Fleet) -> None:
    reader.leave()
    reader.page.goto(f"{reader.home}/login")
    expect(reader.page.get_by_role("heading", name="Sign in")).to_be_visible()


def _makes(reader: Reader, _fleet: Fleet) -> None:
    page = reader.open("/setup")
    expect(page.get_by_role("link", name="HTTP device or script")).to_be_visible()


def _setup(make: str) -> Place:
    def open_it(reader: Reader, _fleet: Fleet) -> None:
        page = reader.open(f"/setup/{make}")
        page.get_by_role("button", name="Create a key").click()
        expect(page.get_by_role("button", name="Copy Command")).to_be_attached()

    return open_it


def _device(tab: str, name: str) -> Place:
    def open_it(reader: Reader, fleet: Fleet) -> None:
        page = reader.open(f"/devices/{fleet.box if tab == 'messages' else fleet.phone}?tab={tab}")
        expect(page.get_by_role("tabpanel", name=name)).to_be_visible()
        expect(page.get_by_role("region", name="History")).not_to_have_attribute("aria-busy", "true")

    return open_it


def _rename(reader: Reader, fleet: Fleet) -> None:
    page = reader.open(f"/devices/{fleet.phone}")
    page.get_by_role("button", name="Settings").click()
    expect(page.get_by_role("dialog")).to_be_visible()


def _devices(reader: Reader, _fleet: Fleet) -> None:
    page = reader.open("/devices")
    expect(page.locator("main a[href^='/devices/']").first).to_be_visible()


PLACES: dict[str, Place] = {
    "login": _login,
    "overview": _open("/"),
    "devices": _devices,
    "nobody waits": _open("/waiting"),
    "no device fits": _open("/devices?search=nothing-is-called-so"),
    "device": _device("messages", "Messages"),
    "heartbeats of a device": _device("heartbeats", "Heartbeats"),
    "timeline of a device": _device("timeline", "Timeline"),
    "a dialog": _rename,
    "inbox": _open("/inbox"),
    "conversation": _conversation,
    "what a search found": _open("/inbox?search=code"),
    "makes to set up": _makes,
    "set-up of a box": _setup("dbl"),
    "set-up of a phone": _setup("capcom6"),
    "connection test": _open("/ws-test"),
    "not found": _open("/no/such/page"),
}


def test_no_page_is_wider_than_a_phone(new_reader: NewReader, server: LiveServer, fleet: Fleet) -> None:
    reader = new_reader(server, **PHONE)
    for name, place in PLACES.items():
        reader.log_in()
        place(reader, fleet)
        assert reader.overflow() <= 0, name
        reader.page.evaluate("() => { document.documentElement.dir = 'rtl' }")
        assert reader.overflow() <= 0, f"{name}, from right to left"


def test_every_page_is_reached_by_touch_on_a_phone(
    new_reader: NewReader, server: LiveServer, fleet: Fleet
) -> None:
    reader = new_reader(server, **PHONE)
    reader.log_in_anew()
    page = reader.open("/")
    for name in ("Devices", "Inbox", "Add a gateway", "Overview"):
        link = reader.navigation.get_by_role("link", name=re.compile(f"^{name}"))
        box = link.bounding_box()
        assert box is not None
        assert box["height"] >= 44
        assert box["y"] + box["height"] <= 844
        link.tap()
        expect(page.get_by_role("heading", level=1)).to_have_text(name)
    reader.go("Devices")
    page.get_by_label("Search devices").fill(fleet.name)
    page.get_by_role("link", name=fleet.name, exact=True).tap()
    expect(page.get_by_role("heading", level=1)).to_have_text(fleet.name)
    page.get_by_role("link", name="Devices").first.tap()
    expect(page.get_by_role("heading", level=1)).to_have_text("Devices")
    reader.go("Inbox")
    page.get_by_role("region", name="Conversations").get_by_role("link").first.tap()
    page.get_by_role("link", name="All conversations").tap()
    expect(page.get_by_role("region", name="Conversations")).to_be_visible()
    page.get_by_role("button", name=re.compile("^Account:")).tap()
    page.get_by_role("menuitem", name="Sign out").tap()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def brightness(reader: Reader, picture: bytes) -> float:
    """Of a screenshot, from 0 to 1; the browser itself reads it."""
    page = reader.context.new_page()
    script = """async (data) => {
      const image = new Image()
      image.src = `data:image/png;base64,${data}`
      await image.decode()
      const canvas = Object.assign(document.createElement('canvas'), { width: 32, height: 32 })
      const pen = canvas.getContext('2d')
      pen.drawImage(image, 0, 0, 32, 32)
      const { data: bytes } = pen.getImageData(0, 0, 32, 32)
      return bytes.filter((_, i) => i % 4 !== 3).reduce((sum, byte) => sum + byte, 0) / (32 * 32 * 3 * 255)
    }"""
    value = float(page.evaluate(script, base64.b64encode(picture).decode()))
    page.close()
    return value


def test_the_dark_is_dark_and_stays_so(
    new_reader: NewReader, server: LiveServer, fleet: Fleet, watch: Watch
) -> None:
    watch.expects("ERR_FAILED")
    reader = new_reader(server, color_scheme="light")
    reader.log_in()
    page = reader.open("/")
    assert brightness(reader, page.screenshot()) > 0.85
    page.emulate_media(color_scheme="dark")
    assert brightness(reader, page.screenshot()) < 0.3
    page.emulate_media(color_scheme="light")
    page.get_by_role("button", name=re.compile("^Account:")).click()
    page.get_by_role("menuitemradio", name="Dark").click()
    page.keyboard.press("Escape")
    assert brightness(reader, page.screenshot()) < 0.3
    # Before any of the page's own code has run, it is dark already: nothing flashes.
    reader.context.route("**/assets/index-*.js", lambda route: route.abort())
    page.goto(reader.home, wait_until="commit")
    page.wait_for_function("() => document.body")
    assert page.evaluate("() => document.documentElement.classList.contains('dark')")
    reader.context.unroute("**/assets/index-*.js")
    reader.open("/devices")
    assert brightness(reader, page.screenshot()) < 0.3


def faults(page: Page) -> list[str]:
    """What axe finds that is serious or worse."""
    found: list[dict[str, Any]] = page.evaluate(
        "async () => (await axe.run(document, { resultTypes: ['violations'], preload: false })).violations"
    )
    return [
        f"{fault['id']} ({fault['impact']}): {node['html'][:200]} {node['failureSummary'][:200]}"
        for fault in found
        if fault["impact"] in SERIOUS
        for node in fault["nodes"]
    ]


@pytest.mark.parametrize("place", [name for name in PLACES if name not in NOT_WORTH_AN_AXE])
def test_axe_finds_no_serious_fault_in_any_theme_or_direction(
    place: str, new_reader: NewReader, server: LiveServer, fleet: Fleet
) -> None:
    reader = new_reader(server, color_scheme="light", reduced_motion="reduce")
    reader.log_in()
    PLACES[place](reader, fleet)
    page = reader.page
    page.evaluate(Path(AXE).read_text(encoding="utf-8"))
    assert faults(page) == []
    page.emulate_media(color_scheme="dark")
    page.evaluate("() => { document.documentElement.dir = 'rtl' }")
    assert faults(page) == []


@pytest.mark.parametrize("place", ["overview", "devices", "device"])
def test_axe_finds_no_serious_fault_on_a_phone(
    place: str, new_reader: NewReader, server: LiveServer, fleet: Fleet
) -> None:
    reader = new_reader(server, color_scheme="dark", reduced_motion="reduce", **PHONE)
    reader.log_in()
    PLACES[place](reader, fleet)
    reader.page.evaluate(Path(AXE).read_text(encoding="utf-8"))
    assert faults(reader.page) == []


def test_axe_finds_no_serious_fault_while_the_line_is_down(
    reader: Reader, fleet: Fleet, watch: Watch
) -> None:
    watch.expects("net::ERR_INTERNET_DISCONNECTED")
    page = reader.open("/")
    page.evaluate(Path(AXE).read_text(encoding="utf-8"))
    reader.context.set_offline(True)
    expect(reader.notice).to_contain_text("The live connection is down")
    assert faults(page) == []


def test_the_keyboard_alone_is_enough(reader: Reader, fleet: Fleet) -> None:
    page = reader.open("/")
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to the content")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    page.keyboard.press("/")
    search = page.get_by_label("Search devices")
    expect(search).to_be_focused()
    page.keyboard.type(fleet.name)
    expect(page.get_by_role("status").filter(has_text=re.compile(r"^1 of"))).to_be_visible()
    row = page.get_by_role("link", name=fleet.name, exact=True)
    for _ in range(12):
        if row.evaluate("(one) => one === document.activeElement"):
            break
        page.keyboard.press("Tab")
    expect(row).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text(fleet.name)
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.keyboard.press("g")
    page.keyboard.press("i")
    expect(page.get_by_role("heading", level=1)).to_have_text("Inbox")
