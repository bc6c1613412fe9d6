"""What a gateway's key lets it do: post for its own device, or enrol one that is unknown."""

from __future__ import annotations

from typing import NamedTuple

from goip.auth.keys import Keyring
from goip.errors import Forbidden, Unauthorized
from goip.models import Device
from goip.store.fleet import Fleet
from goip.store.keys import Key


class Admission(NamedTuple):
    """A gateway may post for `device`, or, where that is None, register it."""

    key: Key
    device: Device | None

    @property
    def is_enrolling(self) -> bool:
        """True when it came with the enrolment key."""
        return self.key.kind == "enrollment"


def find_gateway_key(keyring: Keyring, key_text: str | None) -> Key:
    """The key that a gateway shows. Raises Unauthorized when it shows none that is good."""
    if key_text is None:
        raise Unauthorized("show a device key or the enrolment key", code="key_required")
    key = keyring.find(key_text)
    if key is None or key.kind not in ("device", "enrollment"):
        raise Unauthorized("this key is not known, or not good any more", code="invalid_key")
    return key


def admit(keyring: Keyring, fleet: Fleet, key: Key, device_id: str) -> Admission:
    """Let a gateway in by the key that it shows, or raise Forbidden: not for this device.

    The enrolment key is good for an unknown device, and for a known one until that has used a key of its
    own: so hardware that can hold only the one key works, and an answer that was lost locks nobody out.
    """
    device = fleet.find(device_id)
    if (device is None or device.is_pending) and device_id in keyring.rejections:
        raise Forbidden("an operator turned this device away", code="device_rejected")
    if key.kind == "device":
        if device is None or device.pk != key.device_pk:
            raise Forbidden("this key belongs to another device", code="wrong_device")
        if key.first_used_at is None:
            keyring.note_used(key)
        return Admission(key, device)
    if device is not None and keyring.has_used_own_key(device.pk):
        raise Forbidden(
            "this device has a key of its own: use that, or let an operator make a new one",
            code="own_key_required",
        )
    return Admission(key, device)
