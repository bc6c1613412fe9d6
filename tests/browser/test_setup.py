"""Adding a gateway, make by make: what is to be typed, and the greeting of whoever did what the page says."""

from __future__ import annotations

import contextlib
import re
import shlex
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import NewReader
from tests.browser.reader import Reader
from tests.browser.test_phone_and_themes import AXE, PHONE, faults
from tests.browser.watch import Watch
from tests.live_fixtures import running
from tests.live_server import STOP_SECONDS, LiveServer

pytestmark = pytest.mark.browser

AT_ONCE_MS = 2_000
MAKES = {
    "http": "HTTP device or script",
    "dbl": "GoIP boxes (DBL, HYBERTONE)",
    "ejoin": "Ejoin / Skyline gateways",
    "dinstar": "Dinstar UC2000, DWG",
    "openvox": "OpenVox (SMS to HTTP)",
    "capcom6": "SMS Gateway for Android",
    "httpsms": "httpSMS",
    "textbee": "textbee",
    "forwarder": "SMS forwarder app, or anything that posts JSON",
    "smssync": "SMSsync app",
    "kannel": "Kannel",
    "jasmin": "Jasmin SMS Gateway",
}


def create_key(page: Page) -> str:
    """Ask for a key; returns it."""
    page.get_by_role("button", name="Create a key").click()
    return field(page, "Enrolment key")


def field(page: Page, label: str) -> str:
    """The value beside a label, as it would be copied."""
    button = page.get_by_role("button", name=re.compile(rf"^(Copy: )?Copy {re.escape(label)}$"))
    found = button.locator("xpath=ancestor::*[.//code or .//pre][1]").locator("code, pre")
    return found.first.inner_text()


def run(command: str) -> str:
    """Do what the command does, with a real shell where it can be; returns the answer."""
    sent = re.fullmatch(r"printf '%s' ('.*') \| nc -u -w1 (\S+) (\d+)", command)
    if sent is not None:
        return send_datagram(shlex.split(sent[1])[0], sent[2], int(sent[3]))
    assert shutil.which("curl"), "the page offers a curl, and there is none to try it with"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, timeout=30, check=True)
    return done.stdout


def send_datagram(text: str, host: str, port: int) -> str:
    """What `nc` would do, which not every machine has."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as box:
        box.settimeout(10)
        box.sendto(text.encode(), (host, port))
        return box.recv(2_000).decode()


def arrivals(page: Page) -> Locator:
    """The gateways that were greeted."""
    return page.get_by_role("list", name="Gateways that have reported").get_by_role("listitem")


def said(page: Page, text: str) -> Locator:
    """What is announced; the strip below the steps repeats it."""
    return page.get_by_role("status").get_by_text(text)


def waiting(page: Page) -> None:
    expect(said(page, "Waiting for the first packet")).to_be_visible()


@pytest.mark.parametrize("make", MAKES)
def test_whoever_does_what_the_page_says_is_greeted(make: str, reader: Reader) -> None:
    page = reader.open("/setup")
    page.get_by_role("link").filter(has=page.get_by_text(MAKES[make], exact=True)).click()
    expect(page).to_have_url(f"{reader.home}/setup/{make}")
    key = create_key(page)
    waiting(page)
    command = field(page, "Command")
    assert key in command
    reader.mark_document()

    run(command)
    expect(said(page, "The test has arrived: the way is open.")).to_be_visible(timeout=AT_ONCE_MS)
    row = arrivals(page)
    expect(row).to_have_count(1)
    expect(row).to_contain_text("Online")
    expect(row).to_contain_text(MAKES[make])
    row.get_by_role("link").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(re.compile(r"^(try-|\+1555010)"))
    assert reader.is_same_document()


@contextlib.contextmanager
def emulated(server: LiveServer, make: str, key: str, *more: str) -> Iterator[None]:
    """One device of that make with two lines, as it would be with what the page says; until the block ends."""
    goip = [sys.executable, "-m", "goip", "simulate", "--make", make, "--lines", "2", "--url", server.url]
    if make == "dbl":
        goip += ["--udp-port", str(server.udp_port)]
    if key:
        goip += ["--key", key]
    options = ["--interval", "1", "--sms-per-minute", "60", *more]
    device = subprocess.Popen([*goip, *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        device.terminate()
        device.wait(STOP_SECONDS)


@pytest.mark.parametrize("make", sorted(MAKES.keys() - {"http", "openvox"}))
def test_what_speaks_as_the_hardware_does_is_greeted(make: str, reader: Reader) -> None:
    page = reader.open(f"/setup/{make}")
    key = create_key(page)
    waiting(page)
    with emulated(reader.server, make, key):
        greeting = page.get_by_role("status").get_by_text(re.compile("gateways? ha(s|ve) reported"))
        expect(greeting).to_be_visible(timeout=STOP_SECONDS * 1000)
        expect(arrivals(page).first).to_contain_text("Online")
        expect(arrivals(page).first).to_contain_text(MAKES[make])


def test_a_box_is_told_where_to_report_and_greeted_line_by_line(reader: Reader) -> None:
    page = reader.open("/setup/dbl")
    key = create_key(page)
    assert field(page, "SMS Server IP") == "127.0.0.1"
    assert field(page, "SMS Server Port") == str(reader.server.udp_port)
    assert field(page, "Password") == key
    box = reader.server.new_id("rack")
    page.get_by_label("Name of the gateway").fill(box)
    assert field(page, "SMS Client ID") == f"{box}-1"
    expect(page.get_by_role("list", name="To know beforehand")).to_contain_text("firewall")

    for line in (1, 2):
        text = f"req:1;id:{box}-{line};pass:{key};num:;signal:20;gsm_status:LOGIN;voip_status:LOGOUT;"
        assert send_datagram(text, "127.0.0.1", reader.server.udp_port) == "reg:1;status:200;"
    expect(said(page, "2 gateways have reported.")).to_be_visible(timeout=AT_ONCE_MS)
    expect(page.get_by_role("link", name=f"Open {box}-2")).to_be_visible()


def test_a_name_becomes_a_part_of_the_address(reader: Reader) -> None:
    page = reader.open("/setup/ejoin")
    key = create_key(page)
    name = reader.server.new_id("köln")
    page.get_by_label("Name of the gateway").fill(f" {name} / 3 ")
    address = field(page, "SMS to HTTP")
    assert address.startswith(f"{reader.home}/in/ejoin/{key}/k%C3%B6ln-")
    forwarded = 'Sender: +15550101\r\nReceiver: "1.01" +15550100\r\n\r\nhello'
    answer = reader.server.request(
        "POST",
        address.removeprefix(reader.home),
        data=forwarded.encode(),
        headers={"Content-Type": "text/plain"},
    )
    assert answer.status == 200
    expect(said(page, "A gateway has reported.")).to_be_visible(timeout=AT_ONCE_MS)
    expect(page.get_by_role("link", name=f"Open {name}-3")).to_be_visible()


def test_a_device_of_another_make_is_shown_and_not_taken_for_the_one_that_is_awaited(reader: Reader) -> None:
    page = reader.open("/setup/jasmin")
    key = create_key(page)
    other = reader.server.new_id("other")
    reader.server.heartbeat(other, key).must()
    expect(page.get_by_role("heading", name="Of other makes")).to_be_visible(timeout=AT_ONCE_MS)
    expect(page.get_by_role("link", name=f"Open {other}")).to_be_visible()
    waiting(page)


def test_the_greeting_is_in_sight_while_somebody_types(reader: Reader) -> None:
    page = reader.open("/setup/dbl")
    key = create_key(page)
    page.get_by_label("Name of the gateway").focus()
    strip = page.get_by_role("button", name="Waiting for the first packet")
    expect(strip).to_be_in_viewport()
    expect(page.get_by_role("heading", name="See it live")).not_to_be_in_viewport()
    line = reader.server.new_id("rack")
    send_datagram(f"req:1;id:{line};pass:{key};num:;", "127.0.0.1", reader.server.udp_port)
    strip = page.get_by_role("button", name="A gateway has reported.")
    expect(strip).to_be_in_viewport()
    strip.press("Enter")
    expect(page.get_by_role("link", name=f"Open {line}")).to_be_in_viewport()


def test_who_is_not_let_in_is_shown_with_the_reason_until_it_is(reader: Reader) -> None:
    page = reader.open("/setup/dbl")
    key = create_key(page)
    waiting(page)
    box = reader.server.new_id("rack")
    mistyped, right = (f"req:1;id:{box};pass:{password};num:;signal:20;" for password in (f"{key}x", key))
    assert send_datagram(mistyped, "127.0.0.1", reader.server.udp_port) == "reg:1;status:404;"
    knocks = page.get_by_role("list", name="Heard, but not let in").get_by_role("listitem")
    expect(knocks).to_contain_text("this key is not known")
    expect(knocks).to_contain_text(box)
    knocks.get_by_text("What it sent").click()
    expect(knocks).to_contain_text(f"req:1;id:{box}")
    assert f"{key}x" not in knocks.inner_text()

    assert send_datagram(right, "127.0.0.1", reader.server.udp_port) == "reg:1;status:200;"
    expect(said(page, "A gateway has reported.")).to_be_visible(timeout=AT_ONCE_MS)
    expect(knocks).to_have_count(0)


def test_a_push_that_misses_something_says_what(reader: Reader) -> None:
    page = reader.open("/setup/jasmin")
    key = create_key(page)
    waiting(page)
    path = f"/in/jasmin/{key}/{reader.server.new_id('smpp')}"
    assert reader.server.request("POST", path, data=b"id=1&content=hello").status == 400
    knocks = page.get_by_role("list", name="Heard, but not let in").get_by_role("listitem")
    expect(knocks).to_contain_text("from is required")
    expect(knocks).to_contain_text("Jasmin SMS Gateway")


def test_a_key_stays_when_another_make_is_chosen_and_the_choice_has_an_address(reader: Reader) -> None:
    page = reader.open("/setup/kannel")
    key = create_key(page)
    page.get_by_role("link", name="Choose another").click()
    expect(page).to_have_url(f"{reader.home}/setup")
    search = page.get_by_label("Search makes")
    page.keyboard.press("/")
    expect(search).to_be_focused()
    page.keyboard.type("smpp")
    expect(page.get_by_role("status").get_by_text("1 make fits.")).to_be_attached()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{reader.home}/setup/jasmin")
    assert field(page, "Enrolment key") == key
    assert key in field(page, "dlr-url")
    page.go_back()
    page.go_back()
    expect(page).to_have_url(f"{reader.home}/setup/kannel")
    assert key in field(page, "kannel.conf")


def test_a_link_to_a_make_that_is_not_there_says_so_and_offers_the_others(reader: Reader) -> None:
    page = reader.open("/setup/no-such-make")
    expect(page.get_by_role("alert")).to_contain_text("no-such-make")
    expect(page.get_by_role("link").filter(has_text="Jasmin SMS Gateway")).to_be_visible()
    expect(page.get_by_role("button", name="Create a key")).to_have_count(0)


def test_makes_that_cannot_be_loaded_are_asked_for_again(reader: Reader, watch: Watch) -> None:
    watch.expects("net::ERR_FAILED")
    reader.context.route("**/api/makes", lambda route: route.abort())
    page = reader.open("/setup/jasmin")
    expect(page.get_by_role("alert")).to_contain_text("The makes could not be loaded")
    reader.context.unroute("**/api/makes")
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("button", name="Create a key")).to_be_visible()


@pytest.fixture(scope="module")
def closed_server(_built_page: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A server without a UDP port, where whoever comes has to be adopted."""
    folder: Path = tmp_path_factory.mktemp("closed-server")
    with running(LiveServer(folder, UDP_PORT="0", ENROLLMENT="approve")) as server:
        yield server


def test_what_is_in_the_way_is_said_before_anybody_types(
    closed_server: LiveServer, new_reader: NewReader
) -> None:
    reader = new_reader(closed_server)
    reader.log_in()
    page = reader.open("/setup/dbl")
    known = page.get_by_role("list", name="To know beforehand")
    expect(known).to_contain_text("GOIP_UDP_PORT")
    create_key(page)
    expect(page.get_by_role("button", name="Copy Command")).to_have_count(0)
    page.goto(f"{reader.home}/setup/capcom6")
    expect(known).to_contain_text("HTTPS addresses only")
    expect(known).to_contain_text("GOIP_HOST")


def test_a_gateway_that_has_to_be_adopted_is_adopted_where_it_is_greeted(
    closed_server: LiveServer, new_reader: NewReader
) -> None:
    reader = new_reader(closed_server)
    reader.log_in()
    page = reader.open("/setup/dinstar")
    create_key(page)
    run(field(page, "Command"))
    row = arrivals(page)
    expect(row).to_contain_text("Waiting for adoption", timeout=AT_ONCE_MS)
    row.get_by_role("button", name="Adopt").click()
    expect(page.get_by_role("link", name=re.compile("^Open try-"))).to_be_visible()


def test_what_is_shown_of_arrivals_fits_a_phone_and_axe_finds_no_serious_fault(
    new_reader: NewReader, server: LiveServer
) -> None:
    reader = new_reader(server, color_scheme="dark", reduced_motion="reduce", **PHONE)
    reader.log_in()
    page = reader.open("/setup/jasmin")
    key = create_key(page)
    run(field(page, "Command"))
    server.heartbeat(server.new_id("x" * 90), key, name="A name that is as long as names may be " * 4).must()
    headers = {"X-Long": "y" * 900}
    assert (
        server.request("POST", f"/in/jasmin/{key}/{'z' * 128}", data=b"id=1", headers=headers).status == 400
    )
    page.get_by_text("What it sent").click()
    expect(page.get_by_text("X-Long")).to_be_visible()
    assert reader.overflow() <= 0
    page.evaluate(Path(AXE).read_text(encoding="utf-8"))
    assert faults(page) == []
    page.emulate_media(color_scheme="light")
    page.evaluate("() => { document.documentElement.dir = 'rtl' }")
    assert reader.overflow() <= 0
    assert faults(page) == []
