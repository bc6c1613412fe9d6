"""Yeastar TG boxes: the server dials them, asks for their ports, and is told what they receive.

An event is told once to whoever is connected, and nobody acknowledges it: so no message of theirs counts as such. What
comes while nobody is there stays in the box's own inbox. The road loses none of it but by breaking the line.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import ClassVar, Final
from urllib.parse import quote_plus

from goip.simulator.boxes.box import CALLS_PER_SMS, Box, Habit
from goip.simulator.boxes.fleet import Fleet
from goip.simulator.boxes.manager import Manager, printed, received, sent
from goip.simulator.boxes.messages import Outcome
from goip.simulator.slots import LiveSlot

USER: Final = "apiuser"
PORT: Final = 5_038
_SHORT_PART, _LONG_PART = 67, 153
_LONGEST_BEFORE_BREAK_SECONDS = 0.02


class YeastarBox(Box):
    """One box at a port of its own; what it is called is the server's affair, here `tg-1`, `tg-2`, and so on."""

    first_slot: ClassVar[int] = 1

    def __init__(self, fleet: Fleet, index: int) -> None:
        super().__init__(fleet, index)
        self.device_id = f"tg-{index + 1}"
        port = PORT if self.options.listen_port is None else self.options.listen_port
        self._manager = Manager(USER, self.options.key, self._answer, port and port + index)
        self._n_long = 0

    async def switch_on(self) -> None:
        """It can be dialled."""
        await self._manager.plug_in()

    def go_down(self) -> None:
        """It hangs up."""
        self._manager.unplug()

    close = go_down

    def habits(self) -> Iterable[Habit]:
        """Messages, and what became of those that it was given to send; the rest is the server's."""
        per_second = self.options.sms_per_second_per_line * len(self.slots)
        yield self.every(self.options.interval_seconds, self.drift)
        yield self.now_and_then(per_second, self._receive)
        yield self.now_and_then(per_second * CALLS_PER_SMS, self._report)

    # ---- asked ----

    def _answer(self, command: str) -> bytes:
        spans = {span_of(slot): slot for slot in self.slots}
        if command == "gsm show spans":
            beats = self.fleet.tally.heartbeats
            beats.n_sent += 1
            beats.n_acknowledged += 1
            return printed(*(f"GSM span {span}: {_state_of(slot)}" for span, slot in spans.items()))
        slot = spans.get(_number_after(command, "gsm show span "))
        return printed("No such command") if slot is None else describe(slot)

    # ---- telling ----

    def _receive(self) -> None:
        slot = self.random.choice(self.slots)
        message = self.correspondents.write(self.device_id, slot.index)
        parts = parts_of(message.text)
        self._n_long += len(parts) > 1
        at = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S}"
        events = [
            received(
                quote_plus(part),
                sender=message.sender,
                span=span_of(slot),
                at=at,
                id=str(self._n_long % 256) if len(parts) > 1 else "",
                index=place,
                total=len(parts),
            )
            for place, part in enumerate(parts, 1)
        ]
        self.send((message,), self._tell(b"".join(events)))

    def _report(self) -> None:
        events = self.fleet.tally.events
        events.n_sent += 1
        self.fleet.begin(self._tell(sent(f"out-{events.n_sent}", self.random.randrange(2))))

    async def _tell(self, event: bytes) -> Outcome:
        """Over the road, once; the box never learns what became of it."""
        copies = self.fleet.road.copies()
        if not copies:
            seconds = self.random.uniform(0, _LONGEST_BEFORE_BREAK_SECONDS)
            asyncio.get_running_loop().call_later(seconds, self._manager.hang_up)
        for delay in copies or (0,):
            await asyncio.sleep(delay)
            await self._manager.tell(event)
        return Outcome.GIVEN_UP


def span_of(slot: LiveSlot) -> int:
    """GSM port 1 is span 2."""
    return slot.index + 1


def describe(slot: LiveSlot) -> bytes:
    """The answer to `gsm show span`."""
    return printed(
        f"D-channel: {span_of(slot)}",
        f"Status: {_state_of(slot)}",
        "Type: CPE",
        f"Model IMEI: {slot.imei}",
        f"Network Name: {slot.sim.carrier_name}",
        f"Network Status: {'Registered (Home network)' if slot.has_network else 'Not registered'}",
        f"Signal Quality (0,31): {slot.signal}",
        f"SIM IMSI: {slot.sim.imsi}",
        "State: READY",
    )


def parts_of(text: str) -> list[str]:
    """A text as the network carries it: a long one in parts."""
    length = _LONG_PART if text.isascii() else _SHORT_PART
    return [text[start : start + length] for start in range(0, len(text), length)] or [""]


def _state_of(slot: LiveSlot) -> str:
    return f"Power on, Provisioned, {'Up' if slot.has_network else 'Down'}, Active,Standard"


def _number_after(command: str, words: str) -> int:
    number = command.removeprefix(words)
    return int(number) if number.isdigit() else 0
