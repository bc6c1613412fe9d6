"""Older Dinstar boxes (DWG), with the binary SMS API over TCP: each calls the server and logs in.

Frames have a head of 24 bytes and a body, and an answer has the type after that of its question. On what they do
without one nothing is written: here they say it again after 10 s, three times, under the same time and number. A road
of TCP loses no packet: where one is to get lost, the line breaks around it, and the box dials again.
"""

from __future__ import annotations

import asyncio
import struct
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

from goip.simulator.boxes.box import CALLS_PER_SMS, Box, Habit
from goip.simulator.boxes.fleet import Fleet
from goip.simulator.boxes.messages import Outcome
from goip.simulator.boxes.posting import ONCE, Schedule
from goip.simulator.boxes.repeating import say_until_heard
from goip.simulator.boxes.tally import Count
from goip.simulator.identities import make_mac

SCHEDULE: Final = Schedule(first_seconds=10, factor=1, repeats=3)
KEEPALIVE, SMS_RESULT, SMS, PORTS, USSD, SIGNALS, LOGIN = 0, 3, 5, 7, 11, 13, 15
HEAD: Final = struct.Struct(">I6s2xIIHH")
_SMS_BODY = struct.Struct(">24sBB15sbBH")
_RESULT_BODY = struct.Struct(">B24sBBBB")
_USSD_BODY = struct.Struct(">BBHB")
_WORKS, _NOT_REGISTERED = 0, 2
_TWO_BYTES = 1
_FIELD = 16
_PREFIXES = ("goip_en_", "goip_dk_")
_KEEPALIVE_SECONDS, _DIAL_AGAIN_SECONDS = 45.0, 5.0
_LONGEST_BEFORE_BREAK_SECONDS = 0.02


class DwgBox(Box):
    """One box, known by its MAC; its ports count from 0."""

    def __init__(self, fleet: Fleet, index: int) -> None:
        super().__init__(fleet, index)
        self.device_id = make_mac(self.options.seed, index)
        self._mac = bytes.fromhex(self.device_id.replace("-", ""))
        self._n_frames = 0
        self._waiting: dict[tuple[int, int], asyncio.Future[bool]] = {}
        self._writer: asyncio.StreamWriter | None = None
        self._is_in = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    async def switch_on(self) -> None:
        """Keep a line to the server, also for what is still on its way at the end."""
        self._keep(self.fleet.run_errand(self._stay_connected()))

    def go_down(self) -> None:
        """The line breaks for good, and all is forgotten."""
        for task in self._tasks:
            task.cancel()
        self._hang_up()

    close = go_down

    def _keep(self, task: asyncio.Task[None]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def habits(self) -> Iterable[Habit]:
        """It tells of its ports, of messages, and of what it was told to do."""
        per_second = self.options.sms_per_second_per_line * len(self.slots)
        yield self.every(_KEEPALIVE_SECONDS / self.options.pace, lambda: self._say(self._frame(KEEPALIVE)))
        yield self._report()
        yield self.now_and_then(per_second, self._receive)
        yield self.now_and_then(per_second * CALLS_PER_SMS, self._happen)

    # ---- the line ----

    async def _stay_connected(self) -> None:
        while True:
            try:
                reader, self._writer = await asyncio.open_connection(self.options.host, self.options.tcp_port)
                self._writer.write(self._frame(LOGIN, login_body(self.options.key)))
                await self._listen(reader)
            except (OSError, asyncio.IncompleteReadError) as trouble:
                self.fleet.tally.last_error = f"{type(trouble).__name__}: {trouble}"
            finally:
                self._hang_up()
            await self.pause(_DIAL_AGAIN_SECONDS)

    def _hang_up(self) -> None:
        self._is_in.clear()
        if self._writer is not None:
            self._writer.transport.abort()

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        """Hear answers until the line breaks, or the login is refused."""
        while True:
            length, _mac, _at, number, kind, _flag = HEAD.unpack(await reader.readexactly(HEAD.size))
            is_yes = await reader.readexactly(length) == b"\0"
            if kind == KEEPALIVE:
                continue
            if self.fleet.road.loses():
                return
            if not is_yes:
                self.fleet.tally.refuse(f"type {kind - 1}")
            if kind == LOGIN + 1:
                if not is_yes:
                    return
                self._is_in.set()
            heard = self._waiting.get((kind - 1, number))
            if heard is not None and not heard.done():
                heard.set_result(is_yes)

    def _frame(self, kind: int, body: bytes = b"") -> bytes:
        """A new frame."""
        self._n_frames += 1
        return frame_of(kind, body, mac=self._mac, at=int(time.time()), number=self._n_frames)

    def _say(self, frame: bytes) -> None:
        """Over the road; nothing is said before the login is answered."""
        if not self._is_in.is_set():
            return
        loop, copies = asyncio.get_running_loop(), self.fleet.road.copies()
        for delay in copies or (0,):
            loop.call_later(delay, self._put, frame)
        if not copies:
            loop.call_later(self.random.uniform(0, _LONGEST_BEFORE_BREAK_SECONDS), self._hang_up)

    def _put(self, frame: bytes) -> None:
        if self._is_in.is_set() and self._writer is not None:
            self._writer.write(frame)

    async def _deliver(self, kind: int, body: bytes, schedule: Schedule = SCHEDULE) -> Outcome:
        """Say the same frame until it is answered, or given up."""
        await self._is_in.wait()
        frame = self._frame(kind, body)
        key = kind, self._n_frames
        heard = self._waiting[key] = asyncio.get_running_loop().create_future()
        try:
            if not await say_until_heard(self.fleet, schedule, heard, lambda: self._say(frame)):
                return Outcome.GIVEN_UP
            return Outcome.ACKNOWLEDGED if heard.result() else Outcome.REFUSED
        finally:
            del self._waiting[key]

    def _tell(self, count: Count, kind: int, body: bytes, schedule: Schedule) -> None:
        if self._is_in.is_set():
            count.n_sent += 1
            self._keep(self.fleet.begin(self._count(count, kind, body, schedule)))

    async def _count(self, count: Count, kind: int, body: bytes, schedule: Schedule) -> None:
        if await self._deliver(kind, body, schedule) is Outcome.ACKNOWLEDGED:
            count.n_acknowledged += 1

    # ---- what it tells ----

    async def _report(self) -> None:
        await self._is_in.wait()
        await self.every(self.options.interval_seconds, self._describe_ports)

    def _describe_ports(self) -> None:
        """States and signals: two frames, which come again with the next report only."""
        self.drift()
        beats, n_ports = self.fleet.tally.heartbeats, len(self.slots)
        states = (_WORKS if slot.has_network else _NOT_REGISTERED for slot in self.slots)
        self._tell(beats, PORTS, bytes((n_ports, *states)), LAST_WORD)
        self._tell(beats, SIGNALS, bytes((n_ports, *(slot.signal for slot in self.slots))), LAST_WORD)

    def _receive(self) -> None:
        slot = self.random.choice(self.slots)
        message = self.correspondents.write(self.device_id, slot.index)
        is_double = not message.text.isascii()
        body = sms_body(
            message.text.encode("utf-16-be" if is_double else "ascii"),
            message.sender,
            slot.index,
            f"{datetime.now(UTC):%Y%m%d%H%M%S}",
            is_double=is_double,
        )
        self.send((message,), self._deliver(SMS, body))

    def _happen(self) -> None:
        """The result of an SMS, or what the network says to a code."""
        slot, events = self.random.choice(self.slots), self.fleet.tally.events
        if self.random.random() < 0.5:
            number = self.correspondents.pick().encode()
            self._tell(events, SMS_RESULT, _RESULT_BODY.pack(1, number, slot.index, 0, 1, 1), SCHEDULE)
        else:
            text = f"Your balance is {slot.balance:.2f}".encode("utf-16-be")
            head = _USSD_BODY.pack(slot.index, 0, len(text), _TWO_BYTES)
            self._tell(events, USSD, head + text, SCHEDULE)


LAST_WORD: Final = ONCE._replace(first_seconds=SCHEDULE.first_seconds)
"""Said once, and waited for as long as for anything."""


def login_body(key: str) -> bytes:
    """The key without its prefix: as the password where it fits, else cut in two over user and password."""
    for prefix in _PREFIXES:
        key = key.removeprefix(prefix)
    user, password = ("goip", key) if len(key) <= _FIELD else (key[:_FIELD], key[_FIELD:])
    return credentials(user, password)


def frame_of(kind: int, body: bytes, *, mac: bytes, at: int, number: int) -> bytes:
    """A frame; `at` is in epoch seconds, and names it together with `number`."""
    return HEAD.pack(len(body), mac, at, number, kind, 0) + body


def credentials(user: str, password: str) -> bytes:
    """The two fields of a login."""
    return struct.pack(">16s16s", user.encode(), password.encode())


def sms_body(
    content: bytes, sender: str, port: int, stamp: str, *, is_double: bool = False, zone: int = 0
) -> bytes:
    """A received SMS; `is_double` says that each character takes two bytes."""
    head = _SMS_BODY.pack(sender.encode(), 0, port, stamp.encode(), zone, is_double, len(content))
    return head + content
