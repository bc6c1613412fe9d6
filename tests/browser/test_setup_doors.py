"""Adding gateways that do not post over HTTP, on a server with every door open: each greeted as its emulator speaks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import NewReader
from tests.browser.test_setup import arrivals, create_key, emulated, field, waiting
from tests.gateways.mosquitto import Mosquitto
from tests.live_fixtures import running
from tests.live_server import STOP_SECONDS, LiveServer, free_port

pytestmark = pytest.mark.browser

SECRET = "secret-of-the-box"


class Doors(NamedTuple):
    """A server, and where else it is told of gateways."""

    server: LiveServer
    dinstar_port: int
    yeastar_port: int
    broker: str


@pytest.fixture(scope="module")
def doors(_built_page: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Doors]:
    """A server that hears a broker and older Dinstar boxes, and dials a Yeastar box."""
    folder: Path = tmp_path_factory.mktemp("open-server")
    mosquitto = Mosquitto(folder / "broker").start()
    dinstar, yeastar, broker = free_port(), free_port(), f"mqtt://127.0.0.1:{mosquitto.port}/site/goip"
    settings = {
        "DINSTAR_PORT": str(dinstar),
        "YEASTAR": f"tg-1=tcp://apiuser:{SECRET}@127.0.0.1:{yeastar}",
        "MQTT": broker,
    }
    try:
        with running(LiveServer(folder / "server", **settings)) as server:
            yield Doors(server, dinstar, yeastar, broker)
    finally:
        mosquitto.stop()


@pytest.mark.parametrize(
    ("setup", "title"),
    [
        ("mqtt", "MQTT, by a broker"),
        ("dinstar-tcp", "Dinstar DWG, older firmware"),
        ("yeastar", "Yeastar TG (NeoGate TG)"),
    ],
)
def test_what_has_a_door_of_its_own_is_greeted_there(
    setup: str, title: str, doors: Doors, new_reader: NewReader
) -> None:
    reader = new_reader(doors.server)
    reader.log_in()
    page = reader.open("/setup")
    page.get_by_role("link").filter(has=page.get_by_text(title, exact=True)).click()
    if setup == "dinstar-tcp":
        key = create_key(page)
        assert field(page, "Port") == str(doors.dinstar_port)
        options = ["--tcp-port", str(doors.dinstar_port)]
    elif setup == "mqtt":
        key, options = "", ["--broker", doors.broker]
        assert field(page, "Heartbeat topic").startswith("site/goip/")
    else:
        key, options = SECRET, ["--listen", str(doors.yeastar_port)]
    waiting(page)
    with emulated(doors.server, setup, key, *options):
        greeting = page.get_by_role("status").get_by_text(re.compile("gateways? ha(s|ve) reported"))
        expect(greeting).to_be_visible(timeout=2 * STOP_SECONDS * 1000)
        row = arrivals(page).first
        expect(row).to_contain_text("Online")
        row.get_by_role("link").click()
        expect(page.get_by_role("heading", level=1)).not_to_be_empty()
        page.get_by_role("tab", name="Wire log").or_(page.get_by_role("link", name="Wire log")).first.click()
        expect(page.get_by_text("accepted").first).to_be_visible(timeout=2 * STOP_SECONDS * 1000)
