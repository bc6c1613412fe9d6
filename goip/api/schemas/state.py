"""The live state, the stream of events, and the server about itself."""

from __future__ import annotations

from marshmallow import fields, validate

from goip.api.schemas.common import LONGEST_DEVICE_ID, PageShape, Shape, or_null
from goip.api.schemas.devices import STATUSES, DeviceShape
from goip.fields import Line, Real, WireSchema, Words, at_most, length, one_of
from goip.models import DASHBOARD, device_room

MOST_ROOMS = 50
"""More would not fit into a URL of 8 KB."""

LONGEST_WAIT_SECONDS = 60


class StateQuery(WireSchema):
    """`GET /api/state`."""

    rooms = Words(
        Line(validate=at_most(len(device_room("")) + LONGEST_DEVICE_ID)),
        load_default=lambda: [DASHBOARD],
        validate=validate.Length(1, MOST_ROOMS, error="Must be {min} to {max} rooms."),
        metadata={"description": "Without it, the dashboard."},
    )


class EventsQuery(StateQuery):
    """`GET /api/events`."""

    after = Line(validate=at_most(100), metadata={"description": "The cursor that the client has reached."})
    wait = Real(
        load_default=0.0,
        validate=validate.Range(0, LONGEST_WAIT_SECONDS, error="Must be from {min} to {max}."),
        metadata={"description": "Seconds to wait for something to tell."},
    )


class EnrollmentKeyCreate(WireSchema):
    """`POST /api/enrollment/keys`."""

    name = Line(load_default="page", validate=length(1, 200))


class EventShape(Shape):
    """One change, as it is told in `room`; what `data` holds depends on `event`."""

    seq = fields.Integer()
    event = fields.String()
    room = fields.String()
    data = fields.Dict()
    at = fields.DateTime()


class StatusChangeShape(Shape):
    """The data of `device-status-change`; `previousStatus` is null for a new device."""

    device_id = fields.String()
    previous_status = or_null(fields.String, validate=one_of(*STATUSES))
    current_status = fields.String(validate=one_of(*STATUSES))
    is_online = fields.Boolean()
    is_new_device = fields.Boolean()
    reason = fields.String()
    at = fields.DateTime()
    seq = fields.Integer()


class DeviceRebootShape(Shape):
    """The data of `device-reboot`: a counter of heartbeats that began anew."""

    device_id = fields.String()
    previous_counter = fields.Integer()
    counter = fields.Integer()
    at = fields.DateTime()
    seq = fields.Integer()


class DeviceRemovedShape(Shape):
    """The data of `device-removed`; `isRejected` for one that waited and was turned away."""

    device_id = fields.String()
    is_rejected = fields.Boolean()
    at = fields.DateTime()
    seq = fields.Integer()


class DeviceReadmittedShape(Shape):
    """The data of `device-readmitted`: a device that was turned away may knock again."""

    device_id = fields.String()
    at = fields.DateTime()
    seq = fields.Integer()


class CardPlaceShape(Shape):
    """Where a card was told to be."""

    device_id = fields.String()
    slot_index = fields.Integer()


class _CardShape(Shape):
    """What every fact about a SIM card says: where it is, or was, and which card it is."""

    device_id = fields.String()
    slot_index = fields.Integer()
    iccid = or_null(fields.String)
    imsi = or_null(fields.String)
    phone_number = or_null(fields.String)
    at = fields.DateTime()
    seq = fields.Integer()


class SimInsertedShape(_CardShape):
    """The data of `sim-inserted`: a card in a slot that was not there; `isNew` when it was never seen before."""

    is_new = fields.Boolean()


class SimMovedShape(_CardShape):
    """The data of `sim-moved`: a card that was told elsewhere before."""

    class Meta(Shape.Meta):
        include = {"from": fields.Nested(CardPlaceShape)}  # noqa: RUF012 - as marshmallow has it


class SimVanishedShape(_CardShape):
    """The data of `sim-vanished`: a card that is in none of the device's slots any more."""

    now_at = fields.Nested(CardPlaceShape, allow_none=True)


class SimConflictShape(_CardShape):
    """The data of `sim-conflict`: a card that is told in two places."""

    also_at = fields.Nested(CardPlaceShape)


class SmsRecoveredShape(Shape):
    """The data of `sms-recovered`: messages that came while nobody heard the box, read from its memory."""

    device_id = fields.String()
    n_messages = fields.Integer()
    at = fields.DateTime()
    seq = fields.Integer()


EVENT_SHAPES: tuple[type[Shape], ...] = (
    StatusChangeShape,
    DeviceRebootShape,
    DeviceRemovedShape,
    DeviceReadmittedShape,
    SimInsertedShape,
    SimMovedShape,
    SimVanishedShape,
    SimConflictShape,
    SmsRecoveredShape,
)
"""The data of events that no answer of the API holds as it is."""


class EventsPageAnswer(PageShape):
    """What happened to a device, newest first."""

    events = fields.List(fields.Nested(EventShape))


class StatsShape(Shape):
    """The totals of the dashboard."""

    total_devices = fields.Integer()
    online_devices = fields.Integer()
    late_devices = fields.Integer()
    offline_devices = fields.Integer()
    unknown_devices = fields.Integer()
    total_sms = fields.Integer()
    received_sms = fields.Integer()
    sent_sms = fields.Integer()
    delivered_sms = fields.Integer()
    failed_sms = fields.Integer()
    timestamp = fields.DateTime()
    seq = fields.Integer()


class StateAnswer(Shape):
    """The snapshot of some rooms at one cursor."""

    cursor = fields.String()
    rooms = fields.List(fields.String())
    devices = fields.List(fields.Nested(DeviceShape))
    stats = fields.Nested(StatsShape, allow_none=True)
    alerts = fields.List(fields.Dict())
    notifications = fields.List(fields.Dict())
    server_time = fields.DateTime()


class FrameAnswer(Shape):
    """All that these rooms had between `after` and `cursor`; with `recovered: false`, a snapshot instead."""

    left_out = frozenset({"state"})

    after = or_null(fields.String)
    cursor = fields.String()
    recovered = fields.Boolean()
    events = fields.List(fields.Nested(EventShape))
    state = fields.Nested(StateAnswer)


class EnrollmentAnswer(Shape):
    """How unknown devices come in; `url` is this server as the caller sees it."""

    mode = fields.String(validate=one_of("auto", "approve"))
    url = fields.String()
    has_key = fields.Boolean()


class EnrollmentKeyAnswer(Shape):
    """A new enrolment key, shown this once, and a call that uses it."""

    enrollment_key = fields.String()
    curl = fields.String()


class DatabaseShape(Shape):
    """The database, and what is wrong with it."""

    ok = fields.Boolean()
    kind = fields.String()
    trouble = or_null(fields.String)


class BrokerShape(Shape):
    """The MQTT broker that the settings name, and what is wrong with the line to it."""

    is_configured = fields.Boolean()
    trouble = or_null(fields.String)


class HealthAnswer(Shape):
    """How the server is."""

    status = fields.String(validate=one_of("ok", "degraded"))
    version = fields.String()
    time = fields.DateTime()
    database = fields.Nested(DatabaseShape)
    mqtt = fields.Nested(BrokerShape)
    checks = fields.Dict(keys=fields.String(), values=fields.Float())


class ProbeAnswer(Shape):
    """Whether the server lives, or is ready."""

    left_out = frozenset({"trouble"})

    status = fields.String(validate=one_of("ok", "degraded"))
    trouble = or_null(fields.String)


class MetaAnswer(Shape):
    """What a page needs to know of the server before anybody logs in."""

    version = fields.String()
    build_id = or_null(fields.String)
    server_time = fields.DateTime()
    transports = fields.List(fields.String())


class DocumentAnswer(Shape):
    """The OpenAPI document."""

    openapi = fields.String()
    info = fields.Dict()
    paths = fields.Dict()
    components = fields.Dict()
