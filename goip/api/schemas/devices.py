"""Devices."""

from __future__ import annotations

from marshmallow import fields, validate

from goip.api.schemas.common import NumberedPageQuery, PageQuery, Time, Words
from goip.fields import WireSchema


class DevicesQuery(PageQuery):
    search = fields.String()
    status = Words()
    make = fields.String()
    pending = fields.Boolean()
    sort = fields.String(load_default="deviceId")
    cursor = fields.String()


class DeviceStatusQuery(WireSchema):
    device_id = fields.String(required=True)


class HistoryQuery(WireSchema):
    metric = fields.String(
        load_default="battery", validate=validate.OneOf(("battery", "signal", "heartbeats"))
    )
    slot_index = fields.Integer()
    from_at = Time(data_key="from")
    to_at = Time(data_key="to")
    step = fields.Integer(load_default=300, validate=validate.Range(300, 86_400))


class HeartbeatsQuery(NumberedPageQuery):
    pass


class FactsQuery(NumberedPageQuery):
    pass


class SimsQuery(PageQuery):
    search = fields.String()
    cursor = fields.String()


class DevicePatch(WireSchema):
    name = fields.String(allow_none=True, validate=validate.Length(max=200))
    interval_seconds = fields.Integer(allow_none=True, validate=validate.Range(1, 86_400))


class DeviceCreate(WireSchema):
    device_id = fields.String(required=True, validate=validate.Length(1, 128))
    name = fields.String(allow_none=True)
    make = fields.String(load_default="http")
