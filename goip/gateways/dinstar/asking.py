"""What can be said to a box over its own HTTP API, and what it answers. Pure: whoever sends it brings the connection.

`POST /api/send_sms` and `GET /api/get_port_info`, with Digest or Basic, mostly over TLS with a certificate that the
box has signed itself.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import orjson

from goip.errors import InvalidPayload
from goip.gateways.dinstar.values import Row, port_of, signal_of, whole_of, word_of
from goip.gateways.gsm import is_basic
from goip.models import Heartbeat, SimSlot

PORT_INFO_PATH = (
    "/api/get_port_info?info_type=type,imei,imsi,iccid,number,reg,slot,callstate,signal,gprs,remain_credit"
)
SEND_SMS_PATH = "/api/send_sms"

MOST_RECIPIENTS = 128
MOST_TEXT_BYTES = 1_500

_PLACEHOLDER = "#param#"
_NUMBER = re.compile(r"\+?[0-9*#]{1,23}\Z")

_DONE, _ACCEPTED = 200, 202
_PASSING = frozenset({486, 500, 503, 550})
"""Port busy, other trouble, not registered, no port: the next time may be better. The box's own words are few."""

_REG_STATUS = {
    "POWER_OFF": "off",
    "NO_SIM": "no sim",
    "PIN_REQUIRE": "locked",
    "PUK_REQUIRE": "locked",
    "UNREGISTER": "searching",
    "SEARCHING_NETWORK": "searching",
    "REGISTER_OK": "registered",
}
_NO_CALL = frozenset({None, "Idle", "Unknown"})
_NO_POSITION = "255"
_MOST_NUMBER = 2**31


def encode_sms(
    text: str, recipients: Mapping[int, str], ports: Sequence[int] = (), *, wants_report: bool = True
) -> bytes:
    """The body that sends one text: `recipients` are numbers, by the ids of ours that the results come back with.

    Without `ports` the box chooses. Raises InvalidPayload for what a box does not take.
    """
    if not 1 <= len(recipients) <= MOST_RECIPIENTS:
        raise _unfit("recipients", f"must be 1 to {MOST_RECIPIENTS}")
    if len(text.encode("utf-8", "surrogatepass")) > MOST_TEXT_BYTES:
        raise _unfit("text", f"must be at most {MOST_TEXT_BYTES} bytes long")
    if _PLACEHOLDER in text:
        raise _unfit("text", f"must not contain {_PLACEHOLDER}, which a box replaces")
    for number in recipients.values():
        if not _NUMBER.match(number):
            raise _unfit("recipients", "must be phone numbers")
    body: dict[str, Any] = {"text": text}
    if ports:
        body["port"] = list(ports)
    body["param"] = [{"number": number, "user_id": user_id} for user_id, number in recipients.items()]
    body["encoding"] = "gsm-7bit" if is_basic(text) else "unicode"
    body["request_status_report"] = wants_report
    try:
        return orjson.dumps(body)
    except orjson.JSONEncodeError:
        raise _unfit("text", "must be text") from None


class SendAnswer(NamedTuple):
    """What a box says to `send_sms`: accepted means that it will try, under that `task_id`."""

    code: int
    task_id: int | None = None
    n_waiting: int | None = None

    @property
    def is_accepted(self) -> bool:
        """True when the box has taken the message over."""
        return self.code in (_DONE, _ACCEPTED)

    @property
    def is_worth_repeating(self) -> bool:
        """True when the same message may be taken another time."""
        return self.code in _PASSING


def decode_send_answer(body: bytes) -> SendAnswer:
    """The answer to `send_sms`. Raises InvalidPayload for what is none."""
    answer = _object(body)
    return SendAnswer(
        _code(answer),
        whole_of(answer, "task_id", _MOST_NUMBER),
        whole_of(answer, "sms_in_queue", _MOST_NUMBER),
    )


def decode_port_info(box: str, body: bytes) -> Heartbeat:
    """The ports that the answer to `get_port_info` tells of. Raises InvalidPayload for what is none."""
    rows = rows_in(body, "info")
    if rows is None:
        raise _unfit("info", "is required")
    slots = (_slot(row) for row in rows)
    by_port = {slot.slot_index: slot for slot in slots if slot is not None}
    return Heartbeat(box, sim_slots=tuple(by_port.values()), is_partial=True)


def rows_in(body: bytes, name: str) -> list[Row] | None:
    """The objects that an answer has under that name, None without any. Raises InvalidPayload for no success."""
    answer = _object(body)
    code, rows = _code(answer), answer.get(name)
    if code != _DONE:
        raise InvalidPayload(f"the box answers with the code {code}")
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else None


def _slot(row: Row) -> SimSlot | None:
    port = port_of(row)
    if port is None:
        return None
    registered, call = word_of(row, "reg"), word_of(row, "callstate")
    status = _REG_STATUS.get((registered or "").upper())
    return SimSlot(
        slot_index=port,
        phone_number=word_of(row, "number"),
        signal_strength=signal_of(whole_of(row, "signal", _MOST_NUMBER)),
        iccid=word_of(row, "iccid"),
        imsi=word_of(row, "imsi"),
        imei=word_of(row, "imei"),
        status="in use" if status == "registered" and call not in _NO_CALL else status,
        balance=word_of(row, "remain_credit"),
        raw_status=_raw_status(row),
    )


def _raw_status(row: Row) -> str | None:
    told = [(name, word_of(row, name)) for name in ("reg", "callstate", "gprs", "slot")]
    words = [
        f"{name}:{word}" for name, word in told if word is not None and (name, word) != ("slot", _NO_POSITION)
    ]
    return ";".join(words) or None


def _object(body: bytes) -> dict[str, Any]:
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise InvalidPayload(f"the box's answer is not valid JSON: {error}") from None
    if not isinstance(answer, dict):
        raise InvalidPayload("the box's answer must be an object")
    return answer


def _code(answer: Row) -> int:
    code = whole_of(answer, "error_code", _MOST_NUMBER)
    if code is None:
        raise _unfit("error_code", "is required")
    return code


def _unfit(name: str, complaint: str) -> InvalidPayload:
    return InvalidPayload(f"{name} {complaint}", fields={name: [f"{complaint.capitalize()}."]})
