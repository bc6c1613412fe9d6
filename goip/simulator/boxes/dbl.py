"""GoIP boxes (DBL, HYBERTONE): each line is a UDP socket with an id and a password.

A keepalive counts from 1 at power-up and is not repeated. An event comes every 3 s until it is acknowledged, three
times more at most, under one number; numbers come from the box's clock, and where that is wrong after a restart
(as here, always) they are used again. An ERROR is no acknowledgement: the box goes on as after silence.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Coroutine, Iterable
from time import monotonic
from typing import Any, ClassVar, Final, cast

from goip.simulator.boxes.box import CALLS_PER_SMS, Box, Habit
from goip.simulator.boxes.dbl_calls import Call, make_call, make_odd_event
from goip.simulator.boxes.dbl_orders import Orders
from goip.simulator.boxes.dbl_packets import Event, event_text, keepalive_text
from goip.simulator.boxes.fleet import Fleet
from goip.simulator.boxes.messages import Message, Outcome
from goip.simulator.boxes.posting import Schedule
from goip.simulator.boxes.repeating import say_until_heard
from goip.simulator.boxes.road import LONGEST_DELAY_SECONDS
from goip.simulator.slots import LiveSlot

SCHEDULE: Final = Schedule(first_seconds=3, factor=1, repeats=3)
_REGISTERED = re.compile(r"(?:reg|req):(-?\d+);status:(-?\d+);")
_ACKNOWLEDGED = re.compile(r"([A-Za-z_]+) (-?\d+) (OK|ERROR|DISABLE)\b ?(.*)", re.DOTALL)
_WELCOME: Final = frozenset({"0", "200"})
_SAME_AGAIN_CHANCE = 0.08
_EMPTY_CHANCE = 0.05


class DblBox(Box):
    """One box; its lines restart together."""

    first_slot: ClassVar[int] = 1

    def __init__(self, fleet: Fleet, index: int) -> None:
        super().__init__(fleet, index)
        self.is_new_firmware = self.random.random() < 0.7
        self.first_number = self.random.choice((int(time.time()), 400, -7_300_000))
        self.empty = {slot.index for slot in self.slots[1:] if self.random.random() < _EMPTY_CHANCE}
        self.greeted = {slot.index: asyncio.Event() for slot in self.slots}
        self.lines: list[Line] = []
        self._gone: list[Line] = []

    def line_id(self, slot: LiveSlot) -> str:
        """The client id in the box's form: the device's id at the server."""
        return f"dbl{self.options.seed:03d}-{self.index + 1:02d}-{slot.index:02d}"

    async def switch_on(self) -> None:
        """Each line comes from a port of its own, another one after each restart."""
        loop = asyncio.get_running_loop()
        for slot in self.slots:
            _, line = await loop.create_datagram_endpoint(
                lambda slot=slot: Line(self, slot),  # type: ignore[misc]
                remote_addr=(self.options.host, self.options.udp_port),
            )
            self.lines.append(line)

    def go_down(self) -> None:
        """Nothing hears what still comes; nothing more is sent, but what is on the road arrives."""
        for line in self.lines:
            line.fall_silent()
        self._gone = [line for line in self._gone if line.is_open] + self.lines
        self.lines = []

    def close(self) -> None:
        """Close all sockets, also those of earlier lives."""
        self.go_down()
        for line in self._gone:
            line.close()

    def habits(self) -> Iterable[Habit]:
        """Every line keeps alive, and what happens to it happens once the server has greeted it."""
        for line in self.lines:
            yield self._keep_alive(line)
            yield self._receive(line)
            yield self._talk(line)
            yield self._tell_oddities(line)

    async def _keep_alive(self, line: Line) -> None:
        await asyncio.sleep(self.random.uniform(0, min(1.0, self.options.interval_seconds)))
        await self.every(self.options.interval_seconds, line.keep_alive)

    async def _receive(self, line: Line) -> None:
        await self.greeted[line.slot.index].wait()
        per_second = 0.0 if line.is_empty else self.options.sms_per_second_per_line
        await self.now_and_then(per_second, lambda: self.receive(line))

    async def _talk(self, line: Line) -> None:
        await self.greeted[line.slot.index].wait()
        per_second = 0.0 if line.is_empty else self.options.sms_per_second_per_line * CALLS_PER_SMS
        await self.now_and_then(per_second, lambda: line.talk(make_call(self.random, self.correspondents)))

    async def _tell_oddities(self, line: Line) -> None:
        await self.greeted[line.slot.index].wait()
        per_second = self.options.sms_per_second_per_line * CALLS_PER_SMS
        await self.now_and_then(per_second, lambda: line.begin(make_odd_event(self.random)))

    def receive(self, line: Line) -> None:
        """A message comes in; now and then the very same once more, which is another message."""
        message = self.correspondents.write(line.line_id, line.slot.index)
        if line.last_message is not None and self.random.random() < _SAME_AGAIN_CHANCE:
            message = line.last_message
        line.last_message = message
        self.send((message,), line.receive(message))


class Line(asyncio.DatagramProtocol):
    """One line, from a power-up of its box to the next."""

    def __init__(self, box: DblBox, slot: LiveSlot) -> None:
        self.box = box
        self.slot: LiveSlot = slot
        self.line_id = box.line_id(slot)
        self.is_empty = slot.index in box.empty
        self.is_new_firmware = box.is_new_firmware
        self.is_disabled = False
        self.state: str = "IDLE"
        self.last_message: Message | None = None
        self._count = 0
        self._beats: dict[str, float] = {}
        self._next_number = box.first_number
        self._next_receive_number = box.first_number
        self._waiting: dict[tuple[str, str], asyncio.Future[None]] = {}
        self._orders = Orders(self)
        self._is_silent = False
        self._tasks: set[asyncio.Task[Any]] = set()
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket is open."""
        self._transport = cast(asyncio.DatagramTransport, transport)

    @property
    def is_open(self) -> bool:
        """Whether the socket is."""
        return self._transport is not None and not self._transport.is_closing()

    def fall_silent(self) -> None:
        """Do nothing more; the socket closes once what it sent is certain to be on its way."""
        self._is_silent = True
        for task in set(self._tasks):
            task.cancel()
        asyncio.get_running_loop().call_later(LONGEST_DELAY_SECONDS, self.close)

    def close(self) -> None:
        """Close the socket."""
        if self._transport is not None:
            self._transport.close()

    def run(self, errand: Coroutine[Any, Any, None]) -> None:
        """Let something go on for as long as the line is up."""
        self._keep(self.box.fleet.run_errand(errand))

    def _keep(self, task: asyncio.Task[None]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # ---- out ----

    def write(self, datagram: str) -> None:
        """Put one packet on the road."""
        data = datagram.encode()
        for delay in self.box.fleet.road.copies():
            asyncio.get_running_loop().call_later(delay, self._put, data)

    def _put(self, data: bytes) -> None:
        if self._transport is not None and self.is_open:
            self._transport.sendto(data)

    def keep_alive(self) -> None:
        """Send the next keepalive; it is not repeated."""
        self._count += 1
        self.slot.drift(self.box.options.interval_seconds * self.box.options.pace, self.box.random)
        self._beats[str(self._count)] = monotonic()
        self.box.fleet.tally.heartbeats.n_sent += 1
        self.write(keepalive_text(self, self._count, self.box.options.key))

    async def receive(self, message: Message) -> Outcome:
        """Tell of a received SMS until that is acknowledged."""
        number = str(self._next_receive_number)
        self._next_receive_number -= 1
        return await self._tell(Event("RECEIVE", f"srcnum:{message.sender};msg:{message.text}"), number)

    def begin(self, event: Event) -> None:
        """Tell of something else, beside what goes on."""
        number = str(self._next_number)
        self._next_number += 1
        fleet = self.box.fleet
        if not event.is_acknowledged:
            self.write(event_text(event, number, self.line_id, self.box.options.key))
            return
        fleet.tally.events.n_sent += 1
        self._keep(fleet.begin(self._tell_event(event, number)))

    def talk(self, call: Call) -> None:
        """Have a call, unless there is one."""
        if self.state == "IDLE" and not self.is_disabled:
            self.state = "BUSY"
            self.run(self._talk(call))

    async def _talk(self, call: Call) -> None:
        for step in call:
            await self.box.pause(step.after_seconds)
            if step.state is not None:
                self.state = step.state
            self.begin(step.event)

    async def _tell_event(self, event: Event, number: str) -> None:
        if await self._tell(event, number) is Outcome.ACKNOWLEDGED:
            self.box.fleet.tally.events.n_acknowledged += 1

    async def _tell(self, event: Event, number: str) -> Outcome:
        """Send the same packet until it is acknowledged or given up."""
        datagram = event_text(event, number, self.line_id, self.box.options.key)
        heard = self._waiting[event.verb, number] = asyncio.get_running_loop().create_future()
        try:
            is_heard = await say_until_heard(self.box.fleet, SCHEDULE, heard, lambda: self.write(datagram))
            return Outcome.ACKNOWLEDGED if is_heard else Outcome.GIVEN_UP
        finally:
            del self._waiting[event.verb, number]

    # ---- in ----

    def datagram_received(self, data: bytes, addr: Any) -> None:
        """Whatever the server sends is on the road, too."""
        for delay in self.box.fleet.road.copies():
            asyncio.get_running_loop().call_later(delay, self._hear, data)

    def _hear(self, data: bytes) -> None:
        if self._is_silent:
            return
        text = data.decode("utf-8", "replace")
        if found := _REGISTERED.match(text):
            self._hear_greeting(*found.groups())
        elif (found := _ACKNOWLEDGED.match(text)) and (found[1], found[2]) in self._waiting:
            self._hear_answer(*found.groups())
        else:
            self._orders.hear(data)

    def _hear_greeting(self, count: str, status: str) -> None:
        sent_at = self._beats.pop(count, None)
        if sent_at is None:
            return
        tally = self.box.fleet.tally
        if status not in _WELCOME:
            tally.refuse(f"{self.line_id}: status {status}")
            return
        tally.heartbeats.n_acknowledged += 1
        tally.latencies.add(monotonic() - sent_at)
        self.box.greeted[self.slot.index].set()

    def _hear_answer(self, verb: str, number: str, word: str, more: str) -> None:
        if word == "ERROR":
            self.box.fleet.tally.refuse(f"{verb} {more.strip()}")
            return
        self.is_disabled = self.is_disabled or word == "DISABLE"
        heard = self._waiting[verb, number]
        if not heard.done():
            heard.set_result(None)
