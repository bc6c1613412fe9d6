"""Ejoin and Skyline boxes: they post their state as a whole, each change of a port, and messages in batches.

Nothing is written on what they do without an answer of 200; here they try again after 10 s, three times. The text
of a message comes as base64 of a small letter with headers; newer firmwares write more columns and one more header.
Where they listen they can be asked, too (`ejoin_api`): what they have received stays in their memory.
"""

from __future__ import annotations

import json
import time
from base64 import b64encode
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Final

from goip.simulator.boxes.box import Box, Habit
from goip.simulator.boxes.door import Listener
from goip.simulator.boxes.ejoin_api import EjoinApi, Memory, Order
from goip.simulator.boxes.fleet import Fleet
from goip.simulator.boxes.messages import Message
from goip.simulator.boxes.posting import Poster, Request, Schedule
from goip.simulator.identities import make_mac
from goip.simulator.slots import LiveSlot

SCHEDULE: Final = Schedule(first_seconds=10, factor=1, repeats=3)
NO_SIM, REGISTERED, FAILED = 0, 3, 6
_HEADERS: Final = {"Content-Type": "application/json;charset=utf-8"}
_EMPTY_CHANCE = 0.1
_BATCH_CHANCE = 0.15
_SMSC = "12025550100"
_ON_AIR_SECONDS = 3.0
_NOBODY = "0000"
"""How a number ends that no message gets through to."""


class EjoinBox(Box):
    """One box, known by its MAC address, which is in the address it posts to as well: messages do not tell it."""

    first_slot: ClassVar[int] = 1

    def __init__(self, fleet: Fleet, index: int) -> None:
        super().__init__(fleet, index)
        self.mac = make_mac(self.options.seed, index)
        self.is_new_firmware = self.random.random() < 0.6
        self.zone = timedelta(hours=self.random.choice((-7, 0, 1, 8)))
        self.empty = {slot.index for slot in self.slots[1:] if self.random.random() < _EMPTY_CHANCE}
        self._poster = Poster(fleet, SCHEDULE)
        self._n_reports = 0
        self._told: dict[int, int] = {}
        self.memory = Memory()
        working = [slot for slot in self.slots if slot.index not in self.empty]
        api = EjoinApi(working, self.memory, fleet.road, self.make_report, self._take_order)
        port = self.options.listen_port
        self.listener = None if port is None else Listener(api.answer, port and port + index)

    async def switch_on(self) -> None:
        """The counter of reports begins anew, and so do the numbers of messages."""
        self.memory.restart()
        if self.listener is not None:
            await self.listener.open()
        self._n_reports = 0
        self._told.clear()

    def go_down(self) -> None:
        """It cannot be asked any more."""
        if self.listener is not None:
            self.listener.fall_silent()

    def close(self) -> None:
        """Give its port back."""
        if self.listener is not None:
            self.listener.close()

    def habits(self) -> Iterable[Habit]:
        """Reports of state, changes between them, messages."""
        yield self.every(self.options.interval_seconds, self._report)
        yield self.every(self.options.interval_seconds / 3, self._report_changes)
        yield self._receive()

    def _post(self, body: dict[str, Any]) -> Request:
        return Request(f"{self.options.address}/{self.mac}", json.dumps(body).encode(), _HEADERS)

    # ---- state ----

    def _report(self) -> None:
        self.drift()
        self._n_reports += 1
        self._told = {slot.index: self._state(slot) for slot in self.slots}
        request = self._post(self.make_report())
        self._poster.tell(self.fleet.tally.heartbeats, lambda: request, once=True)

    def _report_changes(self) -> None:
        for slot in self.slots:
            if self._told.get(slot.index, self._state(slot)) != self._state(slot):
                self._told[slot.index] = self._state(slot)
                request = self._post({"type": "port-status"} | self.describe(slot))
                self._poster.tell(self.fleet.tally.events, lambda request=request: request)  # type: ignore[misc]

    def make_report(self) -> dict[str, Any]:
        """The `dev-status` of now."""
        is_new = self.is_new_firmware
        return {
            "type": "dev-status",
            "seq": self._n_reports,
            "expires": round(self.options.interval_seconds * 3) if is_new else -1,
            "mac": self.mac,
            "ip": f"192.0.2.{1 + self.index % 254}",
            "ver": "608-520-840-841-100-0F0",
            "max-ports": len(self.slots),
            "max-slots" if is_new else "max-slot": len(self.slots),
            "status": [self.describe(slot) for slot in self.slots],
        }

    def describe(self, slot: LiveSlot) -> dict[str, Any]:
        """One port; without a card it has little to say."""
        told = {
            "port": self.port(slot),
            "sim": "",
            "seq": self._n_reports,
            "st": self._state(slot),
            "imei": slot.imei,
        }
        if slot.index in self.empty:
            return told
        sim = slot.sim
        return told | {
            "iccid": sim.iccid,
            "imsi": sim.imsi,
            "sn": (sim.phone_number or "").lstrip("+"),
            "opr": f"{sim.imsi[:5]} {sim.carrier_name}" if slot.has_network else "0 ",
            "bal": f"{slot.balance:.2f}",
            "sig": slot.signal,
            "tot_dur": "0/-1",
            "mon_dur": "0/-1",
            "day_dur": "0/-1",
        }

    def port(self, slot: LiveSlot) -> str:
        """`3.01` for the first card at port 3; older firmwares write `3A`."""
        return f"{slot.index}.01" if self.is_new_firmware else f"{slot.index}A"

    def _state(self, slot: LiveSlot) -> int:
        if slot.index in self.empty:
            return NO_SIM
        return REGISTERED if slot.has_network else FAILED

    # ---- messages ----

    async def _receive(self) -> None:
        slots = [slot for slot in self.slots if slot.index not in self.empty]
        await self.now_and_then(
            self.options.sms_per_second_per_line * len(self.slots), lambda: self._take_batch(slots)
        )

    def _take_batch(self, slots: list[LiveSlot]) -> None:
        n_messages = self.random.randrange(2, 5) if self.random.random() < _BATCH_CHANCE else 1
        chosen = [self.random.choice(slots) for _ in range(n_messages)]
        messages = [self._write(slot) for slot in chosen]
        rows = [self.make_row(slot, message) for slot, message in zip(chosen, messages, strict=True)]
        for row in rows:
            self.memory.receive(row)
        request = self._post({"type": "recv-sms", "sms_num": len(rows), "sms": rows})
        self.send(messages, self._poster.deliver(lambda: request))

    def _write(self, slot: LiveSlot) -> Message:
        message = self.correspondents.write(self.mac, slot.index)
        return message._replace(sender=message.sender.lstrip("+"))

    def make_row(self, slot: LiveSlot, message: Message, at: int | None = None) -> list[Any]:
        """One row of `recv-sms`, received at epoch second `at`."""
        at = int(time.time()) if at is None else at
        recipient = (slot.sim.phone_number or "").lstrip("+")
        letter = self.make_letter(slot, message, recipient, at)
        row = [0, self.port(slot), at, message.sender, recipient, b64encode(letter.encode()).decode()]
        return [*row, slot.sim.iccid, slot.sim.imsi, slot.imei] if self.is_new_firmware else row

    def make_letter(self, slot: LiveSlot, message: Message, recipient: str, at: int) -> str:
        """The headers, an empty line, the text as it is."""
        headers = [f"Sender: {message.sender}", f'Receiver: "{slot.index}.01" {recipient}', f"SMSC: {_SMSC}"]
        headers.append(f"SCTS: {write_scts(at, self.zone)}")
        if self.is_new_firmware:
            headers.append('Slot: "01"')
        return "".join(f"{header}\r\n" for header in headers) + "\r\n" + message.text

    # ---- sending ----

    def _take_order(self, order: Order) -> None:
        self.fleet.run_errand(self._put_on_air(order))

    async def _put_on_air(self, order: Order) -> None:
        """Send it, and report that where it was asked for; the report on its delivery comes like a message."""
        await self.pause(_ON_AIR_SECONDS)
        slot = self.random.choice([slot for slot in order.slots if slot.has_network] or order.slots)
        at, is_sent = int(time.time()), not order.number.endswith(_NOBODY)
        if is_sent:
            self.fleet.text_out(self.mac, order.number, order.text)
        if order.report_url is not None:
            self._report_sending(order, [0, order.number, self.port(slot), at], is_sent=is_sent)
        if is_sent and order.wants_delivery_report:
            row = [1, self.port(slot), at, _SMSC, order.number, f"0 {write_scts(at, self.zone)}"]
            self.memory.receive(row)
            request = self._post({"type": "recv-sms", "sms_num": 1, "sms": [row]})
            self._poster.tell(self.fleet.tally.events, lambda: request)

    def _report_sending(self, order: Order, row: list[Any], *, is_sent: bool) -> None:
        counts = {
            "tid": order.task_id,
            "sending": 0,
            "sent": int(is_sent),
            "failed": int(not is_sent),
            "unsent": 0,
        }
        told = {"sdr": [row]} if is_sent else {"fdr": [[*row, "6 Timeout", ""]]}
        body = {"type": "status-report", "rpt_num": 1, "rpts": [counts | told]}
        request = Request(order.report_url or "", json.dumps(body).encode(), _HEADERS)
        self._poster.tell(self.fleet.tally.events, lambda: request)


def write_scts(at: int, zone: timedelta) -> str:
    """The network's time stamp: local time, then the zone in quarters of an hour, its first bit the sign."""
    local = datetime.fromtimestamp(at, UTC) + zone
    quarters = round(abs(zone.total_seconds()) / 900)
    tens = quarters // 10 + (8 if zone < timedelta() else 0)
    return f"{local:%y%m%d%H%M%S}{tens:X}{quarters % 10}"
