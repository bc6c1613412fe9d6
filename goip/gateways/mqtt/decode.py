"""What a publication means: its topic says of whom and what it is, its payload the rest. Pure."""

from __future__ import annotations

from typing import Any, NamedTuple, cast

from marshmallow import ValidationError

from goip.errors import Forbidden, InvalidPayload, NotFound
from goip.fields import Identifier, Label, Time, Whole, at_most, between, length
from goip.gateways.forms import json_of
from goip.gateways.native.decode import decode_heartbeat, decode_sms
from goip.gateways.native.schemas import TolerantSchema
from goip.models import DeliveryReport, Heartbeat, Told
from goip.validation import refusal, take_one

KINDS = ("heartbeat", "sms", "report", "status")
"""The last level of a topic."""

_ONLINE, _OFFLINE = "online", "offline"
_DEVICE_ID = Identifier(validate=length(1, 128))


class Departure(NamedTuple):
    """The device is gone: it says so itself, or its broker does, by the last will that the device left there."""

    device_id: str


class Address(NamedTuple):
    """Whom a publication is about, and which of `KINDS` it is."""

    device_id: str
    kind: str


class ReportSchema(TolerantSchema):
    """`{prefix}/{deviceId}/report`: what became of a message that the device sent."""

    makes = DeliveryReport

    device_id = Identifier(required=True, validate=length(1, 128))
    reference = Label(data_key="messageId", load_default=None, validate=at_most(200))
    status = Label(required=True, validate=length(1, 64))
    status_code = Whole(load_default=None, validate=between(0, 255))
    recipient = Label(load_default=None, validate=at_most(64))
    slot_index = Whole(load_default=None, validate=between(0, 1023))
    sent_at = Time(data_key="timestamp", load_default=None)


_REPORT = ReportSchema()


def filters_of(prefix: str) -> list[str]:
    """What to subscribe to."""
    return [f"{prefix}/+/{kind}" for kind in KINDS]


def address_of(topic: str) -> Address:
    """What a topic says. Raises InvalidPayload for a device id that no device has, NotFound for another kind."""
    *_, device_id, kind = ("", *topic.split("/"))
    if kind not in KINDS:
        raise NotFound(f"there is no such topic; its last level is one of: {', '.join(KINDS)}")
    return Address(take_one(_DEVICE_ID, device_id, "deviceId"), kind)


def told_by(address: Address, payload: bytes) -> Told | Departure:
    """What was published there. Raises InvalidPayload, and Forbidden where the payload names another device."""
    if address.kind == "status":
        return _status_of(address.device_id, payload)
    data = _object_of(address.device_id, payload)
    if address.kind == "heartbeat":
        return decode_heartbeat(data)
    if address.kind == "sms":
        return decode_sms(data)
    try:
        return cast(DeliveryReport, _REPORT.load(data))
    except ValidationError as error:
        raise refusal(error) from None


def _object_of(device_id: str, payload: bytes) -> dict[str, Any]:
    data = json_of(payload)
    if not isinstance(data, dict):
        raise InvalidPayload("the payload must be a JSON object")
    named = data.get("deviceId")
    if named is not None and str(named).strip() != device_id:
        raise Forbidden("the payload names another device than the topic", code="wrong_device")
    return {**data, "deviceId": device_id}


def _status_of(device_id: str, payload: bytes) -> Heartbeat | Departure:
    """A word, bare or in quotes, as firmwares announce themselves and leave as their last will."""
    word = payload.decode("utf-8", "replace").strip().strip('"').lower()
    if word == _ONLINE:
        return Heartbeat(device_id)
    if word == _OFFLINE:
        return Departure(device_id)
    raise InvalidPayload(f"a status is {_ONLINE} or {_OFFLINE}")
