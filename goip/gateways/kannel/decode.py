"""What Kannel's calls mean: parameters of a `get-url`, or the headers and the raw body of a `post-url`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from urllib.parse import unquote_to_bytes

from goip.clock import parse_time
from goip.errors import InvalidPayload
from goip.fields import storable, word
from goip.gateways import Push
from goip.gateways.forms import form_of, need_device
from goip.models import DeliveryReport, InboundSms, Told

_STATUSES = {
    1: "delivered",
    2: "undelivered",
    4: "queued",
    8: "accepted",
    16: "rejected",
    32: "intermediate",
}
"""What `%d` says of a sent message; of a received one it is no number above 0."""
_HEADERS = {"from": "X-Kannel-From", "to": "X-Kannel-To", "time": "X-Kannel-Time", "smsc": "X-Kannel-SMSC"}
_LATIN = frozenset({"iso-8859-1", "iso-8859-15", "latin1", "windows-1252"})
_UTF_16 = ("utf-16", "utf16", "ucs2", "ucs-2")
_CHARSET = re.compile(r"charset=\"?([\w.:-]+)", re.IGNORECASE)
_LONGEST_TEXT = 10_000


def decode(push: Push) -> Sequence[Told]:
    """A received message, or a delivery report. The connection (`smsc`) names the device where nothing else does.

    Raises InvalidPayload without a sender or a text.
    """
    fields = _fields(push)
    device_id = need_device(push, _line(fields, "smsc"))
    status = _status(fields.get("dlr", ""))
    if status is not None:
        return (DeliveryReport(device_id, _line(fields, "id"), status=status, recipient=_line(fields, "to")),)
    sender = _line(fields, "from")
    if sender is None:
        raise InvalidPayload("from is required", fields={"from": ["Is required."]})
    return (
        InboundSms(
            device_id=device_id,
            sender=sender,
            message=storable(_text(push, fields))[:_LONGEST_TEXT],
            sent_at=_sent_at(fields.get("time", "")),
            recipient=_line(fields, "to"),
            message_id=_line(fields, "id"),
        ),
    )


def _fields(push: Push) -> dict[str, str]:
    headers = {name: push.headers[header] for name, header in _HEADERS.items() if header in push.headers}
    is_form = "form-urlencoded" in push.headers.get("Content-Type", "")
    return {**headers, **(form_of(push) if is_form else push.query)}


def _line(fields: Mapping[str, str], name: str) -> str | None:
    return word(fields.get(name))


def _status(dlr: str) -> str | None:
    if not dlr.isascii() or not dlr.isdigit() or len(dlr) > 4 or int(dlr) == 0:
        return None
    return _STATUSES.get(int(dlr), dlr)


def _sent_at(time: str) -> int | None:
    """`%T`, or `%t`, which is UTC."""
    try:
        return parse_time(time) or None
    except (ValueError, OverflowError):
        return None


def _text(push: Push, fields: Mapping[str, str]) -> str:
    """The text in the charset that Kannel tells. Raises InvalidPayload where there is none."""
    content_type = push.headers.get("Content-Type", "")
    if "text" in fields:
        charset = fields.get("charset", "")
        raw = _raw_text(push.raw_query) if charset.lower().startswith(_UTF_16) else None
        return fields["text"] if raw is None else _decoded(raw, charset)
    if not content_type.startswith(("text/plain", "application/octet-stream")):
        raise InvalidPayload("text is required", fields={"text": ["Is required."]})
    told = _CHARSET.search(content_type)
    return _decoded(push.body, told[1] if told else "utf-8")


def _raw_text(query: str) -> bytes | None:
    """The bytes of the parameter: those of UTF-16 do not live through being read as UTF-8."""
    pairs = (pair.partition("=") for pair in query.split("&"))
    return next(
        (unquote_to_bytes(value.replace("+", " ")) for name, _, value in pairs if name == "text"), None
    )


def _decoded(body: bytes, charset: str) -> str:
    if charset.lower().startswith(_UTF_16):
        return body.decode("utf-16-be", "replace")
    return body.decode(charset if charset.lower() in _LATIN else "utf-8", "replace")
