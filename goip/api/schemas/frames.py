"""Frames of the wire log."""

from __future__ import annotations

from marshmallow import fields

from goip.api.schemas.common import NumberedPageQuery, PageShape, Shape, or_null
from goip.api.schemas.state import LONGEST_WAIT_SECONDS
from goip.fields import Flag, Line, Real, Whole, WireSchema, between, one_of

_FORMATS = ("json", "fixture")


class FrameQuery(WireSchema):
    """`GET /api/frames/{frameId}`. `format=fixture` downloads it for a test to decode again."""

    format = Line(load_default="json", validate=one_of(*_FORMATS))


class FramesQuery(NumberedPageQuery, FrameQuery):
    """`GET /api/frames`. `format=fixture` downloads all of them, whatever `limit` says."""

    of_strangers = Flag(
        data_key="unknown", metadata={"description": "Those of strangers only; false: those of devices only."}
    )


class DeviceFramesQuery(NumberedPageQuery, FrameQuery):
    """`GET /api/devices/{deviceId}/frames`. `format=fixture` downloads all of them, whatever `limit` says."""

    after = Whole(
        validate=between(0, 2**53),
        metadata={"description": "The id of the newest frame that the client has: newer ones only."},
    )
    wait = Real(
        load_default=0.0,
        validate=between(0, LONGEST_WAIT_SECONDS),
        metadata={"description": "With `after`: seconds to wait for a newer one."},
    )


class WireFrameShape(Shape):
    """One message on the wire, without its secrets: the same in lists and in the event `network:log`.

    `deviceId` is only what a stranger claims unless `isAdmitted`. `head`, of HTTP, is method and address, or the
    status, and the headers, a line each; of MQTT, the topic; of a binary frame, its type and name. The body is in
    `text` where it is text, else in `base64`.
    """

    id = fields.String()
    at = fields.DateTime()
    device_id = or_null(fields.String)
    is_admitted = fields.Boolean()
    direction = fields.String(validate=one_of("in", "out"))
    transport = fields.String(validate=one_of("http", "udp", "tcp", "mqtt", "socketio"))
    make = fields.String()
    address = fields.String()
    verdict = fields.String(validate=one_of("accepted", "refused", "ignored"))
    reason = or_null(fields.String)
    head = or_null(fields.String)
    text = or_null(fields.String)
    base64 = or_null(fields.String)
    n_bytes = fields.Integer(metadata={"description": "The length of the body as it came."})
    is_cut = fields.Boolean(metadata={"description": "True where only the beginning of the body was kept."})


class WireFrameAnswer(Shape):
    """One frame."""

    frame = fields.Nested(WireFrameShape)


class WireFramesAnswer(PageShape):
    """A page of frames, newest first."""

    frames = fields.List(fields.Nested(WireFrameShape))


class DecodeRefusalShape(Shape):
    """Why a frame is not taken."""

    error = fields.String()
    code = fields.String()
    bad_fields = fields.Dict(data_key="fields", keys=fields.String(), values=fields.List(fields.String()))


class ReplayAnswer(Shape):
    """What a frame tells: of each item its `kind` (heartbeat, sms, deliveryReport, callEvent, ussd) and its fields."""

    understood = fields.List(fields.Dict())
    refused = fields.Nested(DecodeRefusalShape, allow_none=True)
