"""What a box's pushes mean. Pure: no socket, no clock.

As in the maker's "Dinstar GSM Gateway HTTP API" of 2019. Times in it are the box's own, without a zone: they tell one
message from another, and are moments only where an operator has said in which zone the box is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from goip.clock import parse_wall_clock
from goip.errors import InvalidPayload
from goip.fields import storable
from goip.gateways import Push
from goip.gateways.dinstar.values import LONGEST_TEXT, NOBODY, Row, port_of, whole_of, word_of
from goip.gateways.forms import object_of
from goip.models import CallEvent, DeliveryReport, Direction, Heartbeat, InboundSms, SimSlot, Told, Ussd

_MOST_SECONDS = 10_000_000
_LAST_STATUS_CODE = 255
_DIRECTIONS: dict[str | None, Direction] = {"ip->gsm": "outbound", "gsm->ip": "inbound"}
_REGISTER_STATUS = {"up": "registered", "down": "searching"}

T = TypeVar("T")
Read = Callable[[str, Row], T]
"""Makes something of one row of a box; raises InvalidPayload."""


def decode(push: Push) -> Sequence[Told]:
    """All that a push tells, whatever kinds it holds; of one that tells nothing, that the box is alive.

    Of several rows those that can be read are taken, since a box that is refused may never send any of them again.
    Raises InvalidPayload where none can.
    """
    body = object_of(push)
    box = push.device_id or word_of(body, "sn")
    if box is None:
        raise _missing("sn")
    told: list[Told] = [item for kind, read in _ROWS.items() for item in _each(body, kind, box, read)]
    slots = {slot.slot_index: slot for slot in _each(body, "register", box, _slot)}
    if slots:
        told.append(Heartbeat(box, sim_slots=tuple(slots.values()), is_partial=True))
    told += (item for kind, read in _OBJECTS.items() for item in _each(body, kind, box, read))
    return told or (Heartbeat(box),)


def _each(body: Row, kind: str, box: str, read: Read[T]) -> Iterator[T]:
    rows = body.get(kind)
    if rows is None:
        return
    if isinstance(rows, dict):
        rows = [rows]
    if not isinstance(rows, list):
        raise InvalidPayload(f"{kind} must be an array", fields={kind: ["Must be an array."]})
    n_read, refusal = 0, None
    for row in rows:
        try:
            if not isinstance(row, dict):
                raise InvalidPayload(f"{kind} must hold objects", fields={kind: ["Must hold objects."]})
            item = read(box, row)
        except InvalidPayload as error:
            refusal = refusal or error
        else:
            n_read += 1
            yield item
    if refusal is not None and not n_read:
        raise refusal


def received(box: str, row: Row) -> InboundSms:
    """A received message, pushed or remembered.

    The box counts them, from the beginning after a reset: so time and sender are in its id.
    """
    text = row.get("text")
    if not isinstance(text, str):
        raise _missing("sms.text")
    if "number" not in row:
        raise _missing("sms.number")
    sender, number, at = word_of(row, "number"), word_of(row, "incoming_sms_id"), word_of(row, "timestamp")
    is_named = number is not None and at is not None
    return InboundSms(
        device_id=box,
        sender=sender or NOBODY,
        message=storable(text)[:LONGEST_TEXT],
        slot_index=port_of(row),
        message_id=f"{number}:{at}:{sender or ''}" if is_named else None,
        sending_id=None if is_named else number or at,
        wall_clock=parse_wall_clock(at) if at else None,
    )


def _result(box: str, row: Row) -> DeliveryReport:
    """What became of a message at the SIM: sent, or not."""
    status = word_of(row, "status")
    if status is None:
        raise _missing("sms_result.status")
    return DeliveryReport(
        device_id=box,
        reference=word_of(row, "ref_id"),
        status=status,
        recipient=word_of(row, "number"),
        slot_index=port_of(row),
    )


def _receipt(box: str, row: Row) -> DeliveryReport:
    """What became of a message at its recipient."""
    status_code = whole_of(row, "status_code", _LAST_STATUS_CODE)
    if status_code is None:
        raise _missing("sms_deliver_status.status_code")
    return DeliveryReport(
        device_id=box,
        reference=word_of(row, "ref_id"),
        status_code=status_code,
        recipient=word_of(row, "number"),
        slot_index=port_of(row),
    )


def _ussd(box: str, row: Row) -> Ussd:
    text = row.get("text")
    if not isinstance(text, str):
        raise _missing("ussd.text")
    return Ussd(box, storable(text)[:LONGEST_TEXT], port_of(row))


def _call(box: str, row: Row) -> CallEvent:
    """A call that is over."""
    direction = _DIRECTIONS.get(word_of(row, "direction"))
    source, destination = word_of(row, "source_number"), word_of(row, "destination_number")
    code, who = word_of(row, "gsm_code"), word_of(row, "hangup")
    causes = (code and f"GSM cause {code}", who and f"hung up by {who}")
    return CallEvent(
        device_id=box,
        state="ended",
        direction=direction,
        number=source if direction == "inbound" else destination or source,
        slot_index=port_of(row),
        duration_seconds=whole_of(row, "duration", _MOST_SECONDS),
        cause=", ".join(filter(None, causes)) or None,
    )


def _slot(_box: str, row: Row) -> SimSlot:
    """The port of a card that came onto its network, or went from it."""
    port, status, position = port_of(row), word_of(row, "status"), word_of(row, "slot")
    if port is None:
        raise _missing("register.port")
    return SimSlot(
        slot_index=port,
        phone_number=word_of(row, "number"),
        iccid=word_of(row, "iccid"),
        imsi=word_of(row, "imsi"),
        status=_REGISTER_STATUS.get(status or ""),
        raw_status=";".join(filter(None, (status, position and f"slot:{position}"))) or None,
    )


def _itself(box: str, row: Row) -> Heartbeat:
    """The box itself, at its start and before its end."""
    n_ports, mac = word_of(row, "port_number"), word_of(row, "MAC")
    brand = {"brand": "Dinstar", "product": n_ports and f"{n_ports} ports", "device": mac}
    return Heartbeat(
        device_id=box,
        device_status=word_of(row, "status"),
        ip_address=word_of(row, "IP"),
        brand_info={name: text for name, text in brand.items() if text},
    )


def _exception(box: str, row: Row) -> Told:
    """A port in trouble, and what the box did about it."""
    port, trouble, action = port_of(row), word_of(row, "type"), word_of(row, "action")
    if trouble is None:
        raise _missing("exception_info.type")
    if trouble.startswith("call"):
        return CallEvent(box, trouble, slot_index=port, cause=action)
    where = "" if port is None else f"port {port}: "
    return Heartbeat(box, device_status=where + ", ".join(filter(None, (trouble, action))))


_ROWS: dict[str, Read[Told]] = {
    "sms": received,
    "sms_result": _result,
    "sms_deliver_status": _receipt,
    "ussd": _ussd,
    "cdr": _call,
}
_OBJECTS: dict[str, Read[Told]] = {"device": _itself, "exception_info": _exception}


def _missing(name: str) -> InvalidPayload:
    return InvalidPayload(f"{name} is required", fields={name: ["Is required."]})
