"""Pure decoders of goip's own format: an object as parsed from JSON or a form, to a model.

Each raises InvalidPayload, whose message names the first problem and whose `fields` name all of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Generic, TypeVar, cast

from marshmallow import Schema, ValidationError

from goip.errors import InvalidPayload
from goip.gateways.native.schemas import HeartbeatSchema, RegisterSchema, SmsReceiveSchema, SmsStatusSchema
from goip.models import DeliveryReport, Heartbeat, InboundSms
from goip.validation import Fast, refusal

Told = TypeVar("Told", Heartbeat, InboundSms, DeliveryReport)


class Decoder(Generic[Told]):
    """The schema's `load`, quick where the data is as it should be."""

    def __init__(self, schema: Schema, _kind: type[Told]) -> None:
        self._schema = schema
        self._fast = Fast(schema)

    def __call__(self, data: object) -> Told:
        """What an object tells, as parsed from JSON or a form. Raises InvalidPayload."""
        told = self._fast.of(data)
        if told is not None:
            return cast(Told, told)
        if not isinstance(data, Mapping):
            raise InvalidPayload("the body must be an object")
        try:
            return cast(Told, self._schema.load(data))
        except ValidationError as error:
            raise refusal(error) from None

    def at_once(self, text: bytes) -> Told | None:
        """What a JSON text tells, None where that takes a closer look."""
        return cast(Told | None, self._fast.of_json(text))


decode_heartbeat = Decoder(HeartbeatSchema(), Heartbeat)
"""The heartbeat that an object tells."""

decode_register = Decoder(RegisterSchema(), Heartbeat)
"""The heartbeat that a registration tells, with the device's own number."""

decode_sms = Decoder(SmsReceiveSchema(), InboundSms)
"""The received message that an object tells; `sent_at` is None where the device tells no time."""

decode_status = Decoder(SmsStatusSchema(), DeliveryReport)
"""What an object tells of a message that was sent."""
