"""`python -m tests.browser.pictures`: takes `docs/overview.png` anew, of a simulated fleet.

With `--all FOLDER` it takes every page instead, on a desk and on a phone, light and dark, to be looked at.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, expect, sync_playwright

from tests.browser.conftest import ARGUMENTS, ROOT
from tests.browser.fleet import seed_fleet
from tests.browser.reader import Reader
from tests.browser.test_phone_and_themes import PHONE, PLACES
from tests.following import eventually
from tests.live_server import ENROLMENT_KEY, LiveServer
from tests.services import chromium_path

OVERVIEW = ROOT / "docs" / "overview.png"
DESK: dict[str, Any] = {"viewport": {"width": 1440, "height": 900}}
FLEETS = {
    "lively": ("--devices", "51", "--interval", "8", "--sms-per-minute", "60", "--seed", "11"),
    # These two are ended early: the one is offline soon after, the other late for a minute.
    "lost": ("--devices", "6", "--interval", "2", "--sms-per-minute", "0", "--seed", "12"),
    "tardy": ("--devices", "3", "--interval", "25", "--sms-per-minute", "0", "--seed", "13"),
}
N_DEVICES, N_LATE, N_OFFLINE = 60, 3, 6
LIVELY_WITHIN_SECONDS = 120


def main() -> None:
    """Serve, simulate, and take the pictures."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        server = LiveServer(Path(folder)).start()
        goip = [sys.executable, "-m", "goip", "simulate", "--url", server.url, "--key", ENROLMENT_KEY]
        fleets = {
            name: subprocess.Popen([*goip, *options], stderr=subprocess.DEVNULL)
            for name, options in FLEETS.items()
        }
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=list(ARGUMENTS))
        try:
            if "--all" in sys.argv:
                _take_all(browser, server, Path(sys.argv[-1]))
            else:
                eventually(lambda: server.state()["stats"], _are_all_there, timeout=LIVELY_WITHIN_SECONDS)
                for name in ("lost", "tardy"):
                    fleets[name].terminate()
                _take_overview(browser, server)
        finally:
            for fleet in fleets.values():
                fleet.terminate()
                fleet.wait()
            browser.close()
            server.stop()


def _reader(browser: Browser, server: LiveServer, **options: Any) -> Reader:
    reader = Reader(browser.new_context(locale="en-GB", **options), server, server.url)
    reader.log_in()
    return reader


def _take_overview(browser: Browser, server: LiveServer) -> None:
    reader = _reader(browser, server, color_scheme="light", **DESK)
    page = reader.open("/")
    eventually(lambda: server.state()["stats"], _is_lively, timeout=LIVELY_WITHIN_SECONDS)
    expect(reader.feed.get_by_role("listitem")).not_to_have_count(0)
    page.screenshot(path=OVERVIEW)
    print(f"{OVERVIEW}: {OVERVIEW.stat().st_size // 1024} KB")


def _are_all_there(stats: dict[str, Any]) -> bool:
    return bool(stats["totalDevices"] == N_DEVICES)


def _is_lively(stats: dict[str, Any]) -> bool:
    has_messages = stats["receivedSms"] >= 30
    return bool(stats["lateDevices"] == N_LATE and stats["offlineDevices"] == N_OFFLINE and has_messages)


def _take_all(browser: Browser, server: LiveServer, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    fleet = seed_fleet(server)
    for width, size in (("desk", DESK), ("phone", PHONE)):
        for theme in ("light", "dark"):
            reader = _reader(browser, server, color_scheme=theme, **size)
            for name, place in PLACES.items():
                reader.log_in()
                place(reader, fleet)
                reader.page.screenshot(path=folder / f"{name.replace(' ', '-')}-{width}-{theme}.png")
            reader.context.close()


if __name__ == "__main__":
    main()
