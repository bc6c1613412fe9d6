"""What an emulated Dinstar box answers to those who ask it: its ports, what it has received, what it is to send.

As in the maker's paper of 2019 and in what others' programs ask: every answer has an `error_code`, an answer with
received messages at most 8 kB, and `incoming_sms_id` is the last one that the asker has.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from aiohttp import web

from goip.simulator.boxes.door import Guard, hang_up
from goip.simulator.boxes.road import Road
from goip.simulator.slots import LiveSlot

USER: Final = "admin"
PASSWORD: Final = "admin"  # noqa: S105 - as boxes come from the maker
_MOST_RECEIVED = 2_000
_MOST_SENT = 1_000
_MOST_ANSWER = 8_192
_MOST_RECIPIENTS = 128
_MOST_TEXT_BYTES = 1_500
_MOST_ASKED_FOR = 32
_REFUSING_NUMBERS = {"0413": 413, "0486": 486, "0500": 500, "0550": 550}
"""How a number ends that the box refuses, and with which code."""

Row = dict[str, Any]


class Order(NamedTuple):
    """One message to one number, by one of these ports."""

    text: str
    number: str
    user_id: int
    slots: Sequence[LiveSlot]
    wants_report: bool


@dataclass(slots=True)
class Memory:
    """What a box remembers of messages; it outlives a restart. `unread` are ids."""

    received: deque[Row] = field(default_factory=lambda: deque(maxlen=_MOST_RECEIVED))
    unread: set[int] = field(default_factory=set)
    results: deque[Row] = field(default_factory=lambda: deque(maxlen=_MOST_SENT))
    receipts: deque[Row] = field(default_factory=lambda: deque(maxlen=_MOST_SENT))
    n_waiting: int = 0

    def receive(self, row: Row) -> None:
        """Keep a message that came in."""
        self.received.append(row)
        self.unread.add(row["incoming_sms_id"])


class Refused(Exception):
    """The box does not do it; `code` is what it says instead."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class DinstarApi:
    """Answers requests over a road that loses some; `send` gets what is to be sent."""

    def __init__(
        self,
        serial: str,
        slots: Sequence[LiveSlot],
        memory: Memory,
        road: Road,
        send: Callable[[Order], None],
        *,
        is_basic: bool = False,
    ) -> None:
        self._serial = serial
        self._slots = slots
        self._memory = memory
        self._road = road
        self._send = send
        self._guard = Guard(USER, PASSWORD, "Web Server", is_basic=is_basic)
        self._n_tasks = 0
        self._answers: Mapping[tuple[str, str], Callable[[Any], Row]] = {
            ("GET", "/api/get_port_info"): self._tell_ports,
            ("GET", "/api/query_incoming_sms"): self._tell_received,
            ("GET", "/api/query_sms_in_queue"): lambda _asked: {"in_queue": memory.n_waiting},
            ("POST", "/api/send_sms"): self._take_order,
            ("POST", "/api/query_sms_result"): lambda asked: {"result": _asked_for(memory.results, asked)},
            ("POST", "/api/query_sms_deliver_status"): lambda asked: {
                "result": _asked_for(memory.receipts, asked)
            },
        }

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """The answer to one request; none where it, or its answer, gets lost on the road."""
        body = await request.read()
        if self._road.loses():
            return hang_up(request)
        told = self._answer(request, body)
        return hang_up(request) if self._road.loses() else told

    def _answer(self, request: web.BaseRequest, body: bytes) -> web.Response:
        shown = request.headers.get("Authorization")
        if not self._guard.lets_in(request.method, request.raw_path, shown):
            return web.Response(status=401, headers={"WWW-Authenticate": self._guard.challenge()})
        answer = self._answers.get((request.method, request.path))
        if answer is None:
            return web.Response(status=404)
        try:
            told = answer(json.loads(body) if request.method == "POST" else request.query)
        except Refused as refusal:
            told = {"error_code": refusal.code}
        except (ValueError, TypeError, KeyError, AttributeError):
            told = {"error_code": 400}
        return web.json_response({"error_code": 200, "sn": self._serial} | told)

    def _tell_ports(self, query: Mapping[str, str]) -> Row:
        names = query["info_type"].split(",")
        info = []
        for slot in self._slots:
            known = _describe(slot)
            info.append({"port": slot.index} | {name: known[name] for name in names if name in known})
        return {"info": info}

    def _tell_received(self, query: Mapping[str, str]) -> Row:
        memory, flag = self._memory, query.get("flag", "unread")
        after = int(query.get("incoming_sms_id") or 0)
        counts = {"read": len(memory.received) - len(memory.unread), "unread": len(memory.unread)}
        wanted = (
            row
            for row in memory.received
            if row["incoming_sms_id"] > after
            and flag in ("all", "unread" if row["incoming_sms_id"] in memory.unread else "read")
        )
        rows = list(_as_many_as_fit(wanted))
        if flag == "unread":
            memory.unread -= {row["incoming_sms_id"] for row in rows}
        return {"sms": rows} | counts

    def _take_order(self, asked: Row) -> Row:
        text, params = asked["text"], asked["param"]
        if not 1 <= len(params) <= _MOST_RECIPIENTS or len(text.encode()) > _MOST_TEXT_BYTES:
            raise Refused(413)
        slots = self._slots_of(asked.get("port"))
        for param in params:
            if code := _REFUSING_NUMBERS.get(param["number"][-4:]):
                raise Refused(code)
        for param in params:
            wants_report = bool(asked.get("request_status_report"))
            self._send(Order(text, param["number"], int(param["user_id"]), slots, wants_report))
        self._n_tasks += 1
        return {"error_code": 202, "sms_in_queue": self._memory.n_waiting, "task_id": self._n_tasks}

    def _slots_of(self, ports: Sequence[int] | None) -> Sequence[LiveSlot]:
        """The ports that are asked for, of which one at least has a network."""
        slots = [slot for slot in self._slots if not ports or slot.index in ports]
        if not slots:
            raise Refused(404)
        with_network = [slot for slot in slots if slot.has_network]
        if not with_network:
            raise Refused(503 if ports else 550)
        return with_network


def _describe(slot: LiveSlot) -> Row:
    sim = slot.sim
    return {
        "type": "LTE",
        "imei": slot.imei,
        "imsi": sim.imsi,
        "iccid": sim.iccid,
        "number": sim.phone_number or "",
        "reg": "REGISTER_OK" if slot.has_network else "SEARCHING_NETWORK",
        "slot": 255,
        "callstate": "Idle",
        "signal": slot.signal,
        "gprs": "detached",
        "remain_credit": f"{slot.balance:.2f}",
    }


def _as_many_as_fit(rows: Iterable[Row]) -> Iterator[Row]:
    n_bytes = 0
    for row in rows:
        n_bytes += len(json.dumps(row))
        if n_bytes > _MOST_ANSWER:
            return
        yield row


def _asked_for(rows: Iterable[Row], asked: Mapping[str, Sequence[Any]]) -> list[Row]:
    """Those of the numbers, ports and ids that are asked for, where any are."""
    names = [name for name in ("user_id", "number", "port") if asked.get(name)]
    if any(len(asked[name]) > _MOST_ASKED_FOR for name in names):
        raise Refused(413)
    return [row for row in rows if all(row.get(name) in asked[name] for name in names)]
