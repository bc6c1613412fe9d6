"""The older boxes' frames, read and written, and what they mean. Pure: no socket, no clock.

The maker's "Dinstar SMS API", versions 1 and 2. A frame is a head of 24 bytes, whose numbers have their high byte
first, and a body: length of the body, MAC and two zeros, time and serial number (which an answer repeats), type, flag.
A type is answered by the next one, with a byte in its body that is 0 for yes.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import Any, NamedTuple

from goip.clock import parse_wall_clock
from goip.errors import InvalidPayload
from goip.fields import storable, without_controls
from goip.gateways.dinstar.values import LONGEST_TEXT, LONGEST_WORD, NOBODY, signal_of
from goip.gateways.gsm import decode_double, decode_hex, decode_single
from goip.models import DeliveryReport, Heartbeat, InboundSms, SimSlot, Told, Ussd

KEEPALIVE, SMS_RESULT, SMS, PORTS, USSD, SIGNALS, LOGIN, CALL = 0, 3, 5, 7, 11, 13, 15, 515

INTERVAL_SECONDS = 60
"""Both sides send a keepalive every 45 s, or so."""

_ANSWERED = frozenset({SMS_RESULT, SMS, PORTS, USSD, SIGNALS, LOGIN, CALL})
_HEAD = struct.Struct(">I6s2xIIHH")
HEAD_BYTES = _HEAD.size
_SMS_HEAD = struct.Struct(">24sBB15sbBH")
_RESULT_BODY = struct.Struct(">B24sBBBB")
_USSD_HEAD = struct.Struct(">BBHB")
_LOGIN_BODY = struct.Struct(">16s16s")
_LONGEST_BODY = 8_192
_DOUBLE = 1
_MORE_IS_ASKED = 1

_PORT_STATUS = {0: "registered", 1: "no sim", 2: "searching", 3: "error"}
_RESULTS = {
    0: "sent",
    1: "failed",
    2: "timed out",
    3: "bad request",
    4: "port unavailable",
    5: "sent in part",
}
_USSD_ENDS = {2: "ended by the network", 4: "not supported"}


class Frame(NamedTuple):
    """One frame of a box; `at` and `serial` name it, and `head` is its head as it came, empty where it is ours."""

    mac: bytes
    at: int
    serial: int
    kind: int
    body: bytes = b""
    head: bytes = b""

    @property
    def device_id(self) -> str:
        """The MAC as it stands on the box, which names the device: `aa-bb-cc-dd-ee-ff`."""
        return self.mac.hex("-")

    @property
    def name(self) -> str:
        """What an answer to it repeats, as one word."""
        return f"{self.at}-{self.serial}"


class Framing:
    """Frames out of whatever pieces a connection delivers."""

    def __init__(self) -> None:
        self._waiting = bytearray()

    @property
    def rest(self) -> bytes:
        """What came and is no whole frame."""
        return bytes(self._waiting)

    def feed(self, data: bytes) -> Iterator[Frame]:
        """The frames that are whole now. Raises InvalidPayload where a length says that this is no box."""
        self._waiting += data
        while len(self._waiting) >= _HEAD.size:
            length, mac, at, serial, kind, _flag = _HEAD.unpack_from(self._waiting)
            if length > _LONGEST_BODY:
                raise InvalidPayload(f"a body of {length} bytes is none of a box's")
            end = _HEAD.size + length
            if len(self._waiting) < end:
                return
            head, body = bytes(self._waiting[: _HEAD.size]), bytes(self._waiting[_HEAD.size : end])
            del self._waiting[:end]
            yield Frame(mac, at, serial, kind, body, head)


def encode(frame: Frame) -> bytes:
    """The frame as it goes over the wire."""
    return _HEAD.pack(len(frame.body), frame.mac, frame.at, frame.serial, frame.kind, 0) + frame.body


def answer(frame: Frame, *, is_taken: bool) -> bytes | None:
    """The answer to a frame, None for a kind that has none, or none that we know."""
    if frame.kind not in _ANSWERED:
        return None
    return encode(frame._replace(kind=frame.kind + 1, body=b"\0" if is_taken else b"\1"))


class Credentials(NamedTuple):
    """What a box logs in with: two fields of its form, 16 bytes each."""

    user: str
    password: str


def credentials_of(frame: Frame) -> Credentials:
    """The user and the password. Raises InvalidPayload."""
    user, password = _unpack(_LOGIN_BODY, frame.body, "login")
    return Credentials(_padless(user), _padless(password))


class Ports(NamedTuple):
    """What a box has told of its ports: it tells states and signals apart, each a byte a port."""

    states: bytes = b""
    signals: bytes = b""

    def after(self, frame: Frame) -> Ports:
        """What is known with one more frame. Raises InvalidPayload."""
        if frame.kind == PORTS:
            return self._replace(states=_by_port(frame.body))
        if frame.kind == SIGNALS:
            return self._replace(signals=_by_port(frame.body))
        return self

    def slots(self) -> tuple[SimSlot, ...]:
        """All ports, from 0."""
        told = zip_longest(self.states, self.signals)
        return tuple(_slot(index, state, signal) for index, (state, signal) in enumerate(told))


def told_of(frame: Frame, ports: Ports) -> Sequence[Told]:
    """What a frame tells, where `ports` are as they are with it. Raises InvalidPayload."""
    if frame.kind == SMS:
        return (_sms(frame),)
    if frame.kind == SMS_RESULT:
        return (_result(frame),)
    if frame.kind == USSD:
        return (_ussd(frame),)
    slots = ports.slots() if frame.kind in (PORTS, SIGNALS) else ()
    return (Heartbeat(frame.device_id, sim_slots=slots or None, interval_seconds=INTERVAL_SECONDS),)


def _slot(index: int, state: int | None, signal: int | None) -> SimSlot:
    return SimSlot(
        index,
        signal_strength=signal_of(signal),
        status=None if state is None else _PORT_STATUS.get(state),
        raw_status=None if state is None else str(state),
    )


def _sms(frame: Frame) -> InboundSms:
    """A received message. Its time is a part of its name, and a wall clock: in what unit its zone is, no paper says."""
    head = _unpack(_SMS_HEAD, frame.body, "message")
    number, _is_mms, port, time, zone, encoding, length = head
    content = _content(frame.body[_SMS_HEAD.size :], length, "message")
    text = decode_double(content) if encoding == _DOUBLE else decode_single(content)
    sender, at = _padless(number), _padless(time)
    digest = hashlib.sha256(content).hexdigest()[:32]
    return InboundSms(
        device_id=frame.device_id,
        sender=sender or NOBODY,
        message=storable(text)[:LONGEST_TEXT],
        slot_index=port,
        message_id=f"{at}:{zone}:{port}:{sender}:{digest}" if at else None,
        sending_id=None if at else frame.name,
        wall_clock=parse_wall_clock(at) if at else None,
    )


def _result(frame: Frame) -> DeliveryReport:
    _n_numbers, number, port, result, _n_parts, _n_sent = _unpack(_RESULT_BODY, frame.body, "result")
    return DeliveryReport(
        device_id=frame.device_id,
        reference=frame.name,
        status=_RESULTS.get(result, f"error {result}"),
        recipient=_padless(number) or None,
        slot_index=port,
    )


def _ussd(frame: Frame) -> Ussd:
    port, status, length, encoding = _unpack(_USSD_HEAD, frame.body, "USSD text")
    content = _content(frame.body[_USSD_HEAD.size :], length, "USSD text")
    if encoding == _DOUBLE:
        text = decode_double(content)
    else:
        in_hex = decode_hex(content)
        text = decode_single(content) if in_hex is None else in_hex
    return Ussd(
        device_id=frame.device_id,
        text=storable(text)[:LONGEST_TEXT] or _USSD_ENDS.get(status, ""),
        slot_index=port,
        is_final=status != _MORE_IS_ASKED,
    )


def _by_port(body: bytes) -> bytes:
    if not body:
        raise InvalidPayload("the number of ports is missing")
    return _content(body[1:], body[0], "list of ports")


def _unpack(form: struct.Struct, body: bytes, what: str) -> tuple[Any, ...]:
    if len(body) < form.size:
        raise InvalidPayload(f"the {what} is cut off")
    return form.unpack_from(body)


def _content(rest: bytes, length: int, what: str) -> bytes:
    if len(rest) < length:
        raise InvalidPayload(f"the {what} is cut off")
    return rest[:length]


def _padless(field: bytes) -> str:
    """A field of fixed width as text, without what fills it up."""
    text = field.partition(b"\0")[0].decode("utf-8", "replace")
    return without_controls(text)[:LONGEST_WORD]
