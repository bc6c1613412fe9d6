"""What an Ejoin box says of messages: received, delivered, sent, not sent."""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from goip.errors import InvalidPayload
from goip.fields import storable, word
from goip.gateways.ejoin.values import (
    LONGEST_TEXT,
    names_a_slot,
    slot_index,
    time_of_scts,
    whole,
)
from goip.gateways.forms import moment_of
from goip.models import DeliveryReport, InboundSms

_REPORT = 1
_MOST_STATUS = 255
_COLUMNS = 6
_PADDING = "\0\ufeff"
_LINE_ENDS = dict.fromkeys(map(ord, "\r\n"))

_BLOCK = re.compile(r"((?:[A-Za-z][A-Za-z ]{0,30}:[^\r\n]*\r?\n)+)[ \t]*\r?\n(.*)", re.S)
_KNOWN = frozenset({"receiver", "smsc", "scts", "slot"})
_RECEIVER = re.compile(r'"([^"]*)"(.*)')
_STATUS = re.compile(r"\s*([0-9]{1,3})(?:\s|\Z)")


class Block(NamedTuple):
    """A message as the box writes it out: lines that say where it is from, a blank one, the text."""

    headers: Mapping[str, str]
    text: str

    @property
    def port(self) -> str | None:
        """The port in the receiver's quotes."""
        found = _RECEIVER.match(self.headers.get("receiver", ""))
        return word(found[1]) if found else None

    @property
    def recipient(self) -> str | None:
        """The number behind the port; boxes that do not know it tell the port alone."""
        told = self.headers.get("receiver", "")
        found = _RECEIVER.match(told)
        return word(found[2] if found else told)


def block_of(text: str) -> Block:
    """The block that a text is; a text that is none has no headers.

    Somebody may write a text that begins with `Sender:`, so one known header more makes a block.
    """
    found = _BLOCK.fullmatch(text)
    if found is not None:
        lines = (line.partition(":") for line in found[1].splitlines())
        headers = {name.strip().lower(): value.strip() for name, _, value in lines}
        if "sender" in headers and not _KNOWN.isdisjoint(headers):
            return Block(headers, found[2])
    return Block({}, text)


def received(device_id: str, rows: Any) -> Sequence[InboundSms | DeliveryReport]:
    """The rows of `recv-sms`: `[flag, port, epoch, sender, recipient, content, …]`; flag 1 is a delivery report.

    A row that cannot be made out does not cost its neighbours; where there is no other, InvalidPayload.
    """
    if not isinstance(rows, list):
        raise InvalidPayload("sms must be an array", fields={"sms": ["Must be an array."]})
    told = [_row(device_id, row) for row in rows]
    readable = [each for each in told if each is not None]
    if told and not readable:
        raise InvalidPayload(
            "sms must hold rows of flag, port, time, sender, recipient and content",
            fields={"sms": ["Not a single row can be made out."]},
        )
    return readable


def forwarded(device_id: str, text: str, query: Mapping[str, str]) -> InboundSms:
    """A message of the "SMS to HTTP" setting: a block, and in the query `port` and `sender`.

    It has no time but the SMS centre's; where that is none, it still tells repeats apart for a while.
    Raises InvalidPayload without a sender.
    """
    block = block_of(text)
    sender = word(block.headers.get("sender")) or word(query.get("sender"))
    if sender is None:
        raise InvalidPayload("sender is required", fields={"sender": ["Is required."]})
    scts = word(block.headers.get("scts"))
    centre_at = time_of_scts(scts) if scts else None
    return InboundSms(
        device_id=device_id,
        sender=sender,
        message=_text(block),
        centre_at=centre_at,
        recipient=block.recipient,
        slot_index=_slot_index(word(query.get("port")), block),
        sending_id=scts if centre_at is None else None,
    )


def reported(device_id: str, reports: Any) -> Sequence[DeliveryReport]:
    """The `rpts` of `status-report`: what became of the messages of each task, by recipient."""
    found: list[DeliveryReport] = []
    for report in reports if isinstance(reports, list) else ():
        if isinstance(report, dict):
            reference = word(report.get("tid"))
            found += _outcomes(device_id, reference, report.get("sdr"), "sent")
            found += _outcomes(device_id, reference, report.get("fdr"), "failed")
    return found


def _outcomes(device_id: str, reference: str | None, rows: Any, outcome: str) -> Iterator[DeliveryReport]:
    """Rows of `[which, number, port, epoch]`, and of a failure its reasons: the device's, the carrier's."""
    for row in rows if isinstance(rows, list) else ():
        if not isinstance(row, list) or len(row) < 4:
            continue
        reasons = [reason for reason in map(word, row[4:6]) if reason]
        yield DeliveryReport(
            device_id=device_id,
            reference=reference,
            status=": ".join([outcome, *reasons]),
            recipient=word(row[1]),
            slot_index=slot_index(row[2]),
            sent_at=moment_of(row[3]),
        )


def _row(device_id: str, row: Any) -> InboundSms | DeliveryReport | None:
    if not isinstance(row, list) or len(row) < _COLUMNS or not isinstance(row[5], str):
        return None
    flag, port, at, sender, recipient, content = row[:_COLUMNS]
    block = block_of(_plain(content))
    if whole(flag) == _REPORT:
        return _delivery(device_id, row, block)
    from_whom = word(sender) or word(block.headers.get("sender"))
    if from_whom is None:
        return None
    centre_at = time_of_scts(block.headers.get("scts", ""))
    return InboundSms(
        device_id=device_id,
        sender=from_whom,
        message=_text(block),
        sent_at=moment_of(at),
        centre_at=centre_at,
        recipient=word(recipient) or block.recipient,
        slot_index=_slot_index(word(port), block),
    )


def _plain(content: str) -> str:
    """The text behind base64; what is no base64 is the text."""
    packed = content.translate(_LINE_ENDS).rstrip("=")
    try:
        unpacked = b64decode(packed + "=" * (-len(packed) % 4), validate=True)
    except ValueError:
        return content
    return unpacked.decode("utf-8", "replace").strip(_PADDING)


def _text(block: Block) -> str:
    return storable(block.text)[:LONGEST_TEXT]


def _slot_index(port: str | None, block: Block) -> int | None:
    """Of the two ports that the box tells, the one that names its slot."""
    ports = [each for each in (port, block.port) if each is not None and slot_index(each) is not None]
    ports.sort(key=names_a_slot, reverse=True)
    return slot_index(ports[0], (block.headers.get("slot") or "").strip('"')) if ports else None


def _delivery(device_id: str, row: list[Any], block: Block) -> DeliveryReport:
    """A delivery report; its content, `"0 250820064536A8"`, comes plain, where a text comes in base64."""
    _, port, at, _, recipient, content = row[:_COLUMNS]
    status = content if _STATUS.match(content) else block.text
    found = _STATUS.match(status)
    code = int(found[1]) if found else None
    return DeliveryReport(
        device_id=device_id,
        status_code=code if code is not None and code <= _MOST_STATUS else None,
        status=word(status),
        recipient=word(recipient),
        slot_index=slot_index(port),
        sent_at=moment_of(at),
    )
