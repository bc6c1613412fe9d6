"""Pure decoders of goip's own format: an object as parsed from JSON or a form, to a model.

Each raises InvalidPayload, whose message names the first problem and whose `fields` name all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

import orjson
from marshmallow import Schema, ValidationError

from goip.errors import InvalidPayload
from goip.gateways.native.schemas import SIGNAL_WORDS, HeartbeatSchema, RegisterSchema, SmsReceiveSchema
from goip.models import Heartbeat, InboundSms, SimSlot
from goip.validation import compile_fast, refusal

Load = Callable[[object], dict[str, Any]]

_NO_NUMBER = frozenset({"", "unknown", "permission denied", "null", "undefined", "none"})
_WORDS = {word: word for word in SIGNAL_WORDS} | {word.lower(): word for word in SIGNAL_WORDS}


def _loader(schema: Schema) -> Load:
    """The schema's `load`, quick where the data is as it should be."""
    fast = compile_fast(schema)

    def load(data: object) -> dict[str, Any]:
        loaded = fast(data)
        if loaded is not None:
            return loaded
        if not isinstance(data, Mapping):
            raise InvalidPayload("the body must be an object")
        try:
            return cast(dict[str, Any], schema.load(data))
        except ValidationError as error:
            raise refusal(error) from None

    return load


_load_heartbeat = _loader(HeartbeatSchema())
_load_registration = _loader(RegisterSchema())
_load_sms = _loader(SmsReceiveSchema())


def decode_heartbeat(data: object) -> Heartbeat:
    """The heartbeat that `data` tells."""
    return _heartbeat(_load_heartbeat(_opened(data)))


def decode_register(data: object) -> Heartbeat:
    """The heartbeat that a registration tells, with the device's own number."""
    return _heartbeat(_load_registration(_opened(data)))


def decode_sms(data: object) -> InboundSms:
    """The received message that `data` tells; `sent_at` is None where the device tells no time."""
    told = _load_sms(data)
    return InboundSms(
        device_id=told["device_id"],
        sender=told["sender"],
        message=told["message"],
        sent_at=told["timestamp"],
        recipient=_number(told["recipient"]),
        slot_index=told["slot_index"],
        message_id=told["message_id"] or None,
        subscription_id=told["subscription_id"] or None,
    )


def _opened(data: object) -> object:
    """The same, with what phones and forms send as a JSON string in the place of an object opened."""
    if not isinstance(data, Mapping):
        return data
    for name in ("simSlots", "deviceBrandInfo"):
        if isinstance(data.get(name), str):
            data = {**data, name: _parsed(data[name])}
    return data


def _parsed(text: str) -> object:
    """What a JSON string holds, None for a blank one; what is no JSON stays, for the schema to refuse."""
    if not text.strip():
        return None
    try:
        return orjson.loads(text)
    except ValueError:
        return text


def _heartbeat(told: dict[str, Any]) -> Heartbeat:
    slots, brand = told["sim_slots"], told["device_brand_info"]
    return Heartbeat(
        told["device_id"],
        told["name"] or None,
        told["battery_level"],
        told["charging"],
        told["signal_strength"],
        told["device_status"] or None,
        None if slots is None else tuple([_slot(slot) for slot in slots]),
        None if brand is None else {name: text for name, text in brand.items() if text},
        told["ip_address"] or None,
        told["firmware"] or None,
        told["interval_seconds"],
        told["sent_at"],
        told["counter"],
        _number(told.get("phone_number")),
    )


def _slot(told: dict[str, Any]) -> SimSlot:
    return SimSlot(
        told["slot_index"],
        told["carrier_name"] or None,
        told["operator_name"] or None,
        _number(told["phone_number"]),
        _word(told["signal_status"]),
        told["signal_strength"],
        _trimmed(told["iccid"]),
        _trimmed(told["imsi"]),
        _trimmed(told["imei"]),
        told["status"] or None,
        told["balance"] or None,
        told["raw_status"] or None,
    )


def _number(told: str | None) -> str | None:
    """A phone number, None for the words that phones send in its place."""
    if not told or told.strip().lower() in _NO_NUMBER:
        return None
    return told.strip()


def _trimmed(told: str | None) -> str | None:
    return told.strip() or None if told else None


def _word(told: object) -> str | None:
    """One of the contract's words for a signal; a word that is none of them says nothing known."""
    if told is None or not isinstance(told, str):
        return None if told is None else "Unknown"
    return _WORDS.get(told) or _WORDS.get(told.strip().lower(), "Unknown")
