"""A box or a phone: it comes up, follows its habits until it restarts, and forgets, or not, what it had to send."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from random import Random
from typing import Any, ClassVar, Final

from goip.simulator.boxes.fleet import Fleet
from goip.simulator.boxes.messages import Correspondents, Message, Outcome
from goip.simulator.slots import make_slots

CALLS_PER_SMS: Final = 0.3
_BOOT_SECONDS = 3.0

Habit = Coroutine[Any, Any, None]
Sending = Coroutine[Any, Any, Outcome]


class Box(ABC):
    """One of a fleet. What it does while it is up are its `habits`; each of them ends only with the box."""

    first_slot: ClassVar[int] = 0
    forgets: ClassVar[bool] = True
    """Whether a restart loses what was on its way."""

    def __init__(self, fleet: Fleet, index: int) -> None:
        options = fleet.options
        self.fleet = fleet
        self.options = options
        self.index = index
        self.random = Random(f"{options.seed}:{options.make}:{index}")  # noqa: S311 - a life, not a secret
        self.slots = make_slots(options.seed, index, options.lines_each, self.first_slot, self.random)
        self.correspondents = Correspondents(self.random, fleet.numbers)
        self._sendings: set[asyncio.Task[Outcome]] = set()
        self._up: asyncio.Timeout | None = None

    @abstractmethod
    def habits(self) -> Iterable[Habit]:
        """What goes on while the box is up."""

    async def switch_on(self) -> None:  # noqa: B027 - not every make has something to do
        """Come up: count from the start again, open sockets."""

    def go_down(self) -> None:  # noqa: B027 - not every make has something to do
        """Say and hear nothing more; what is on the road goes on."""

    def close(self) -> None:  # noqa: B027 - not every make has something to do
        """Give back what is open, at the end."""

    async def live(self) -> None:
        """From power-up on, until it is cancelled; what is on its way then goes on."""
        await asyncio.sleep(self._jitter(min(1.0, self.options.interval_seconds)))
        while True:
            await self.switch_on()
            try:
                async with asyncio.timeout(self._uptime()) as self._up, asyncio.TaskGroup() as tasks:
                    for habit in self.habits():
                        tasks.create_task(habit)
            except TimeoutError:
                self.fleet.tally.n_reboots += 1
            if self.forgets:
                self._forget()
            self.go_down()
            await self.pause(_BOOT_SECONDS)

    def restart(self) -> None:
        """Go down and come up again, now."""
        if self._up is not None:
            self._up.reschedule(asyncio.get_running_loop().time())

    def send(self, messages: Sequence[Message], sending: Sending) -> None:
        """Begin to send messages that people wrote; `sending` returns how it ended."""
        self.fleet.tally.messages.n_sent += len(messages)
        task = self.fleet.begin(sending)
        self._sendings.add(task)
        task.add_done_callback(self._sendings.discard)
        task.add_done_callback(lambda sent: self._settle(messages, sent))

    async def pause(self, seconds: float) -> None:
        """Wait by the box's own clock."""
        await asyncio.sleep(seconds / self.options.pace)

    async def every(self, seconds: float, act: Callable[[], Awaitable[None] | None]) -> None:
        """Do something now, and again and again."""
        while True:
            done = act()
            if done is not None:
                await done
            await asyncio.sleep(seconds)

    async def now_and_then(self, per_second: float, act: Callable[[], None]) -> None:
        """Do something at moments left to chance."""
        if per_second <= 0:
            await asyncio.Event().wait()
        while True:
            await asyncio.sleep(self.random.expovariate(per_second))
            act()

    def drift(self) -> None:
        """Let the signals wander for as long as passes between two reports."""
        for slot in self.slots:
            slot.drift(self.options.interval_seconds * self.options.pace, self.random)

    def _settle(self, messages: Sequence[Message], sent: asyncio.Task[Outcome]) -> None:
        outcome = Outcome.OPEN if self.fleet.is_over else Outcome.FORGOTTEN
        if not sent.cancelled():
            outcome = Outcome.OPEN if sent.exception() else sent.result()
        if outcome is Outcome.ACKNOWLEDGED:
            self.fleet.tally.messages.n_acknowledged += len(messages)
        for message in messages:
            self.fleet.settle(message, outcome)

    def _forget(self) -> None:
        for task in set(self._sendings):
            task.cancel()

    def _uptime(self) -> float | None:
        mean = self.options.reboot_every
        return None if mean is None else self.random.expovariate(1 / mean)

    def _jitter(self, seconds: float) -> float:
        return self.random.uniform(0, seconds)
