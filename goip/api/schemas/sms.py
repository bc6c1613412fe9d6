"""Messages and conversations."""

from __future__ import annotations

from marshmallow import fields

from goip.api.schemas.common import (
    HIGHEST_SLOT_INDEX,
    NumberedPageQuery,
    PageShape,
    Shape,
    SpanQuery,
    device_id,
    or_null,
    search,
)
from goip.fields import Line, Text, Whole, between, length, one_of

DIRECTIONS = ("inbound", "outbound")


class SmsQuery(NumberedPageQuery, SpanQuery):
    """`GET /api/sms`. `format=csv` downloads everything that matches, whatever `limit` says."""

    search = search()
    device_id = device_id()
    slot_index = Whole(validate=between(0, HIGHEST_SLOT_INDEX))
    peer = Text(validate=length(1, 64), metadata={"description": "The other side of the conversation."})
    direction = Line(validate=one_of(*DIRECTIONS))
    format = Line(validate=one_of("json", "csv"))


class ConversationsQuery(NumberedPageQuery):
    """`GET /api/sms/conversations`."""

    search = search()
    device_id = device_id()


class SlotInfoShape(Shape):
    """Where in the device a message came in."""

    slot_index = fields.Integer()
    carrier_name = or_null(fields.String)
    phone_number = or_null(fields.String)


class SmsShape(Shape):
    """A message: the same in lists and in the event `sms-received`."""

    id = fields.String()
    device_id = fields.String()
    direction = fields.String(validate=one_of(*DIRECTIONS))
    sender = fields.String()
    recipient = or_null(fields.String)
    message = fields.String()
    timestamp = fields.DateTime(metadata={"description": "The device's time; ours where it told none."})
    received_at = fields.DateTime()
    slot_index = or_null(fields.Integer)
    carrier_name = or_null(fields.String)
    slot_info = fields.Nested(SlotInfoShape, allow_none=True)
    status = fields.String()
    seq = fields.Integer()


class SmsAnswer(Shape):
    """One message."""

    message = fields.Nested(SmsShape)


class SmsPageAnswer(PageShape):
    """A page of messages, newest first."""

    messages = fields.List(fields.Nested(SmsShape))


class ConversationShape(Shape):
    """What a device and a peer wrote to each other."""

    device_id = fields.String()
    device_name = or_null(fields.String)
    peer = fields.String()
    n_messages = fields.Integer()
    last_at = fields.DateTime()
    last_message = fields.Nested(SmsShape)


class ConversationsAnswer(PageShape):
    """A page of conversations, the newest first."""

    conversations = fields.List(fields.Nested(ConversationShape))
