"""Pure decoders of goip's own format: an object as parsed from JSON or a form, to a model.

Each raises InvalidPayload, whose message names the first problem and whose `fields` name all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar, cast

from marshmallow import Schema, ValidationError

from goip.errors import InvalidPayload
from goip.gateways.native.schemas import HeartbeatSchema, RegisterSchema, SmsReceiveSchema
from goip.models import Heartbeat, InboundSms
from goip.validation import compile_fast, refusal

Told = TypeVar("Told", Heartbeat, InboundSms)


def _decoder(schema: Schema, _kind: type[Told]) -> Callable[[object], Told]:
    """The schema's `load`, quick where the data is as it should be."""
    fast = compile_fast(schema)

    def decode(data: object) -> Told:
        told = fast(data)
        if told is not None:
            return cast(Told, told)
        if not isinstance(data, Mapping):
            raise InvalidPayload("the body must be an object")
        try:
            return cast(Told, schema.load(data))
        except ValidationError as error:
            raise refusal(error) from None

    return decode


decode_heartbeat = _decoder(HeartbeatSchema(), Heartbeat)
"""The heartbeat that an object tells."""

decode_register = _decoder(RegisterSchema(), Heartbeat)
"""The heartbeat that a registration tells, with the device's own number."""

decode_sms = _decoder(SmsReceiveSchema(), InboundSms)
"""The received message that an object tells; `sent_at` is None where the device tells no time."""
