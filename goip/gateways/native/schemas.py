"""What a device may send in goip's own format: section 2 of the wire contract.

Unknown fields are tolerated, null counts as absent. An SMS may be empty, so `message` may be, but it must
be there: a sender that forgot it is told so.
"""

from __future__ import annotations

from typing import Any, ClassVar

from marshmallow import EXCLUDE, ValidationError, fields, validate
from marshmallow.types import UnknownOption

from goip.fields import (
    Amount,
    Array,
    Flag,
    Identifier,
    Line,
    Text,
    Time,
    Whole,
    WireSchema,
    at_most,
    between,
    length,
)

MOST_SLOTS = 512
SIGNAL_WORDS = ("Excellent", "Good", "Fair", "Poor", "Very Poor", "No Signal", "Unknown")

_NO_ANSWER = (99, "99", 2_147_483_647, "2147483647")
"""What modems (CSQ 99) and Android (the largest int) say of a signal that they do not know."""


class Signal(Whole):
    """A signal strength in the sender's own scale: CSQ, dBm or percent; null where it does not know."""

    unchanged_when: ClassVar[str] = "type({v}) is int and {v} != 99"

    def deserialize(self, value: Any, attr: str | None = None, data: Any = None, **kwargs: Any) -> Any:
        """The strength, or None."""
        return super().deserialize(None if value in _NO_ANSWER else value, attr, data, **kwargs)


class UniqueSlots(validate.Validator):
    """No two slots with one index."""

    def __call__(self, slots: list[dict[str, Any]]) -> None:
        """Raises ValidationError at the first index that comes again."""
        if len({slot["slot_index"] for slot in slots}) == len(slots):
            return
        seen: set[int] = set()
        for place, slot in enumerate(slots):
            if slot["slot_index"] in seen:
                raise ValidationError({place: {"slotIndex": ["Must not be the index of two slots."]}})
            seen.add(slot["slot_index"])


class TolerantSchema(WireSchema):
    """Of what a device sends, the fields that are not known are passed over."""

    class Meta(WireSchema.Meta):
        unknown: ClassVar[UnknownOption] = EXCLUDE


def _line(n_characters: int = 200) -> Line:
    return Line(load_default=None, validate=at_most(n_characters))


def _signal() -> Signal:
    scale = "CSQ (0 to 31), dBm (below zero) or percent; 99 is unknown."
    return Signal(load_default=None, validate=between(-150, 100), metadata={"description": scale})


class SimSlotSchema(TolerantSchema):
    """A port or SIM position."""

    slot_index = Whole(required=True, validate=between(0, 1023))
    carrier_name = _line()
    operator_name = _line()
    phone_number = _line(64)
    signal_status = fields.Raw(load_default=None, metadata={"enum": [*SIGNAL_WORDS, None]})
    signal_strength = _signal()
    iccid = _line(64)
    imsi = _line(64)
    imei = _line(64)
    status = _line()
    balance = Amount(load_default=None, validate=at_most(200))
    raw_status = Text(load_default=None, validate=at_most(1_000))


class BrandInfoSchema(TolerantSchema):
    """What the device is, as its system tells it."""

    brand = _line()
    model = _line()
    product = _line()
    board = _line()
    device = _line()
    manufacturer = _line()


class HeartbeatSchema(TolerantSchema):
    """`POST /api/device/heartbeat`."""

    device_id = Identifier(required=True, validate=length(1, 128))
    name = _line()
    battery_level = Whole(load_default=None, validate=between(0, 100))
    charging = Flag(load_default=None)
    signal_strength = _signal()
    device_status = _line()
    sim_slots = Array(
        fields.Nested(SimSlotSchema),
        load_default=None,
        validate=[
            validate.Length(max=MOST_SLOTS, error="Must be at most {max} slots."),
            UniqueSlots(),
        ],
        error_messages={"invalid": "Must be an array of slots, or a JSON string of one."},
        metadata={"description": "May be a JSON string of the array."},
    )
    device_brand_info = fields.Nested(
        BrandInfoSchema, load_default=None, metadata={"description": "May be a JSON string of the object."}
    )
    ip_address = _line(64)
    firmware = _line()
    interval_seconds = Whole(
        load_default=None,
        validate=between(1, 86_400),
        metadata={"description": "When the next heartbeat may be expected."},
    )
    sent_at = Time(load_default=None, metadata={"description": "The device's own time."})
    counter = Whole(
        load_default=None,
        validate=between(0, 2**53),
        metadata={"description": "Counts heartbeats since the device started; back at 1 tells a restart."},
    )


class RegisterSchema(HeartbeatSchema):
    """`POST /api/device/register`: a heartbeat and the device's own number."""

    phone_number = _line(64)


class SmsReceiveSchema(TolerantSchema):
    """`POST /api/sms/receive`: a message that the device received."""

    device_id = Identifier(required=True, validate=length(1, 128))
    sender = Text(required=True, validate=length(1, 64))
    message = Text(required=True, validate=at_most(10_000), metadata={"description": "May be empty."})
    timestamp = Time(load_default=None)
    recipient = Line(load_default=None, validate=at_most(64))
    slot_index = Whole(load_default=None, validate=between(0, 1023))
    message_id = Line(
        load_default=None,
        validate=at_most(200),
        metadata={"description": "The device's own id of the message: a repeat is stored once."},
    )
    subscription_id = Line(load_default=None, validate=at_most(64))
