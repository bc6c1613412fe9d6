"""What SMSsync posts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from goip.errors import InvalidPayload
from goip.fields import LONGEST_WORD, PhoneNumber, storable, without_controls, word
from goip.gateways import Push
from goip.gateways.forms import form_of, moment_of, need_device, need_text, object_of
from goip.models import InboundSms, Told

TASK = "task"
_LONGEST_TEXT = 10_000
_NUMBER = PhoneNumber()


def decode(push: Push) -> Sequence[Told]:
    """A received message; nothing where the app asks for tasks, but that it is alive. Raises InvalidPayload.

    Its `secret` says nothing: the key is in the address.
    """
    if TASK in push.query:
        return ()
    fields = object_of(push) if push.body.lstrip()[:1] == b"{" else form_of(push)
    device_id = need_device(push, _line(fields, "device_id"))
    sender = without_controls(need_text(fields, "from"))[:LONGEST_WORD]
    if not sender:
        raise InvalidPayload("from is required", fields={"from": ["Is required."]})
    return (
        InboundSms(
            device_id=device_id,
            sender=sender,
            message=storable(need_text(fields, "message"))[:_LONGEST_TEXT],
            sent_at=moment_of(fields.get("sent_timestamp")),
            recipient=_recipient(fields, sender),
            message_id=_line(fields, "message_id"),
        ),
    )


def _recipient(fields: Mapping[str, Any], sender: str) -> str | None:
    """The phone's own number. Some versions put the sender there."""
    told = _line(fields, "sent_to")
    number: str | None = _NUMBER.deserialize(told) if told else None
    return None if number == sender else number


def _line(fields: Mapping[str, Any], name: str) -> str | None:
    return word(fields.get(name))
