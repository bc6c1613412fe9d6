"""What gateways are answered, and what is told of their makes.

A device that is registered by a request finds `deviceKey`, shown this once.
"""

from __future__ import annotations

from marshmallow import fields

from goip.api.schemas.common import Shape, or_null
from goip.fields import one_of

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


class SmsStatusAnswer(Shape):
    """A report is on disk."""

    success = fields.Boolean()
    message_id = fields.String()


class MakeShape(Shape):
    """One kind of gateway; what it cannot be given is null."""

    name = fields.String(
        metadata={"description": "One make may have several ways to report: what tells them apart."}
    )
    make = fields.String(metadata={"description": "As it stands in the `make` of its devices."})
    title = fields.String()
    transport = fields.String(
        validate=one_of("http", "udp", "tcp", "dial"),
        metadata={"description": "`dial`: it is goip that calls, by a setting of its own."},
    )
    address = or_null(
        fields.String,
        metadata={"description": "Where it posts to; `{key}` stands for the key, if it is in there."},
    )
    port = or_null(fields.Integer, metadata={"description": "Of UDP and TCP; null where nobody listens."})
    allowed = fields.List(
        fields.String(), metadata={"description": "The networks that may send there; empty for all."}
    )


class MakesAnswer(Shape):
    """Every make, and how they reach this server; `url` is the server as the caller sees it."""

    url = fields.String()
    is_local_only = fields.Boolean(
        metadata={"description": "It listens where no other machine can reach it, but through a proxy."}
    )
    is_proxied = fields.Boolean(
        metadata={"description": "Something stands before it, which lets HTTP through and nothing else."}
    )
    every_make = fields.List(fields.Nested(MakeShape), data_key="makes")
