"""One connection to a box: log in, ask, and hear of events meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from goip.errors import InvalidPayload, Unauthorized
from goip.fields import without_controls
from goip.gateways.yeastar.ami import Block, Splitter
from goip.gateways.yeastar.tap import Tap
from goip.wirelog.exchange import refused, taken

_CHUNK = 65_536
_LONGEST_REASON = 100


class Link:
    """`take_event` is called with every event, while `listen` runs; it must not block.

    `tap` keeps what is said in either direction; of what is asked again and again, the first time.
    """

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        take_event: Callable[[Block], None],
        answer_seconds: float,
        tap: Tap,
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._take_event = take_event
        self._answer_seconds = answer_seconds
        self._tap = tap
        self._asked: set[str] = set()
        self._answer: asyncio.Future[Block] | None = None
        self._is_news = True

    async def listen(self) -> None:
        """Hear what the box says until it hangs up. Raises ConnectionError then, InvalidPayload for nonsense."""
        splitter = Splitter()
        try:
            while data := await self._reader.read(_CHUNK):
                for block in splitter.feed(data):
                    self._take(block)
        except InvalidPayload as refusal:
            with self._tap.hearing(splitter.unfinished):
                refused(refusal.message)
                taken()
            raise
        raise ConnectionResetError("the box hung up")

    def _take(self, block: Block) -> None:
        is_asked_for = not block.event and self._answer is not None and not self._answer.done()
        with self._tap.hearing(block.said, is_kept=self._is_news or not is_asked_for):
            if block.event:
                self._take_event(block)
            elif self._answer is not None and is_asked_for:
                taken()
                self._answer.set_result(block)

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
        self._is_news = action not in self._asked
        self._asked.add(action)
        words = f"{action}\r\n\r\n".encode()
        if self._is_news:
            self._tap.say(words)
        self._writer.write(words)
        async with asyncio.timeout(self._answer_seconds):
            await self._writer.drain()
            return await self._answer
