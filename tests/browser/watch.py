"""What no page may do, whatever is tested: every test fails on it unless it said that it expects it."""

from __future__ import annotations

import re
from typing import Any

from playwright.sync_api import BrowserContext, ConsoleMessage, Dialog, Page, Request, WebError, WebSocket

_TELL_VIOLATIONS = """
document.addEventListener('securitypolicyviolation', (event) => tellViolation(
  `${event.effectiveDirective} blocked ${event.blockedURI} at ${event.sourceFile}:${event.lineNumber} ${event.sample}`,
))
"""
_IN_THE_PAGE = ("data:", "blob:", "about:")

LINE_IS_DOWN = (
    r"net::ERR_(INTERNET_DISCONNECTED|CONNECTION_REFUSED|CONNECTION_RESET|EMPTY_RESPONSE|FAILED|SOCKET_NOT_CONNECTED"
    r"|INCOMPLETE_CHUNKED_ENCODING|NETWORK_CHANGED|CONNECTION_ABORTED|CONNECTION_CLOSED)|WebSocket connection to"
)
"""What Chromium itself writes to the console when a server cannot be reached."""


class Watch:
    """Notes violations of the CSP, requests to elsewhere, errors, dialogs, crashes: of every page of a test."""

    def __init__(self) -> None:
        self._noted: list[str] = []
        self._expected: list[re.Pattern[str]] = []
        self._homes: set[str] = set()

    def expects(self, *patterns: str) -> None:
        """This test brings such offences about by itself."""
        self._expected += [re.compile(pattern) for pattern in patterns]

    @property
    def offences(self) -> list[str]:
        """What was noted and not expected."""
        return [noted for noted in self._noted if not any(e.search(noted) for e in self._expected)]

    def follow(self, context: BrowserContext, home: str) -> None:
        """Watch all pages of a context; only `home` (an origin) may be asked for anything."""
        self._homes |= {home, home.replace("http", "ws", 1)}
        context.expose_binding("tellViolation", self._on_violation)
        context.add_init_script(_TELL_VIOLATIONS)
        context.on("console", self._on_console)
        context.on("weberror", self._on_error)
        context.on("request", self._on_request)
        context.on("dialog", self._on_dialog)
        context.on("page", self._on_page)

    def _on_violation(self, _source: Any, text: str) -> None:
        self._noted.append(f"CSP: {text}")

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self._noted.append(f"console: {message.text} ({message.location.get('url', '')})")

    def _on_error(self, error: WebError) -> None:
        self._noted.append(f"page error: {error.error}")

    def _on_request(self, request: Request) -> None:
        self._note_address(request.url)

    def _on_dialog(self, dialog: Dialog) -> None:
        self._noted.append(f"dialog: {dialog.type} {dialog.message}")
        dialog.dismiss()

    def _on_page(self, page: Page) -> None:
        page.on("websocket", self._on_websocket)
        page.on("crash", lambda crashed: self._noted.append(f"crashed: {crashed.url}"))

    def _on_websocket(self, socket: WebSocket) -> None:
        self._note_address(socket.url)

    def _note_address(self, url: str) -> None:
        if not url.startswith(_IN_THE_PAGE) and not any(url.startswith(f"{home}/") for home in self._homes):
            self._noted.append(f"outside request: {url}")
