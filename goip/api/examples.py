"""Values for examples, by their names on the wire: the documents show them, and a reader can paste them."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema

from goip.wire import Json

_EXAMPLES: Json = {
    "deviceId": "phone-1",
    "name": "Kitchen phone",
    "batteryLevel": 87,
    "charging": False,
    "signalStrength": 23,
    "intervalSeconds": 60,
    "simSlots": [
        {"slotIndex": 0, "carrierName": "Example Mobile", "phoneNumber": "+15550100", "signalStrength": 23}
    ],
    "sender": "MyBank",
    "message": "Your code is 123456",
    "timestamp": "2026-11-21T05:22:21.123Z",
    "slotIndex": 0,
    "messageId": "5f3c9a",
    "status": "delivered",
    "username": "admin",
    "password": "correct horse battery staple",
    "currentPassword": "correct horse battery staple",
    "newPassword": "a longer one than the last",
    "refreshToken": "eyJhbGciOi...",
    "role": "operator",
    "scopes": ["read"],
    "make": "http",
    "metric": "battery",
    "seconds": 20,
    "total": 1000,
}


def example_body(schema: Schema) -> Json:
    """A body that the schema takes: what it requires, and what makes it easy to see what it is for."""
    keys = {field.data_key or name: field for name, field in schema.load_fields.items()}
    return {key: _EXAMPLES[key] for key in keys if key in _EXAMPLES}


def example_of(name: str) -> Any:
    """A value for a parameter of that name."""
    return _EXAMPLES.get(name, name)
