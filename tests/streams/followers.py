"""The client of the stream that all cases are told with: over one transport, or over any by chance."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import Any

from tests.live_server import LiveServer
from tests.streams.links import Gone, Link, Refused, Way
from tests.streams.notebook import Notebook

WITHIN_SECONDS = 20.0


class Follower:
    """One subscription over any of these ways; it takes another one at each connect, by chance."""

    def __init__(
        self, server: LiveServer, token: str, ways: Sequence[Way], chance: random.Random | None = None
    ) -> None:
        self.notebook = Notebook()
        self.way = ways[0]
        self._server = server
        self._token = token
        self._ways = ways
        self.chance = chance or random.Random(0)
        self._rooms: tuple[str, ...] = ()
        self._link: Link | None = None
        self._following: asyncio.Task[None] | None = None

    async def connect(self, rooms: str, after: str | None = None) -> None:
        """Listen to these rooms (with commas between), and wait for the answer to that. Raises Refused, Gone."""
        self._rooms = tuple(rooms.split(","))
        self.notebook.cursor = after
        await self.resume()

    async def resume(self, token: str | None = None) -> None:
        """Come back with the cursor held, and wait for the answer to that. Raises Refused, Gone."""
        self._token = token or self._token
        self.begin()
        await self.answered()

    def begin(self) -> None:
        """The same, and wait for nothing."""
        assert self._following is None, "it is still there"
        self.way = self.chance.choice(list(self._ways))
        self._link = self.way.make(self._server, self._token, self.notebook)
        self._following = asyncio.create_task(self._link.follow(self._rooms, self.notebook.cursor))

    async def answered(self) -> None:
        """Until the server has answered. Raises Refused, Gone."""
        assert self._link is not None
        await self._until(self._link.is_open.wait())

    async def news(self) -> None:
        """Until something was written down. Raises Refused, Gone."""
        await self._until(self.notebook.news())

    async def until(self, is_so: Callable[[Notebook], bool] | int, within: float = WITHIN_SECONDS) -> None:
        """Until the notebook is so, or reaches this seq. Raises Gone when the connection ends before."""
        reached = is_so if callable(is_so) else partial(_has_reached, seq=is_so)
        try:
            async with asyncio.timeout(within):
                while not reached(self.notebook):
                    await self.news()
        except TimeoutError:
            raise AssertionError(
                f"{self.way} is not so far within {within} s: it holds {self.notebook.cursor}, "
                f"{self.notebook.facts[-3:]}"
            ) from None

    async def ended(self, within: float) -> str:
        """How the server ended the connection. Fails when it does not within so many seconds."""
        assert self._following is not None
        done, _ = await asyncio.wait([self._following], timeout=within)
        assert done, f"{self.way} still listens after {within} s"
        try:
            await self._until(asyncio.Event().wait())
        except (Gone, Refused) as end:
            return str(end)
        raise AssertionError("a link ends by an exception")

    async def drop(self) -> bool:
        """Reset the connection; whatever is on its way is lost. False when it had ended before.

        Raises what the link had to complain about.
        """
        following, self._following = self._following, None
        if following is None:
            return False
        was_up = following.cancel()
        with contextlib.suppress(asyncio.CancelledError, Gone):
            await following
        return was_up

    @property
    def is_connected(self) -> bool:
        """True from a connect to its end."""
        return self._following is not None

    @property
    def is_answered(self) -> bool:
        """True once the server has answered the last connect."""
        return self._link is not None and self._link.is_open.is_set()

    async def _until(self, event: Coroutine[Any, Any, object]) -> None:
        """Wait for the event; raise what ended the link when it ends before."""
        assert self._following is not None, "not connected"
        waiting = asyncio.create_task(event)
        try:
            await asyncio.wait([waiting, self._following], return_when=asyncio.FIRST_COMPLETED)
            if not waiting.done():
                following, self._following = self._following, None
                await following
        finally:
            waiting.cancel()


def _has_reached(notebook: Notebook, seq: int) -> bool:
    return notebook.seq >= seq
