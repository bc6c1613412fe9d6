"""Frames of the wire log, decoded again by today's decoders; nothing is recorded by it."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from multidict import CIMultiDict, MultiDict

from goip.api.gateway import parsed
from goip.clock import to_iso
from goip.errors import Conflict, GoipError, InvalidPayload, NotFound
from goip.fields import Identifier, camel_case, length
from goip.gateways import Push
from goip.gateways.dbl.replaying import told_by_datagram
from goip.gateways.dinstar.replaying import told_by_answer as dinstar_answer
from goip.gateways.dinstar.replaying import told_by_frame
from goip.gateways.ejoin.replaying import told_by_answer as ejoin_answer
from goip.gateways.forms import json_of
from goip.gateways.mqtt.replaying import address_in, told_by_publication
from goip.gateways.native.decode import decode_heartbeat, decode_register, decode_sms, decode_status
from goip.gateways.registry import HTTP_MAKES
from goip.gateways.yeastar.tap import told_by_block
from goip.models import CallEvent, DeliveryReport, Heartbeat, InboundSms, Told, Ussd
from goip.validation import take_one
from goip.wire import Json
from goip.wirelog.exchange import NATIVE
from goip.wirelog.frames import Frame, body_json
from goip.wirelog.masking import MASK

FIXTURE_FORM = "goip-frames/1"

_NATIVE: Mapping[str, Callable[[object], Told]] = {
    "/api/device/heartbeat": decode_heartbeat,
    "/api/device/register": decode_register,
    "/api/sms/receive": decode_sms,
    "/api/sms/status": decode_status,
}
_EVENTS: Mapping[str, Callable[[Mapping[str, object]], Told]] = {
    "device:authenticate": lambda said: decode_heartbeat({"deviceId": said.get("deviceId")}),
    "device:heartbeat": decode_heartbeat,
    "sms:sent": lambda said: decode_status({"status": "sent", **said}),
    "sms:status": decode_status,
}
_TCP_MAKES: Mapping[str, Callable[[Frame], Sequence[Told]]] = {
    "dinstar": lambda frame: told_by_frame(frame.body),
    "yeastar": lambda frame: told_by_block(frame.key_device_id or frame.device_id or "", frame.body),
}
_ANSWERS: Mapping[str, Callable[[str, bytes], Sequence[Told]]] = {
    "dinstar": dinstar_answer,
    "ejoin": ejoin_answer,
}
"""Of boxes that goip asks: what one of that name tells when it answers."""
_STATUS = re.compile(r"[1-5][0-9]{2}(?: |\Z)")
_KINDS: Mapping[type[Told], str] = {
    Heartbeat: "heartbeat",
    InboundSms: "sms",
    DeliveryReport: "deliveryReport",
    CallEvent: "callEvent",
    Ussd: "ussd",
}
_DEVICE_ID = Identifier(validate=length(1, 128))


def told_by(frame: Frame) -> Sequence[Told]:
    """What a frame tells. Raises Conflict for one that cannot be decoded again, and what its decoder raises.

    Its secrets are gone, and with them its signatures: those are not looked at again.
    """
    if frame.direction == "out":
        raise Conflict("this is an answer of ours: there is nothing to decode", code="not_replayable")
    if frame.is_cut:
        raise Conflict("only the beginning of this frame was kept", code="frame_cut")
    if frame.transport == "udp":
        return told_by_datagram(frame.body)
    if frame.transport == "tcp" and frame.make in _TCP_MAKES:
        return _TCP_MAKES[frame.make](frame)
    if frame.transport == "mqtt" and frame.head is not None:
        return told_by_publication(frame.head, frame.body)
    if frame.transport == "socketio":
        return (_told_by_event(frame),)
    if frame.transport != "http" or frame.head is None:
        raise Conflict("frames of this kind cannot be decoded again", code="not_replayable")
    return _told_by_answer(frame) if _is_answer(frame) else _told_over_http(frame, frame.head)


def understood(frame: Frame) -> Json:
    """What a frame tells, as JSON, or the refusal. Raises Conflict for one that cannot be decoded again."""
    try:
        told = [told_json(item) for item in told_by(frame)]
    except Conflict:
        raise
    except GoipError as refusal:
        fields = {
            name: [str(each) for each in (wrong if isinstance(wrong, list) else [wrong])]
            for name, wrong in refusal.fields.items()
        }
        return {
            "understood": [],
            "refused": {"error": refusal.message, "code": refusal.code, "fields": fields},
        }
    return {"understood": told, "refused": None}


def claimed(frame: Frame) -> str | None:
    """Whom a stranger's frame is about by its own word; None where it has none that a device could have."""
    try:
        if frame.transport == "mqtt":
            return address_in(frame.head or "").device_id
        told = told_by(frame)
        device_id = told[0].device_id if told else _named_in_path(frame)
        return None if device_id is None else str(take_one(_DEVICE_ID, device_id, "deviceId"))
    except GoipError:
        return None


def told_json(told: Told) -> Json:
    """A model as JSON: its kind, and whatever it says."""
    return {"kind": _KINDS[type(told)], **_plain(told)}


def fixture_json(frames: Sequence[Frame]) -> Json:
    """What gateways said, oldest first, with what is made of it today: for a test to decode again."""
    heard = sorted((frame for frame in frames if _can_be_replayed(frame)), key=lambda frame: frame.id)
    return {"form": FIXTURE_FORM, "frames": [_frame_of_fixture(frame) for frame in heard]}


def _frame_of_fixture(frame: Frame) -> Json:
    return {
        "make": frame.make,
        "transport": frame.transport,
        "receivedAt": to_iso(frame.at),
        "keyDeviceId": frame.key_device_id,
        "head": frame.head,
        **body_json(frame),
        **understood(frame),
    }


def _can_be_replayed(frame: Frame) -> bool:
    return (
        frame.direction == "in"
        and not frame.is_cut
        and (frame.transport != "tcp" or frame.make in _TCP_MAKES)
        and (not _is_answer(frame) or frame.make in _ANSWERS)
    )


def _is_answer(frame: Frame) -> bool:
    """True for what a box said because it was asked over HTTP: its head is a status."""
    return frame.transport == "http" and _STATUS.match(frame.head or "") is not None


def _told_by_answer(frame: Frame) -> Sequence[Told]:
    decode = _ANSWERS.get(frame.make)
    if decode is None:
        raise Conflict("answers of this make cannot be decoded again", code="not_replayable")
    return decode(frame.key_device_id or frame.device_id or "", frame.body)


def _told_over_http(frame: Frame, head: str) -> Sequence[Told]:
    request = _Request.parse(head)
    if frame.make == NATIVE:
        return _told_natively(request, frame.body)
    make = HTTP_MAKES.get(frame.make)
    if make is None:
        raise NotFound("there is no such make", code="unknown_make")
    path = request.path_after_key
    named = None if make.has_own_paths else path.partition("/")[0] or None
    return make.decode(
        Push(
            method=request.method,
            path=path,
            query=request.query,
            headers=request.headers,
            body=frame.body,
            key=MASK,
            device_id=frame.key_device_id or named,
            received_at=frame.at,
        )
    )


def _told_by_event(frame: Frame) -> Told:
    """What an event tells; a device that has shown its key need not name itself."""
    decode = _EVENTS.get(frame.head or "")
    if decode is None:
        raise NotFound("there is no such event")
    said = json_of(frame.body)
    if not isinstance(said, dict):
        raise InvalidPayload("the event must be a JSON object")
    return decode({"deviceId": frame.key_device_id, **said} if frame.key_device_id else said)


def _told_natively(request: _Request, body: bytes) -> Sequence[Told]:
    decode = _NATIVE.get(request.path)
    if decode is None:
        raise NotFound("there is nothing at this address")
    data = parsed(request.headers.get("Content-Type", "").partition(";")[0].strip().lower(), body)
    return [decode(item) for item in data] if isinstance(data, list) else [decode(data)]


def _named_in_path(frame: Frame) -> str | None:
    if frame.head is None or frame.make == NATIVE:
        return None
    return _Request.parse(frame.head).path_after_key.partition("/")[0] or None


@dataclasses.dataclass(frozen=True, slots=True)
class _Request:
    """The head of a frame, read again; what was masked in it as a whole is left out."""

    method: str
    path: str
    query: MultiDict[str]
    headers: CIMultiDict[str]

    @classmethod
    def parse(cls, head: str) -> _Request:
        first, *lines = head.split("\n")
        method, _, target = first.partition(" ")
        parts = urlsplit(target)
        headers: CIMultiDict[str] = CIMultiDict()
        for line in lines:
            name, colon, value = line.partition(": ")
            if colon and MASK not in value:
                headers.add(name, value)
        query = MultiDict(parse_qsl(parts.query, keep_blank_values=True))
        return cls(method, unquote(parts.path), query, headers)

    @property
    def path_after_key(self) -> str:
        """What follows `/in/{make}/{key}/`."""
        return self.path.split("/", 4)[4].strip("/") if self.path.count("/") >= 4 else ""


def _plain(value: Any) -> Any:
    """A model and what is in it, but for what has its default: that was not said."""
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        defaults: Mapping[str, Any] = value._field_defaults  # type: ignore[attr-defined]
        return _plain_fields(value._asdict(), defaults)
    if dataclasses.is_dataclass(value):
        fields = dataclasses.fields(value)
        told = {field.name: getattr(value, field.name) for field in fields}
        return _plain_fields(told, {field.name: field.default for field in fields})
    if isinstance(value, Mapping):
        return dict(value)
    return [_plain(item) for item in value] if isinstance(value, tuple | list) else value


def _plain_fields(fields: Mapping[str, Any], defaults: Mapping[str, Any]) -> Json:
    return {
        camel_case(name): to_iso(value) if name.endswith("_at") else _plain(value)
        for name, value in fields.items()
        if name not in defaults or value != defaults[name]
    }
