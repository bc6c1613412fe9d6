"""Sending through an Ejoin box: what its `goip_post_sms.html` takes, and what it answers."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import orjson

from goip.errors import InvalidPayload
from goip.fields import storable, word
from goip.gateways.ejoin.values import object_in, port_text, whole
from goip.gateways.outcome import Outcome

SEND_PATH = "/goip_post_sms.html"
CONTENT_TYPE = "application/json;charset=utf-8"

REASONS: Mapping[int, str] = {
    0: "OK",
    1: "invalid user",
    2: "invalid port",
    3: "USSD expected",
    4: "USSD pending",
    5: "SIM not registered",
    6: "timeout",
    7: "server error",
    8: "text expected",
    9: "recipient expected",
    10: "pending",
    11: "task id expected",
    12: "port expected",
    13: "task id known already",
    14: "unauthorized",
    15: "invalid command",
    16: "too many tasks",
    17: "MMS title expected",
    18: "too many MMS attachments",
    19: "MMS attachment expected",
    20: "MMS attachments too large",
}
"""What the codes of a task's status mean."""

NO_ADMITTANCE = (1, 14)
"""Those that are about the user and the password."""

_ACCEPTED = 200
_KNOWN = 13
_TAKEN = (0, 10, _KNOWN)
_RECIPIENT = re.compile(r"\+?[0-9*#]{1,32}")
_MOST_TASK_ID = 2**31 - 1


class Task(NamedTuple):
    """One message to send.

    `task_id`, from 1 to 2³¹ - 1, comes back in every report of it; the box refuses one that it knows, so a task may
    be posted again. Without `slot_index` the box chooses the port. `timeout_seconds` is how long it may try.
    """

    task_id: int
    recipient: str
    message: str
    slot_index: int | None = None
    timeout_seconds: int = 30
    wants_delivery_report: bool = True


class TaskStatus(NamedTuple):
    """What the box says of one task."""

    task_id: int
    code: int
    reason: str

    @property
    def is_taken(self) -> bool:
        """True when the box has the task: from this post, or from one whose answer was lost."""
        return self.code in _TAKEN


def encode_task(task: Task, report_url: str | None = None, sms_url: str | None = None) -> bytes:
    """The body that sends one message; reports of it go to `report_url`, received messages to `sms_url`.

    The box keeps those addresses. Raises InvalidPayload for a recipient that is not one number (a comma would
    make it several), and for a task id that the box cannot hold.
    """
    if not _RECIPIENT.fullmatch(task.recipient):
        raise InvalidPayload("to must be one phone number", fields={"to": ["Must be one phone number."]})
    if not 1 <= task.task_id <= _MOST_TASK_ID:
        raise InvalidPayload(f"tid must be from 1 to {_MOST_TASK_ID}", fields={"tid": ["Out of range."]})
    body: dict[str, Any] = {"type": "send-sms", "task_num": 1}
    if report_url is not None:
        body["sr_url"] = report_url
    if sms_url is not None:
        body["sms_url"] = sms_url
    return orjson.dumps({**body, "tasks": [_task(task)]})


def _task(task: Task) -> dict[str, Any]:
    """The vendor's names; it is to report what was sent (`sdr`) and what was not (`fdr`), at once (`sr_cnt`)."""
    port = {} if task.slot_index is None else {"from": port_text(task.slot_index)}
    return {
        "tid": task.task_id,
        **port,
        "to": task.recipient,
        "sms": storable(task.message),
        "chs": "utf8",
        "coding": 0,
        "smstype": 0,
        "intvl": "0",
        "tmo": task.timeout_seconds,
        "sdr": 1,
        "fdr": 1,
        "dr": int(task.wants_delivery_report),
        "sr_cnt": 1,
    }


def decode_answer(body: bytes) -> tuple[TaskStatus, ...]:
    """What the box says of each task of a post. Raises InvalidPayload for none, and when it refused the post."""
    data = object_in(body)
    code = whole(data.get("code"))
    if code != _ACCEPTED:
        reason = word(data.get("reason")) or ""
        raise InvalidPayload(f"the box refused: {code} {reason}".strip(), code="box_refused")
    told = data.get("status")
    if not isinstance(told, list):
        raise InvalidPayload("status is required", fields={"status": ["Must be an array."]})
    return tuple(status for each in told if (status := _status(each)) is not None)


def _status(told: Any) -> TaskStatus | None:
    """`{"tid": 1223, "status": "0 OK"}`; None for what is not that."""
    if not isinstance(told, dict):
        return None
    task_id = whole(told.get("tid"))
    number, _, reason = (word(told.get("status")) or "").partition(" ")
    code = whole(number)
    if task_id is None or code is None:
        return None
    return TaskStatus(task_id, code, reason.strip() or REASONS.get(code, ""))


def task_id_of(message_id: int) -> int:
    """The number of the task that sends that message: its own, as far as a box can count."""
    return (message_id - 1) % _MOST_TASK_ID + 1


def outcome_of(task_id: int, statuses: Sequence[TaskStatus], *, may_be_known: bool) -> Outcome:
    """What an answer means for a task, which the box may know from an earlier post.

    One that is known though nobody here posted it may be a task of somebody else's with that number.
    """
    reference = str(task_id)
    status = next((status for status in statuses if status.task_id == task_id), None)
    if status is None:
        return Outcome("unconfirmed", reference, reason="the box says nothing of the task")
    if status.code == _KNOWN and not may_be_known:
        return Outcome("unconfirmed", reference, reason=status.reason, error_code=status.code)
    if status.is_taken:
        return Outcome("done", reference)
    return Outcome("failed", reference, reason=status.reason, error_code=status.code)
