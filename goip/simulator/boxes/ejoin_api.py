"""What an emulated Ejoin box answers to those who ask it: its ports, what it has received, what it is to send.

As in the vendor's HTTP API 2.4: user and password in the query, messages under numbers that begin at 1 after each
restart, which shows in `ssrc`. Whether real boxes keep their messages over a restart is not written; these do.
"""

from __future__ import annotations

import json
import re
import secrets
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from hmac import compare_digest
from typing import Any, Final, NamedTuple

from aiohttp import web

from goip.simulator.boxes.door import hang_up
from goip.simulator.boxes.road import Road
from goip.simulator.slots import LiveSlot

USER: Final = "root"
PASSWORD: Final = "root"  # noqa: S105 - as boxes come from the maker
_MOST_RECEIVED = 2_000
_MOST_TASKS = 1_000
_REFUSING_NUMBERS = {"0005": "5 SIM Unregistered", "0016": "16 Too Many Task"}
"""How a number ends that the box refuses, and with which words."""
_UNAUTHORIZED: Final = {"code": 14, "reason": "Unauthorized"}
_PORT = re.compile(r"[0-9]+")

Row = dict[str, Any]


class Order(NamedTuple):
    """One message to one number, by one of these ports; reports of it go to `report_url`."""

    task_id: int
    text: str
    number: str
    slots: Sequence[LiveSlot]
    wants_delivery_report: bool
    report_url: str | None


class Memory:
    """The messages that a box has received, under numbers that begin anew with each of its lives."""

    def __init__(self) -> None:
        self.life = ""
        self._rows: deque[list[Any]] = deque(maxlen=_MOST_RECEIVED)
        self._first_id = 1

    def restart(self) -> None:
        """The box begins another life."""
        self.life = secrets.token_hex(8)
        self._first_id = 1

    def receive(self, row: list[Any]) -> None:
        """Keep a message that came in; the oldest makes room."""
        self._first_id += len(self._rows) == _MOST_RECEIVED
        self._rows.append(row)

    def read(self, first_id: int, most: int) -> tuple[list[list[Any]], int]:
        """The messages from that number on, and where to read on; all that there are for a `most` of 0."""
        start = min(max(0, first_id - self._first_id), len(self._rows))
        rows = list(self._rows)[start : start + most if most else None]
        return rows, self._first_id + start + len(rows)


class EjoinApi:
    """Answers requests over a road that loses some; `send` gets what is to be sent."""

    def __init__(
        self,
        slots: Sequence[LiveSlot],
        memory: Memory,
        road: Road,
        make_report: Callable[[], Row],
        send: Callable[[Order], None],
    ) -> None:
        self._slots = slots
        self._memory = memory
        self._road = road
        self._send = send
        self._task_ids: deque[int] = deque(maxlen=_MOST_TASKS)
        self._answers: Mapping[tuple[str, str], Callable[[Any], Row]] = {
            ("GET", "/goip_get_status.html"): lambda _query: make_report(),
            ("GET", "/goip_get_sms.html"): self._tell_received,
            ("POST", "/goip_post_sms.html"): self._take_tasks,
        }

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """The answer to one request; none where it, or its answer, gets lost on the road."""
        body = await request.read()
        if self._road.loses():
            return hang_up(request)
        told = self._answer(request, body)
        return hang_up(request) if self._road.loses() else told

    def _answer(self, request: web.BaseRequest, body: bytes) -> web.Response:
        answer = self._answers.get((request.method, request.path))
        if answer is None:
            return web.Response(status=404)
        shown = f"{request.query.get('username')}:{request.query.get('password')}"
        if not compare_digest(shown.encode(), f"{USER}:{PASSWORD}".encode()):
            return web.json_response(_UNAUTHORIZED)
        try:
            return web.json_response(answer(json.loads(body) if request.method == "POST" else request.query))
        except (ValueError, TypeError, KeyError, AttributeError):
            return web.json_response({"code": 15, "reason": "Invalid CMD"})

    def _tell_received(self, query: Mapping[str, str]) -> Row:
        rows, next_id = self._memory.read(int(query.get("sms_id", "1")), int(query.get("sms_num", "0")))
        known = {"code": 0, "reason": "OK", "ssrc": self._memory.life}
        return known | {"sms_num": len(rows), "next_sms": next_id, "data": rows}

    def _take_tasks(self, asked: Row) -> Row:
        statuses = [
            {"tid": task["tid"], "status": self._take(task, asked.get("sr_url"))} for task in asked["tasks"]
        ]
        return {"code": 200, "reason": "OK", "type": "task-status", "status": statuses}

    def _take(self, task: Row, report_url: str | None) -> str:
        """What becomes of a task, in the box's words."""
        task_id, number = int(task["tid"]), task["to"]
        if task_id in self._task_ids:
            return "13 Duplicated TaskId"
        if not task["sms"]:
            return "8 SMS expected"
        if words := _REFUSING_NUMBERS.get(number[-4:]):
            return words
        slots = self._slots_of(task.get("from"))
        if not slots:
            return "2 Invalid Port"
        if not any(slot.has_network for slot in slots):
            return "5 SIM Unregistered"
        self._task_ids.append(task_id)
        wants_report = bool(task.get("dr"))
        self._send(Order(task_id, task["sms"], number, slots, wants_report, report_url))
        return "0 OK"

    def _slots_of(self, port: str | None) -> Sequence[LiveSlot]:
        found = _PORT.match(port or "")
        return [slot for slot in self._slots if found is None or slot.index == int(found[0])]
