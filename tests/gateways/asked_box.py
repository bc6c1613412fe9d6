"""A box that answers questions over HTTP, on a free port of this machine."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Self

from aiohttp import web

from goip.addresses import BoxAddress

USERNAME, SECRET = "apiuser", "s3cr:t/&"

Answer = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


class AskedBox:
    """`answer` says what it answers; `questions` are the paths and queries that it was asked."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.questions: list[str] = []
        self.port = 0
        self._runner: web.ServerRunner | None = None

    async def __aenter__(self) -> Self:
        await self.plug_in()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.pull_out()

    async def plug_in(self) -> None:
        """Listen, on the port of the last time."""
        self._runner = web.ServerRunner(web.Server(self._serve), shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()
        self.port = self._runner.addresses[0][1]

    async def pull_out(self) -> None:
        """Hear nothing more, and hang up."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    def address(self, secret: str = SECRET, name: str = "office") -> BoxAddress:
        return BoxAddress(name, "127.0.0.1", self.port, USERNAME, secret)

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        self.questions.append(request.path_qs)
        return await self.answer(request)


async def silent(_: web.BaseRequest) -> web.StreamResponse:
    """No answer, for as long as anybody waits."""
    await asyncio.Event().wait()
    raise AssertionError
