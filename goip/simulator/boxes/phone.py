"""What Android phones with a gateway app have in common: a battery, SIMs from slot 0 on, and a good memory."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, ClassVar

from goip.simulator.battery import Battery
from goip.simulator.boxes.box import CALLS_PER_SMS, Box, Habit
from goip.simulator.boxes.fleet import Fleet
from goip.simulator.identities import make_phone_number
from goip.simulator.slots import LiveSlot

_ID_LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz-"


class Phone(Box):
    """One phone. What its app has to send outlives a restart."""

    forgets: ClassVar[bool] = False

    def __init__(self, fleet: Fleet, index: int) -> None:
        super().__init__(fleet, index)
        self.battery = Battery(self.random)
        self.zone = timezone(timedelta(hours=self.random.choice((-5, 0, 2, 7))))
        self.numbers = {slot.index: self._number(slot) for slot in self.slots}

    def _number(self, slot: LiveSlot) -> str:
        return slot.sim.phone_number or make_phone_number(self.random)

    def habits(self) -> Iterable[Habit]:
        """Heartbeats, messages, and what else happens."""
        per_second = self.options.sms_per_second_per_line * len(self.slots)
        yield self.every(self.options.interval_seconds, self._live_on)
        yield self.now_and_then(per_second, lambda: self.receive(self.random.choice(self.slots)))
        yield self.now_and_then(
            per_second * CALLS_PER_SMS, lambda: self.happen(self.random.choice(self.slots))
        )

    def _live_on(self) -> None:
        self.drift()
        self.battery.pass_time(self.options.interval_seconds * self.options.pace, self.random)
        if self.battery.is_empty:
            self.battery.revive(self.random)
        self.beat()

    def beat(self) -> None:
        """Say that it is alive, where its app does."""

    @abstractmethod
    def receive(self, slot: LiveSlot) -> None:
        """Take an SMS, and begin to pass it on."""

    def happen(self, slot: LiveSlot) -> None:
        """Do something else that its app tells of."""

    def write_time(self, at: datetime | None = None) -> str:
        """ISO 8601 with milliseconds and the phone's own offset."""
        return (at or datetime.now(UTC)).astimezone(self.zone).isoformat(timespec="milliseconds")

    def make_id(self, length: int = 21) -> str:
        """An id as apps make them."""
        return "".join(self.random.choices(_ID_LETTERS, k=length))


def write_json(value: Any) -> bytes:
    """JSON as apps write it: no spaces, any script as it is."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
