"""Devices, their slots, their history, and SIM cards."""

from __future__ import annotations

from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from goip.api.listing import SORTS
from goip.api.schemas.common import (
    HIGHEST_SLOT_INDEX,
    LONGEST_DEVICE_ID,
    NumberedPageQuery,
    PageQuery,
    PageShape,
    Shape,
    SpanQuery,
    device_id,
    or_null,
    search,
)
from goip.fields import (
    Flag,
    Identifier,
    Line,
    Whole,
    WireSchema,
    Words,
    ZoneName,
    at_most,
    between,
    length,
    one_of,
)

STATUSES = ("online", "late", "offline", "unknown")
METRICS = ("battery", "signal", "heartbeats")
BUCKET_SECONDS = 300
"""What the history is kept in: a step is so many of these."""


class DevicesQuery(PageQuery):
    """`GET /api/devices`. `sort` with `-` before the name turns the order round."""

    search = search()
    status = Words(Line(validate=one_of(*STATUSES)))
    make = Line(validate=at_most(64))
    pending = Flag()
    parent = Line(
        validate=length(1, LONGEST_DEVICE_ID), metadata={"description": "The lines of that device alone."}
    )
    sort = Line(load_default="deviceId", validate=one_of(*SORTS, *(f"-{name}" for name in SORTS)))


class DeviceStatusQuery(WireSchema):
    """`GET /api/device/status`."""

    device_id = device_id(required=True)


class HistoryQuery(SpanQuery):
    """`GET /api/devices/{deviceId}/history`: the last day in steps of five minutes, unless told otherwise."""

    metric = Line(load_default="battery", validate=one_of(*METRICS))
    slot_index = Whole(
        validate=between(0, HIGHEST_SLOT_INDEX),
        metadata={"description": "Without it, the device's own values."},
    )
    step = Whole(
        load_default=BUCKET_SECONDS,
        validate=between(BUCKET_SECONDS, 86_400),
        metadata={"multipleOf": BUCKET_SECONDS, "description": "Seconds."},
    )

    @validates_schema
    def check_step(self, data: dict[str, Any], **_: Any) -> None:
        """Raises ValidationError for a step that the history cannot be cut into."""
        if data["step"] % BUCKET_SECONDS:
            raise ValidationError(f"Must be a multiple of {BUCKET_SECONDS}.", "step")


class HeartbeatsQuery(NumberedPageQuery):
    """`GET /api/devices/{deviceId}/heartbeats`."""


class FactsQuery(NumberedPageQuery):
    """`GET /api/devices/{deviceId}/events`."""


class SimsQuery(PageQuery):
    """`GET /api/sims`."""

    search = search()


class DevicePatch(WireSchema):
    """`PATCH /api/devices/{deviceId}`: what is not named stays; null goes back to what the device says."""

    name = Line(allow_none=True, validate=at_most(200))
    parent = Line(
        allow_none=True,
        validate=length(1, LONGEST_DEVICE_ID),
        metadata={"description": "The device that it is a line of: one that is no line itself."},
    )
    time_zone = ZoneName(allow_none=True)
    interval_seconds = Whole(
        allow_none=True,
        validate=between(1, 86_400),
        metadata={"description": "What the device is held to, whatever it declares."},
    )


class DeviceAdopt(DevicePatch):
    """`POST /api/devices/{deviceId}/adopt`. Where no parent is named, a line joins the others of its box."""


class DeviceCreate(DevicePatch):
    """`POST /api/devices`: a device before its first heartbeat."""

    device_id = Identifier(required=True, validate=length(1, LONGEST_DEVICE_ID))
    make = Line(
        load_default="http",
        validate=validate.Regexp(
            r"^[a-z0-9][a-z0-9-]{0,63}$", error="Must be a short name in lower case, as `http`."
        ),
    )


class KeyRotation(WireSchema):
    """`POST /api/devices/{deviceId}/key`: how long the old keys are good beside the new one."""

    overlap_seconds = Whole(
        load_default=0,
        validate=between(0, 30 * 86_400),
        metadata={
            "description": "They end when the new key is used, and after so many seconds at the latest; 0: at once."
        },
    )


class SimSlotShape(Shape):
    """A port or SIM position of a device."""

    slot_index = fields.Integer()
    carrier_name = or_null(fields.String)
    operator_name = or_null(fields.String)
    phone_number = or_null(fields.String)
    signal_status = or_null(fields.String)
    signal_strength = or_null(fields.Integer)
    iccid = or_null(fields.String)
    imsi = or_null(fields.String)
    imei = or_null(fields.String)
    status = or_null(fields.String)
    balance = or_null(fields.String)
    raw_status = or_null(fields.String)


class DeviceBrandShape(Shape):
    """What the device is, as its system tells it."""

    left_out = frozenset({"brand", "model", "product", "board", "device", "manufacturer"})

    brand = fields.String()
    model = fields.String()
    product = fields.String()
    board = fields.String()
    device = fields.String()
    manufacturer = fields.String()


class DeviceShape(Shape):
    """A device: the same in lists, in the live state and in the event `device-heartbeat`."""

    device_id = fields.String()
    name = or_null(fields.String)
    make = fields.String()
    status = fields.String(validate=one_of(*STATUSES))
    status_reason = fields.String()
    status_since = fields.DateTime()
    is_online = fields.Boolean(metadata={"description": "True while it is heard from, be it late."})
    is_pending = fields.Boolean(metadata={"description": "It waits for an operator to adopt it."})
    device_status = or_null(fields.String, metadata={"description": "The device's own word."})
    battery_level = or_null(fields.Integer)
    charging = or_null(fields.Boolean)
    signal_strength = or_null(
        fields.Integer, metadata={"description": "In the device's own scale: CSQ, dBm or percent."}
    )
    firmware = or_null(fields.String)
    ip_address = or_null(fields.String)
    interval_seconds = or_null(
        fields.Integer, metadata={"description": "What was set, else what the device declares."}
    )
    set_interval_seconds = or_null(fields.Integer, metadata={"description": "What an operator set."})
    parent = or_null(fields.String, metadata={"description": "The id of the device that it is a line of."})
    time_zone = or_null(fields.String, metadata={"description": "The zone of the device's own clock."})
    last_seen = or_null(fields.DateTime)
    next_due_at = or_null(fields.DateTime)
    registered_at = fields.DateTime()
    counter = or_null(fields.Integer)
    phone_numbers = fields.List(fields.String())
    device_brand_info = fields.Nested(DeviceBrandShape)
    sim_slots = fields.List(fields.Nested(SimSlotShape))
    seq = fields.Integer(metadata={"description": "The change that made this state."})


class DeviceAnswer(Shape):
    """One device."""

    device = fields.Nested(DeviceShape)


class DeviceStatusAnswer(DeviceShape):
    """One device, flat."""

    success = fields.Boolean()


class DeviceKeyAnswer(Shape):
    """A device's new key, shown this once."""

    device_key = fields.String()


class DeviceCreatedAnswer(DeviceKeyAnswer):
    """A new device and its key, shown this once."""

    device = fields.Nested(DeviceShape)


class OwnKeyShape(Shape):
    """A key of a device, but for the key itself."""

    created_at = fields.DateTime()
    first_used_at = or_null(fields.DateTime)
    expires_at = or_null(
        fields.DateTime, metadata={"description": "Of one that was replaced: when it ends at the latest."}
    )


class DeviceKeysAnswer(Shape):
    """The keys of a device that are good, oldest first."""

    keys = fields.List(fields.Nested(OwnKeyShape))


class RejectionShape(Shape):
    """A device that waited and was turned away, as it was then."""

    device_id = fields.String()
    make = fields.String()
    name = or_null(fields.String)
    ip_address = or_null(fields.String)
    first_seen = fields.DateTime()
    rejected_at = fields.DateTime()
    rejected_by = or_null(fields.String, metadata={"description": "The username; null for a script."})


class RejectedAnswer(Shape):
    """The device that was turned away."""

    rejected = fields.Nested(RejectionShape)


class RejectionsAnswer(PageShape):
    """The devices that were turned away, the newest first."""

    rejected = fields.List(fields.Nested(RejectionShape))


class DevicesAnswer(PageShape):
    """A page of devices."""

    devices = fields.List(fields.Nested(DeviceShape))


class PointShape(Shape):
    """A metric in one step of time; `heartbeats` has no values, it only counts."""

    at = fields.DateTime()
    avg = or_null(fields.Float)
    min = or_null(fields.Integer)
    max = or_null(fields.Integer)
    n = fields.Integer()


class HistoryAnswer(Shape):
    """A metric over time; a step in which nothing was told is left out."""

    device_id = fields.String()
    metric = fields.String(validate=one_of(*METRICS))
    slot_index = or_null(fields.Integer)
    from_at = fields.DateTime(data_key="from")
    to_at = fields.DateTime(data_key="to")
    step = fields.Integer()
    points = fields.List(fields.Nested(PointShape))


class HeartbeatShape(Shape):
    """A heartbeat as it was received."""

    seq = fields.Integer()
    at = fields.DateTime()
    sent_at = or_null(fields.DateTime)
    battery_level = or_null(fields.Integer)
    charging = or_null(fields.Boolean)
    signal_strength = or_null(fields.Integer)
    device_status = or_null(fields.String)
    counter = or_null(fields.Integer)
    sim_slots = fields.List(fields.Nested(SimSlotShape))


class HeartbeatsAnswer(PageShape):
    """Single heartbeats, newest first."""

    heartbeats = fields.List(fields.Nested(HeartbeatShape))


class SimShape(Shape):
    """A SIM card, and where it was seen last."""

    sim_id = fields.String()
    iccid = or_null(fields.String)
    imsi = or_null(fields.String)
    phone_number = or_null(fields.String)
    carrier_name = or_null(fields.String)
    operator_name = or_null(fields.String)
    device_id = or_null(fields.String)
    slot_index = or_null(fields.Integer)
    balance = or_null(fields.String)
    first_seen = fields.DateTime()
    last_seen = fields.DateTime()


class SimsAnswer(PageShape):
    """A page of SIM cards."""

    sims = fields.List(fields.Nested(SimShape))
