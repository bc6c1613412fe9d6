"""One connection to a box: log in, ask, and hear of events meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from goip.errors import Unauthorized
from goip.fields import without_controls
from goip.gateways.yeastar.ami import Block, Splitter

_CHUNK = 65_536
_LONGEST_REASON = 100


class Link:
    """`take_event` is called with every event, while `listen` runs; it must not block."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        take_event: Callable[[Block], None],
        answer_seconds: float,
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._take_event = take_event
        self._answer_seconds = answer_seconds
        self._answer: asyncio.Future[Block] | None = None

    async def listen(self) -> None:
        """Hear what the box says until it hangs up. Raises ConnectionError then, InvalidPayload for nonsense."""
        splitter = Splitter()
        while data := await self._reader.read(_CHUNK):
            for block in splitter.feed(data):
                if block.event:
                    self._take_event(block)
                elif self._answer is not None and not self._answer.done():
                    self._answer.set_result(block)
        raise ConnectionResetError("the box hung up")

    async def log_in(self, username: str, secret: str) -> None:
        """Raises Unauthorized with the box's own words when it lets nobody of that name in."""
        answer = await self._ask(f"Action: Login\r\nUsername: {username}\r\nSecret: {secret}")
        if answer.fields.get("response", "").lower() != "success":
            told = without_controls(answer.fields.get("message", ""))[:_LONGEST_REASON]
            raise Unauthorized(told or "the box refuses the login")

    async def command(self, command: str) -> tuple[str, ...]:
        """The lines that a command prints."""
        return (await self._ask(f"Action: smscommand\r\ncommand: {command}")).lines

    async def _ask(self, action: str) -> Block:
        """The answer, which bears no number: one that is late would be taken for the next. Raises TimeoutError."""
        self._answer = asyncio.get_running_loop().create_future()
        self._writer.write(f"{action}\r\n\r\n".encode())
        async with asyncio.timeout(self._answer_seconds):
            await self._writer.drain()
            return await self._answer
