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
    Label,
    Object,
    PhoneNumber,
    Remark,
    Text,
    Time,
    Unchanged,
    Whole,
    WireSchema,
    at_most,
    between,
    length,
)
from goip.models import DeliveryReport, Heartbeat, InboundSms, SimSlot

MOST_SLOTS = 512
SIGNAL_WORDS = ("Excellent", "Good", "Fair", "Poor", "Very Poor", "No Signal", "Unknown")

_WORDS = {word.lower(): word for word in SIGNAL_WORDS}
_NO_ANSWER = (99, "99", 2_147_483_647, "2147483647")
"""What modems (CSQ 99) and Android (the largest int) say of a signal that they do not know."""


class Signal(Whole):
    """A signal strength in the sender's own scale: CSQ, dBm or percent; null where it does not know."""

    unchanged: ClassVar[Unchanged] = Unchanged(int, {"le": 98})

    def deserialize(self, value: Any, attr: str | None = None, data: Any = None, **kwargs: Any) -> Any:
        """The strength, or None."""
        return super().deserialize(None if value in _NO_ANSWER else value, attr, data, **kwargs)


class UniqueSlots(validate.Validator):
    """No two slots with one index."""

    def __call__(self, slots: tuple[SimSlot, ...]) -> None:
        """Raises ValidationError at the first index that comes again."""
        if len({slot.slot_index for slot in slots}) == len(slots):
            return
        seen: set[int] = set()
        for place, slot in enumerate(slots):
            if slot.slot_index in seen:
                raise ValidationError({place: {"slotIndex": ["Must not be the index of two slots."]}})
            seen.add(slot.slot_index)


class SignalWord(fields.Raw):
    """One of the contract's words for a signal; a word that is none of them says nothing known."""

    unchanged: ClassVar[Unchanged] = Unchanged(str, pattern="|".join(SIGNAL_WORDS))

    def deserialize(self, value: Any, attr: str | None = None, data: Any = None, **kwargs: Any) -> Any:
        """The word, or None."""
        told = super().deserialize(value, attr, data, **kwargs)
        return _WORDS.get(told.strip().lower(), "Unknown") if isinstance(told, str) else told and "Unknown"


class TolerantSchema(WireSchema):
    """Of what a device sends, the fields that are not known are passed over."""

    class Meta(WireSchema.Meta):
        unknown: ClassVar[UnknownOption] = EXCLUDE


def _label(n_characters: int = 200) -> Label:
    return Label(load_default=None, validate=at_most(n_characters))


def _number() -> PhoneNumber:
    return PhoneNumber(load_default=None, validate=at_most(64))


def _signal() -> Signal:
    scale = "CSQ (0 to 31), dBm (below zero) or percent; 99 is unknown."
    return Signal(load_default=None, validate=between(-150, 100), metadata={"description": scale})


class SimSlotSchema(TolerantSchema):
    """A port or SIM position."""

    makes = SimSlot

    slot_index = Whole(required=True, validate=between(0, 1023))
    carrier_name = _label()
    operator_name = _label()
    phone_number = _number()
    signal_status = SignalWord(load_default=None, metadata={"enum": [*SIGNAL_WORDS, None]})
    signal_strength = _signal()
    iccid = _label(64)
    imsi = _label(64)
    imei = _label(64)
    status = _label()
    balance = Amount(load_default=None, validate=at_most(200))
    raw_status = Remark(load_default=None, validate=at_most(1_000))


def _without_nulls(**told: str | None) -> dict[str, str]:
    return {name: text for name, text in told.items() if text is not None}


class BrandInfoSchema(TolerantSchema):
    """What the device is, as its system tells it."""

    makes = staticmethod(_without_nulls)

    brand = _label()
    model = _label()
    product = _label()
    board = _label()
    device = _label()
    manufacturer = _label()


class HeartbeatSchema(TolerantSchema):
    """`POST /api/device/heartbeat`."""

    makes = Heartbeat

    device_id = Identifier(required=True, validate=length(1, 128))
    name = _label()
    battery_level = Whole(load_default=None, validate=between(0, 100))
    charging = Flag(load_default=None)
    signal_strength = _signal()
    device_status = _label()
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
    brand_info = Object(
        BrandInfoSchema,
        data_key="deviceBrandInfo",
        load_default=None,
        metadata={"description": "May be a JSON string of the object."},
    )
    ip_address = _label(64)
    firmware = _label()
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

    phone_number = _number()


class SmsReceiveSchema(TolerantSchema):
    """`POST /api/sms/receive`: a message that the device received."""

    makes = InboundSms

    device_id = Identifier(required=True, validate=length(1, 128))
    sender = Text(required=True, validate=length(1, 64))
    message = Text(required=True, validate=at_most(10_000), metadata={"description": "May be empty."})
    sent_at = Time(data_key="timestamp", load_default=None)
    recipient = _number()
    slot_index = Whole(load_default=None, validate=between(0, 1023))
    message_id = Label(
        load_default=None,
        validate=at_most(200),
        metadata={"description": "The device's own id of the message: a repeat is stored once."},
    )
    subscription_id = _label(64)


def _report(status: str, reason: str | None, **told: Any) -> DeliveryReport:
    return DeliveryReport(status=status if reason is None else f"{status}: {reason}", **told)


class SmsStatusSchema(TolerantSchema):
    """`POST /api/sms/status`: what became of a message that the device sent."""

    makes = staticmethod(_report)

    device_id = Identifier(required=True, validate=length(1, 128))
    reference = Label(
        data_key="messageId",
        required=True,
        validate=length(1, 200),
        metadata={"description": "The message's id, as the device was given it or gave it."},
    )
    status = Label(
        required=True,
        validate=length(1, 64),
        metadata={"description": "`sent`, `delivered`, `failed`, or the device's own word."},
    )
    reason = _label(500)
    recipient = _number()
    slot_index = Whole(load_default=None, validate=between(0, 1023))
    sent_at = Time(data_key="timestamp", load_default=None, metadata={"description": "When that was so."})
