"""The datagrams of a GoIP box, read and written; the vendor's paper on it is called "GOIP SMS Interface".

Plain text, one message a datagram. `req:3;id:…;pass:…;num:…;` is the keepalive of one line, `VERB:7;id:…;…` an
event; both want an answer, without which an event comes again every 3 s, three times. A pair is parted at its
first colon, since values hold more of them. `VERB 7 …` is what a line answers to something that we asked.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

KEEPALIVE = "REQ"
RECEIVE = "RECEIVE"
USSN = "USSN"
NEVER_ANSWERED = frozenset({"GSM", "AT"})
"""The answer to a question of ours, and the trace of a modem: look like events, and want no answer."""

_HEAD = re.compile(r"([A-Za-z][A-Za-z_]{0,31}):(-?[0-9]{1,20})(?:;|\Z)")
"""The verb and its number, which comes from the box's clock and may be small, huge or negative."""
_REPLY = re.compile(
    r"(PASSWORD|SEND|WAIT|OK|ERROR|DONE|USSD|USSDERROR|USSDEXIT|(?:get|svr)_[a-z_]{1,32}) ([0-9]{1,10})"
    r"(?:[ \r\n]+(.*))?",
    re.S,
)
_PADDING = "\r\n\0"
_MESSAGE = ";msg:"
_ABSENT = frozenset({"", "(null)", "<NULL>"})


class Packet(NamedTuple):
    """One datagram of a line: what it is, its number, which an answer repeats, and what it says."""

    verb: str
    number: str
    fields: Mapping[str, str]

    @property
    def kind(self) -> str:
        """The verb in capitals; answers repeat it as it came."""
        return self.verb.upper()

    @property
    def line_id(self) -> str:
        """The id of the line, as it stands in the box's form."""
        return self.fields.get("id", "")

    @property
    def password(self) -> str:
        """What the line shows: `pass` in keepalives, `password` in events."""
        return self.fields.get("password") or self.fields.get("pass", "")

    def told(self, name: str) -> str | None:
        """The value of a field, None where the box has nothing to say."""
        return or_none(self.fields.get(name, ""))


class Reply(NamedTuple):
    """One datagram of a line that answers what we asked under that id."""

    verb: str
    send_id: int
    rest: str


def or_none(value: str) -> str | None:
    """The value, trimmed; None for what boxes send in the place of one that is not there."""
    value = value.strip()
    return None if value in _ABSENT else value


def parse(datagram: bytes) -> Packet | None:
    """The packet of a datagram, None for what a box does not send of its own accord."""
    text = _text(datagram)
    head = _HEAD.match(text)
    if head is None:
        return None
    verb, number = head.groups()
    rest, has_message, message = text[head.end() :], "", ""
    if verb.upper() in (RECEIVE, USSN):
        # The message is last, unescaped, and may hold anything: line breaks and semicolons, too.
        rest, has_message, message = (";" + rest).partition(_MESSAGE)
    fields = _fields(rest)
    if has_message:
        fields["msg"] = message
    return Packet(verb, number, fields)


def parse_reply(datagram: bytes) -> Reply | None:
    """The reply in a datagram, None where it is none."""
    found = _REPLY.fullmatch(_text(datagram))
    if found is None:
        return None
    verb, send_id, rest = found.groups()
    return Reply(verb, int(send_id), rest or "")


def _text(datagram: bytes) -> str:
    return datagram.decode("utf-8", "replace").strip(_PADDING)


def _fields(text: str) -> dict[str, str]:
    fields = {}
    for pair in text.split(";"):
        name, colon, value = pair.partition(":")
        if colon:
            fields[name.strip()] = value
    return fields


def accept(packet: Packet) -> bytes:
    """The answer to a packet that is on disk."""
    if packet.kind == KEEPALIVE:
        return f"reg:{packet.number};status:200;".encode()
    return f"{packet.verb} {packet.number} OK\n".encode()


def refuse(packet: Packet, reason: str) -> bytes:
    """The answer to a packet that is not taken, such as one with a wrong password."""
    if packet.kind == KEEPALIVE:
        return f"reg:{packet.number};status:404;".encode()
    return f"{packet.verb} {packet.number} ERROR {reason}\n".encode()
