"""Messages."""

from __future__ import annotations

from marshmallow import fields, validate

from goip.api.schemas.common import NumberedPageQuery, Time


class SmsQuery(NumberedPageQuery):
    search = fields.String()
    device_id = fields.String()
    slot_index = fields.Integer()
    peer = fields.String()
    direction = fields.String(validate=validate.OneOf(("inbound", "outbound")))
    from_at = Time(data_key="from")
    to_at = Time(data_key="to")
    format = fields.String(validate=validate.OneOf(("json", "csv")))


class ConversationsQuery(NumberedPageQuery):
    search = fields.String()
    device_id = fields.String()
