"""From an empty server to the first message, as somebody does it who has just installed it."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import NewReader
from tests.browser.reader import CONNECTED, Reader
from tests.browser.watch import Watch
from tests.live_fixtures import running
from tests.live_server import LiveServer

pytestmark = pytest.mark.browser

AT_ONCE_MS = 2_000


@pytest.fixture(scope="module")
def empty_server(_built_page: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A server that nothing has reported to: whoever changes that comes last."""
    with running(LiveServer(tmp_path_factory.mktemp("empty-server"))) as server:
        yield server


def make_key(page: Page, name: str) -> str:
    """Choose a script and ask for an enrolment key on the setup page; returns the command that it offers."""
    page.get_by_role("link", name="HTTP device or script").click()
    page.get_by_label("Name of the key").fill(name)
    page.get_by_role("button", name="Create a key").click()
    return page.get_by_text(re.compile(r"^curl ")).inner_text()


def copied(reader: Reader, button: str) -> str:
    """What is on the clipboard after a click on this button."""
    copy = reader.page.get_by_role("button", name=button)
    copy.click()
    expect(copy).to_have_attribute("title", "Copied")
    page = reader.context.new_page()
    page.set_content("<textarea aria-label=paste></textarea>")
    page.get_by_label("paste").focus()
    page.keyboard.press("Control+V")
    text = page.get_by_label("paste").input_value()
    page.close()
    return text


def test_an_empty_server_says_on_every_page_what_to_do_first(
    empty_server: LiveServer, new_reader: NewReader
) -> None:
    reader = new_reader(empty_server)
    reader.log_in()
    page = reader.open("/")
    expect(page.get_by_role("region", name="Add your first gateway")).to_be_visible()
    expect(page.get_by_role("alert")).to_have_count(0)
    for name in ("Devices", "Inbox"):
        reader.go(name)
        page.get_by_role("main").get_by_role("link", name="Connect a device").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Add a gateway")


def test_the_ready_command_is_copied_on_plain_http_too(
    empty_server: LiveServer, new_reader: NewReader, watch: Watch
) -> None:
    watch.expects("Cross-Origin-Opener-Policy header has been ignored")
    reader = new_reader(empty_server, host="goip.test")
    page = reader.page
    page.goto(f"{reader.home}/setup")
    reader.sign_in()
    expect(page.get_by_role("heading", level=1)).to_have_text("Add a gateway")
    assert page.evaluate("() => window.isSecureContext") is False

    command = make_key(page, "Copied")
    assert f"{reader.home}/api/device/heartbeat" in command
    assert copied(reader, "Copy Command") == command
    expect(page.get_by_role("button", name="Copy Command")).to_be_focused()
    key = copied(reader, "Copy Enrolment key")
    assert key
    assert f"Bearer {key}" in command


def test_a_first_run_goes_from_the_password_to_a_live_message(
    empty_server: LiveServer, new_reader: NewReader, watch: Watch
) -> None:
    watch.expects("401 .Unauthorized.")
    reader = new_reader(empty_server)
    page = reader.page
    page.goto(reader.home)
    reader.sign_in(password="not-the-password")
    expect(page.get_by_role("alert")).to_have_text("The username or password is wrong.")
    expect(page.get_by_label("Password", exact=True)).to_be_focused()
    reader.sign_in()
    expect(page.get_by_role("heading", level=1)).to_have_text("Overview")
    reader.expect_badge(CONNECTED)

    page.get_by_role("region", name="Add your first gateway").get_by_role(
        "link", name="Add a gateway"
    ).click()
    command = make_key(page, "First run")
    expect(page.get_by_role("status").get_by_text("Waiting for the first packet")).to_be_visible()
    named = re.search(r'"deviceId":"([\w-]+)"', command)
    assert named is not None
    reader.mark_document()
    assert shutil.which("curl"), "the page offers a curl, and there is none to try it with"
    answer = subprocess.run(["sh", "-c", command], capture_output=True, text=True, timeout=30, check=True)
    expect(page.get_by_role("status").get_by_text("The test has arrived")).to_be_visible(timeout=AT_ONCE_MS)
    assert '"isNewDevice":true' in answer.stdout
    page.get_by_role("link", name=f"Open {named[1]}").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(named[1])
    expect(page.get_by_role("main").get_by_text("Example Mobile")).to_be_visible()

    reader.go("Overview")
    expect(page.get_by_text("Add your first gateway")).to_have_count(0)
    key = re.search(r"Bearer ([\w.-]+)", command)
    assert key is not None
    empty_server.receive_sms(named[1], key[1], "Your code is 482193", sender="BANK").must()
    expect(reader.feed.get_by_text("Your code is 482193")).to_be_visible(timeout=AT_ONCE_MS)
    expect(reader.feed.get_by_text("BANK")).to_be_visible()
    assert reader.is_same_document()
