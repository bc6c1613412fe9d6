"""SMS gateways of software: each is one link to a provider, has no heartbeat, and keeps on disk what it has to tell."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from typing import ClassVar
from uuid import UUID

from goip.simulator.boxes.box import CALLS_PER_SMS, Box, Habit
from goip.simulator.boxes.fleet import Fleet
from goip.simulator.boxes.messages import Message
from goip.simulator.boxes.posting import Poster, Request


class Relay(Box):
    """One link, known by its name."""

    forgets: ClassVar[bool] = False

    def __init__(self, fleet: Fleet, index: int) -> None:
        super().__init__(fleet, index)
        self.device_id = f"{self.options.make}{self.options.seed:03d}-{index + 1:03d}"
        self.poster = self.make_poster()

    def habits(self) -> Iterable[Habit]:
        """Messages, and what became of those that it was given to send."""
        per_second = self.options.sms_per_second_per_line * len(self.slots)
        yield self.now_and_then(per_second, self._receive)
        yield self.now_and_then(per_second * CALLS_PER_SMS, self._report)

    @abstractmethod
    def make_poster(self) -> Poster:
        """How it repeats, and what it takes for an answer."""

    @abstractmethod
    def request_of(self, message: Message) -> Request:
        """What it asks when it has received a message."""

    @abstractmethod
    def report_of(self, reference: str) -> Request:
        """What it asks when a message that it sent was delivered."""

    def make_id(self) -> str:
        """A name for a message, as both makes give one."""
        return str(UUID(int=self.random.getrandbits(128), version=4))

    def _receive(self) -> None:
        slot = self.random.choice(self.slots)
        message = self.correspondents.write(self.device_id, slot.index)
        request = self.request_of(message)
        self.send((message,), self.poster.deliver(lambda: request))

    def _report(self) -> None:
        request = self.report_of(self.make_id())
        self.poster.tell(self.fleet.tally.events, lambda: request)
