"""What the boxes of one fleet share: the road, the counts, and the work that outlives the moment."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from itertools import count
from typing import Any, TypeVar

import aiohttp

from goip.simulator.boxes.messages import Message, Outcome
from goip.simulator.boxes.options import BoxOptions
from goip.simulator.boxes.road import Road
from goip.simulator.boxes.tally import BoxTally

OnOutcome = Callable[[Message, Outcome], None]
OnTextOut = Callable[[str, str, str], None]
"""The line's id, the number and the text of an SMS that went on air."""

Result = TypeVar("Result")


class Fleet:
    """The surroundings of every box; `on_outcome` is told once of each message, when it is decided."""

    def __init__(
        self,
        options: BoxOptions,
        session: aiohttp.ClientSession,
        on_outcome: OnOutcome | None = None,
        on_text_out: OnTextOut | None = None,
    ) -> None:
        self.options = options
        self.session = session
        n_lines = options.devices * options.lines_each
        self.tally = BoxTally(n_boxes=options.devices, n_lines=n_lines)
        self.road = Road(options, self.tally)
        self.numbers: Iterator[int] | None = count(1) if options.numbered else None
        self.is_over = False
        self._on_outcome = on_outcome
        self._on_text_out = on_text_out
        self._sendings: set[asyncio.Task[Any]] = set()
        self._errands: set[asyncio.Task[Any]] = set()

    def begin(self, sending: Coroutine[Any, Any, Result]) -> asyncio.Task[Result]:
        """Let a sending go on beside the box's life; it is waited for at the end."""
        return _keep(sending, self._sendings)

    def run_errand(self, errand: Coroutine[Any, Any, Result]) -> asyncio.Task[Result]:
        """Let something go on that nobody waits for."""
        return _keep(errand, self._errands)

    async def finish(self) -> None:
        """Give what is on its way its time."""
        if self._sendings:
            await asyncio.wait(set(self._sendings), timeout=self.options.grace_seconds)

    async def end(self) -> None:
        """Stop; what is on its way stays open. A fault of the emulator itself is raised, not swallowed."""
        self.is_over = True
        tasks = self._sendings | self._errands
        for task in tasks:
            task.cancel()
        for result in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(result, Exception):
                raise result

    def settle(self, message: Message, outcome: Outcome) -> None:
        """Count how a message ended."""
        self.tally.outcomes[outcome] += 1
        if self._on_outcome:
            self._on_outcome(message, outcome)

    def text_out(self, line_id: str, number: str, text: str) -> None:
        """Count an SMS that went on air."""
        self.tally.n_texts_out += 1
        if self._on_text_out:
            self._on_text_out(line_id, number, text)


def _keep(work: Coroutine[Any, Any, Result], among: set[asyncio.Task[Any]]) -> asyncio.Task[Result]:
    """Run it, and keep it among the others until it went well; a fault stays, for whoever gathers them."""

    def drop(done: asyncio.Task[Result]) -> None:
        if done.cancelled() or done.exception() is None:
            among.discard(done)

    task = asyncio.create_task(work)
    among.add(task)
    task.add_done_callback(drop)
    return task
