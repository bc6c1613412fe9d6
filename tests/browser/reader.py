"""Somebody at the page: a browser context of their own, and the words by which they find things on it."""

from __future__ import annotations

import re
from typing import Any
from weakref import WeakKeyDictionary

from playwright.sync_api import BrowserContext, Locator, Page, expect

from tests.live_server import ADMIN_PASSWORD, LiveServer

CONNECTED = "Real-time Connected"
_COOKIES: WeakKeyDictionary[LiveServer, list[Any]] = WeakKeyDictionary()


class Reader:
    """One person with one browser. Everything is found by role and name, so that looks may change."""

    def __init__(self, context: BrowserContext, server: LiveServer, home: str) -> None:
        self.context = context
        self.server = server
        self.home = home
        self.page: Page = context.new_page()

    # ---- coming and going ----

    def log_in(self) -> None:
        """As the admin, in the one session that all tests share: who would end it logs in anew."""
        if self.server not in _COOKIES:
            self.log_in_anew()
            _COOKIES[self.server] = self.context.cookies()
        self.context.add_cookies(_COOKIES[self.server])

    def log_in_anew(self, username: str = "admin", password: str = ADMIN_PASSWORD) -> None:
        """Get the cookies of a new session, without the form."""
        body = {"username": username, "password": password}
        answer = self.context.request.post(f"{self.home}/api/auth/login", data=body)
        assert answer.ok, answer.text()

    def leave(self) -> None:
        """Go away and forget the session, without ending it."""
        self.page.goto("about:blank")
        self.context.clear_cookies()

    def sign_in(self, username: str = "admin", password: str = ADMIN_PASSWORD) -> None:
        """By the form that is on the page."""
        self.page.get_by_label("Username").fill(username)
        self.page.get_by_label("Password", exact=True).fill(password)
        self.page.get_by_role("button", name="Sign in").click()

    def open(self, path: str = "/") -> Page:
        """Load a page, and wait until it is live."""
        self.page.goto(self.home + path)
        self.expect_badge(CONNECTED)
        return self.page

    def go(self, name: str) -> None:
        """To a page by the navigation, without loading anything anew."""
        self.navigation.get_by_role("link", name=re.compile(name)).click()

    def mark_document(self) -> None:
        """Remember that this very document is open: see `is_same_document`."""
        self.page.evaluate("() => { window.isMarked = true }")

    def is_same_document(self) -> bool:
        """True when the page was not loaded again since it was marked."""
        return bool(self.page.evaluate("() => window.isMarked === true"))

    # ---- what is on the page ----

    @property
    def navigation(self) -> Locator:
        return self.page.get_by_role("navigation", name="Main")

    @property
    def badge(self) -> Locator:
        return self.page.get_by_role("button", name=re.compile(r"^Connection:"))

    @property
    def feed(self) -> Locator:
        return self.page.get_by_role("region", name="Live messages")

    @property
    def notice(self) -> Locator:
        """What is said about the connection across the page, during an outage and after it."""
        words = re.compile(r"The live connection is down|Connection is back")
        return self.page.get_by_role("paragraph").filter(has_text=words)

    def row(self, name: str) -> Locator:
        """A device's row in the list."""
        return self.page.get_by_role("row").filter(has=self.page.get_by_role("link", name=name, exact=True))

    def expect_badge(self, word: str, timeout: float = 15_000) -> None:
        """Wait until the badge says this."""
        expect(self.badge).to_have_accessible_name(re.compile(rf"^Connection:\s*{word}"), timeout=timeout)

    def expect_badge_to_leave(self, word: str, timeout: float = 15_000) -> None:
        """Wait until the badge says anything but this."""
        expect(self.badge).not_to_have_accessible_name(re.compile(rf"^Connection:\s*{word}"), timeout=timeout)

    def overflow(self) -> int:
        """How many pixels the page is wider than its window."""
        return int(
            self.page.evaluate(
                "() => Math.max(document.documentElement.scrollWidth, document.body.scrollWidth) - window.screen.width"
            )
        )
