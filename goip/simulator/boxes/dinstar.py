"""Dinstar UC2000 and DWG boxes with the newer HTTP interface: each kind of news is a push of its own.

There is no heartbeat. Nothing is written on what they do without an answer of 200; here they try again after 10 s,
three times. Ports count from 0, times have no zone (here they are UTC), ids of messages go on after a restart.
Where they listen they can be asked, too (`dinstar_api`): the first by Digest, the next by Basic, and so on.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from goip.simulator.boxes.box import CALLS_PER_SMS, Box, Habit
from goip.simulator.boxes.dinstar_api import DinstarApi, Memory, Order
from goip.simulator.boxes.door import Listener
from goip.simulator.boxes.fleet import Fleet
from goip.simulator.boxes.posting import Poster, Request, Schedule
from goip.simulator.slots import LiveSlot

SCHEDULE: Final = Schedule(first_seconds=10, factor=1, repeats=3)
NOTHING: Final = "<NULL>"
_HEADERS: Final = {"Content-Type": "application/json"}
_SMSC = "+12025550100"
_BATCH_CHANCE = 0.15
_ON_AIR_SECONDS = 3.0
_NOBODY = "0000"
"""How a number ends that no message gets through to."""


class DinstarBox(Box):
    """One box, known by its serial number."""

    def __init__(self, fleet: Fleet, index: int) -> None:
        super().__init__(fleet, index)
        self.serial = f"dbdb-{self.options.seed % 10_000:04d}-{index // 10_000:04d}-{index % 10_000:04d}"
        self.tells_imsi = self.random.random() < 0.5
        self._poster = Poster(fleet, SCHEDULE)
        self._n_messages = 0
        self._n_registrations = 0
        self._reference = self.random.randrange(256)
        self._is_up: dict[int, bool] = {}
        self.memory = Memory()
        self.api = DinstarApi(
            self.serial, self.slots, self.memory, fleet.road, self._take_order, is_basic=index % 2 == 1
        )
        port = self.options.listen_port
        self.listener = None if port is None else Listener(self.api.answer, port and port + index)

    async def switch_on(self) -> None:
        """It says that it is on; no port is registered yet."""
        if self.listener is not None:
            await self.listener.open()
        self._is_up = {slot.index: False for slot in self.slots}
        self._tell("device", self._describe_device("power_on"))

    def go_down(self) -> None:
        """Its last word."""
        self._tell("device", self._describe_device("power_off"))
        if self.listener is not None:
            self.listener.fall_silent()

    def close(self) -> None:
        """Give its port back."""
        if self.listener is not None:
            self.listener.close()

    def habits(self) -> Iterable[Habit]:
        """Registrations as they change; messages; what else happens."""
        per_second = self.options.sms_per_second_per_line * len(self.slots)
        yield self.every(self.options.interval_seconds, self._register)
        yield self.now_and_then(per_second, self._receive)
        yield self.now_and_then(per_second * CALLS_PER_SMS, self._happen)

    def _post(self, kind: str, told: Any) -> Request:
        body = json.dumps({"sn": self.serial, kind: told}, ensure_ascii=False).encode()
        return Request(self.options.address, body, _HEADERS)

    def _tell(self, kind: str, told: Any) -> None:
        request = self._post(kind, told)
        self._poster.tell(self.fleet.tally.events, lambda: request)

    def _register(self) -> None:
        self.drift()
        changed = [slot for slot in self.slots if self._is_up[slot.index] != slot.has_network]
        self._is_up |= {slot.index: slot.has_network for slot in changed}
        if changed:
            self._tell("register", [self.describe_registration(slot) for slot in changed])

    def describe_registration(self, slot: LiveSlot) -> dict[str, Any]:
        """One row of `register`; a port that is down has no card to name."""
        self._n_registrations += 1
        sim, is_up = slot.sim, slot.has_network
        return {
            "port": slot.index,
            "iccid": sim.iccid if is_up else NOTHING,
            "imsi": sim.imsi if is_up else NOTHING,
            "number": (sim.phone_number or "").lstrip("+"),
            "status": "up" if is_up else "down",
            "sequence": self._n_registrations,
        }

    def _receive(self) -> None:
        n_messages = self.random.randrange(2, 5) if self.random.random() < _BATCH_CHANCE else 1
        chosen = [self.random.choice(self.slots) for _ in range(n_messages)]
        messages = [self.correspondents.write(self.serial, slot.index) for slot in chosen]
        rows = [
            self.make_row(slot, message.sender, message.text)
            for slot, message in zip(chosen, messages, strict=True)
        ]
        request = self._post("sms", rows)
        self.send(messages, self._poster.deliver(lambda: request))

    def make_row(self, slot: LiveSlot, sender: str, text: str) -> dict[str, Any]:
        """One row of `sms`, which the box remembers."""
        self._n_messages += 1
        row = {
            "incoming_sms_id": self._n_messages,
            "port": slot.index,
            "number": sender,
            "smsc": _SMSC,
            "timestamp": write_time(),
            "text": text,
        }
        self.memory.receive(row)
        return row | ({"imsi": slot.sim.imsi} if self.tells_imsi else {})

    def _happen(self) -> None:
        slot = self.random.choice(self.slots)
        happenings: tuple[Callable[[LiveSlot], None], ...] = (
            self._call,
            self._send_from_its_own_page,
            self._ask_by_ussd,
            self._fail_to_call,
        )
        self.random.choice(happenings)(slot)

    def _call(self, slot: LiveSlot) -> None:
        seconds = self.random.randrange(90)
        ended = datetime.now(UTC)
        started = ended - timedelta(seconds=seconds + 8)
        source, destination = self.correspondents.pick(), self.correspondents.pick()
        row = {
            "port": slot.index,
            "start_date": write_time(started),
            "answer_date": write_time(ended - timedelta(seconds=seconds)),
            "duration": seconds,
            "source_number": source.lstrip("+"),
            "destination_number": destination.lstrip("+"),
            "direction": self.random.choice(("ip->gsm", "gsm->ip")),
            "ip": "192.0.2.200",
            "codec": "G.711U",
            "hangup": self.random.choice(("called", "calling")),
            "gsm_code": 16,
            "bcch": "",
        }
        self._tell("cdr", [row])

    def _send_from_its_own_page(self, slot: LiveSlot) -> None:
        """Somebody sends an SMS by the box itself: its result, and later the report on its delivery."""
        told = {"port": slot.index, "number": self.correspondents.pick(), "time": write_time()}
        known = {"ref_id": self._next_reference(), "imsi": slot.sim.imsi}
        self._tell("sms_result", [told | {"status": "DELIVERED", "count": 1, "succ_count": 1} | known])
        self.fleet.run_errand(self._report_delivery(told | known | {"status_code": 0}))

    def _next_reference(self) -> int:
        """The network's number of a message, of one byte."""
        self._reference = (self._reference + 1) % 256
        return self._reference

    async def _report_delivery(self, row: dict[str, Any]) -> None:
        await self.pause(self.random.uniform(1, 10))
        report = row | {"time": write_time()}
        self.memory.receipts.append(report)
        self._tell("sms_deliver_status", [report])

    def _take_order(self, order: Order) -> None:
        """Send a message for an application: at once it is under way, and its result is there later."""
        slot = self.random.choice(order.slots)
        told = {"port": slot.index, "number": order.number, "time": write_time(), "imsi": slot.sim.imsi}
        result = told | {
            "user_id": order.user_id,
            "status": "SENDING",
            "count": 1,
            "succ_count": 0,
            "ref_id": 0,
        }
        self.memory.results.append(result)
        self.memory.n_waiting += 1
        self.fleet.run_errand(self._put_on_air(order, result, told))

    async def _put_on_air(self, order: Order, result: dict[str, Any], told: dict[str, Any]) -> None:
        await self.pause(_ON_AIR_SECONDS)
        self.memory.n_waiting -= 1
        is_sent = not order.number.endswith(_NOBODY)
        result |= {"status": "SENT_OK", "succ_count": 1} if is_sent else {"status": "FAILED"}
        if is_sent:
            result["ref_id"] = self._next_reference()
            self.fleet.text_out(self.serial, order.number, order.text)
        self._tell("sms_result", [{name: value for name, value in result.items() if name != "user_id"}])
        if is_sent and order.wants_report:
            known = {"ref_id": result["ref_id"], "status_code": 0}
            self.fleet.run_errand(self._report_delivery(told | known))

    def _ask_by_ussd(self, slot: LiveSlot) -> None:
        self._tell("ussd", [{"port": slot.index, "text": f"Your balance is {slot.balance:.2f}"}])

    def _fail_to_call(self, slot: LiveSlot) -> None:
        self._tell("exception_info", {"port": slot.index, "type": "call_fail", "action": "reset"})

    def _describe_device(self, status: str) -> dict[str, Any]:
        return {
            "port_number": len(self.slots),
            "IP": f"192.0.2.{1 + self.index % 254}",
            "MAC": f"02-A0-3D-{self.index >> 16 & 255:02X}-{self.index >> 8 & 255:02X}-{self.index & 255:02X}",
            "status": status,
        }


def write_time(at: datetime | None = None) -> str:
    """A time as the box writes it, without a zone."""
    return f"{at or datetime.now(UTC):%Y-%m-%d %H:%M:%S}"
