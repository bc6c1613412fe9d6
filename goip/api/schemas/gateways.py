"""What gateways are answered. A device that is registered by a request finds `deviceKey`, shown this once."""

from __future__ import annotations

from marshmallow import fields

from goip.api.schemas.common import Shape, or_null

_PENDING = {"description": "There when the device waits for an operator to adopt it."}
_KEY = {"description": "There when the device is new: its own key, to show from now on."}


class HeartbeatAnswer(Shape):
    """A heartbeat is on disk."""

    left_out = frozenset({"device_key", "pending"})

    success = fields.Boolean()
    message = fields.String()
    is_new_device = fields.Boolean()
    sim_slots_updated = fields.Integer()
    server_time = fields.DateTime()
    next_heartbeat_seconds = fields.Integer()
    device_key = fields.String(metadata=_KEY)
    pending = fields.Boolean(metadata=_PENDING)


class RegisterAnswer(Shape):
    """A device is registered."""

    left_out = frozenset({"device_key", "pending"})

    success = fields.Boolean()
    message = fields.String()
    is_new_device = fields.Boolean()
    phone_number = or_null(fields.String)
    sim_slots_count = fields.Integer()
    phone_numbers_stored = fields.Integer()
    device_key = fields.String(metadata=_KEY)
    pending = fields.Boolean(metadata=_PENDING)


class SmsReceivedAnswer(Shape):
    """A message is on disk; `duplicate` when it had been before."""

    success = fields.Boolean()
    message_id = fields.String()
    slot_index = or_null(fields.Integer)
    carrier_name = or_null(fields.String)
    recipient = or_null(fields.String)
    duplicate = fields.Boolean()
