"""The application behind aiohttp's test server, with the short way in, as `goip serve` runs it."""

from __future__ import annotations

from typing import Any

from aiohttp.test_utils import TestServer

from goip.api.gateway import quick_heartbeats
from goip.api.quick import QuickRunner


class QuickTestServer(TestServer):
    """A server on a free port, made of the runner that `goip serve` uses."""

    async def _make_runner(self, **settings: Any) -> QuickRunner:
        return QuickRunner(self.app, quick_heartbeats(self.app), **settings)
