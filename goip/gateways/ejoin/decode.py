"""What a push of an Ejoin box means, by its type."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from goip.gateways import Push
from goip.gateways.ejoin.messages import block_of, forwarded, received, reported
from goip.gateways.ejoin.status import device_status, port_status
from goip.gateways.ejoin.values import mac, object_in
from goip.gateways.forms import need_device, need_text
from goip.models import Told

_PADDING = "\0\ufeff"


def decode(push: Push) -> Sequence[Told]:
    """Whatever the box tells; nothing for an empty push, or one of a type that is not known.

    The device is the key's or the one in the address, else the box's MAC address, in the body or the query.
    """
    text = push.body.decode("utf-8", "replace").strip(_PADDING)
    if not text.strip():
        return ()
    if _is_forward(push, text):
        return (forwarded(need_device(push, mac(push.query.get("mac"))), text, push.query),)
    return _typed(push, object_in(push.body))


def _is_forward(push: Push, text: str) -> bool:
    """True for a message of the "SMS to HTTP" setting, which is plain text whatever it looks like."""
    if "json" in push.headers.get("Content-Type", "").lower():
        return False
    return "sender" in push.query or bool(block_of(text).headers)


def _typed(push: Push, data: Mapping[str, Any]) -> Sequence[Told]:
    kind = need_text(data, "type")
    if kind not in ("dev-status", "port-status", "recv-sms", "status-report"):
        return ()
    device_id = need_device(push, mac(data.get("mac")) or mac(push.query.get("mac")))
    if kind == "dev-status":
        return (device_status(device_id, data, push.query.get("period")),)
    if kind == "port-status":
        return (port_status(device_id, data),)
    if kind == "recv-sms":
        return received(device_id, data.get("sms"))
    return reported(device_id, data.get("rpts"))
