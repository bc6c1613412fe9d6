"""The live state, and the server about itself."""

from __future__ import annotations

from marshmallow import fields, validate

from goip.api.schemas.common import Words
from goip.fields import WireSchema


class StateQuery(WireSchema):
    rooms = Words(load_default=lambda: ["dashboard"])


class EventsQuery(StateQuery):
    after = fields.String()
    wait = fields.Float(load_default=0.0, validate=validate.Range(0, 60))


class EnrollmentKeyCreate(WireSchema):
    name = fields.String(load_default="page", validate=validate.Length(1, 200))
