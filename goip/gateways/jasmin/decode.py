"""What Jasmin's pushes mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from goip.errors import InvalidPayload
from goip.fields import LONGEST_WORD, storable, without_controls, word
from goip.gateways import Push
from goip.gateways.forms import form_of, need_device, need_text
from goip.models import DeliveryReport, InboundSms, Told

_UCS2 = "8"
_LONGEST_TEXT = 10_000


def decode(push: Push) -> Sequence[Told]:
    """A received message, or a delivery report. The connector names the device where the address does not."""
    form = form_of(push)
    device_id = need_device(push, form.get("origin-connector") or form.get("connector"))
    if "message_status" in form:
        return (_report(device_id, form),)
    return (
        InboundSms(
            device_id=device_id,
            sender=without_controls(need_text(form, "from"))[:LONGEST_WORD],
            message=storable(_text(form))[:_LONGEST_TEXT],
            recipient=word(form.get("to")),
            message_id=_id(form),
        ),
    )


def _id(form: Mapping[str, str]) -> str | None:
    """What names the message, where it is no blank: those without a name are not each other's repeats."""
    return without_controls(need_text(form, "id"))[:LONGEST_WORD] or None


def _text(form: Mapping[str, str]) -> str:
    """The text; of UCS-2 the bytes, which cannot have been spoilt on the way."""
    if form.get("coding") == _UCS2 and form.get("binary"):
        try:
            return bytes.fromhex(form["binary"]).decode("utf-16-be", "replace")
        except ValueError:
            raise InvalidPayload("binary is not hex", fields={"binary": ["Not hex."]}) from None
    return need_text(form, "content")


def _report(device_id: str, form: Mapping[str, str]) -> DeliveryReport:
    return DeliveryReport(
        device_id=device_id,
        reference=_id(form),
        status=without_controls(form["message_status"])[:LONGEST_WORD],
    )
