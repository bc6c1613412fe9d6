"""What is done with one input of a fuzzer, by the name of a decoder: it is decoded and held to what decoders promise.

An input is what a gateway sends: the datagram, the bytes of a connection, the body. Of an HTTP request it is
`METHOD path?query`, a line for each header, a blank line and the body; of a publication the topic, on a line of its
own, and the payload.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import orjson
from marshmallow import Schema, ValidationError
from multidict import CIMultiDict

from goip.api.gateway import parsed
from goip.api.replaying import told_json
from goip.errors import GoipError, InvalidPayload
from goip.fields import Identifier, length
from goip.gateways import HttpMake, Push
from goip.gateways.dbl.causes import cause_of
from goip.gateways.dbl.events import call_change, news_of
from goip.gateways.dbl.packets import accept, parse, parse_reply, refuse
from goip.gateways.dbl.replaying import told_by_datagram
from goip.gateways.dinstar import binary
from goip.gateways.dinstar.asking import decode_port_info, decode_send_answer
from goip.gateways.dinstar.replaying import head_of, kept_of, told_by_frame
from goip.gateways.dinstar.results import decode_result
from goip.gateways.dinstar.stored import decode_received
from goip.gateways.ejoin.encode import decode_answer
from goip.gateways.ejoin.status import decode_status
from goip.gateways.ejoin.stored import decode_stored
from goip.gateways.forms import json_of
from goip.gateways.mqtt.decode import Departure, address_of, told_by
from goip.gateways.native.decode import Decoder, decode_heartbeat, decode_register, decode_sms
from goip.gateways.native.schemas import HeartbeatSchema, RegisterSchema, SmsReceiveSchema
from goip.gateways.registry import HTTP_MAKES
from goip.gateways.yeastar.ami import Block, Splitter
from goip.gateways.yeastar.decode import part_of, report_of, slot_of, sms_of, spans_of
from goip.gateways.yeastar.parts import Parts
from goip.gateways.yeastar.tap import told_by_block
from goip.models import Device, SimSlot, Told
from goip.validation import Fast, take_one
from tests.gateways import posting
from tests.gateways.phone_pushes import check_survives
from tests.gateways.posting import NOW, check_told

Target = Callable[[bytes], None]

_USER_ID = 7
"""Of the message that a box is asked about."""
_FORM = "application/x-www-form-urlencoded"
_DEVICE_ID = Identifier(validate=length(1, 128))
_KNOWN_LINE = Device(
    1,
    "goip-1",
    registered_at=0,
    device_status="IDLE",
    slots=(SimSlot(0, status="registered", raw_status="gsm_status:LOGIN;voip_state:IDLE"),),
)


def input_of(asked: Push) -> bytes:
    """The input that stands for a request."""
    query = f"?{asked.raw_query}" if asked.raw_query else ""
    lines = [f"{asked.method} {asked.path}{query}", *(f"{name}: {of}" for name, of in asked.headers.items())]
    return "\n".join(lines).encode("utf-8", "replace") + b"\n\n" + asked.body


def request_of(data: bytes) -> Push:
    """The request that an input stands for. aiohttp leaves bytes of a header that are no UTF-8 as half surrogates."""
    head, _, body = data.partition(b"\n\n")
    first, *lines = head.split(b"\n")
    method, _, target = first.decode("utf-8", "replace").partition(" ")
    path, _, query = target.partition("?")
    headers: CIMultiDict[str] = CIMultiDict()
    for line in lines:
        name, _, value = line.decode("utf-8", "surrogateescape").partition(": ")
        headers.add(name, value)
    return posting.push(body, query=query, headers=headers, path=path)._replace(method=method)


def _http(make: HttpMake) -> Target:
    def decode(asked: Push) -> Sequence[Told]:
        """As `api.inbound` does: ids that no device has are refused there."""
        told = make.decode(asked)
        for item in told:
            take_one(_DEVICE_ID, item.device_id, "deviceId")
        return told

    def attempt(data: bytes) -> None:
        asked = request_of(data)
        for device_id in (None, "mine"):
            check_survives(make._replace(decode=decode), asked._replace(device_id=device_id))

    return attempt


def _ejoin(data: bytes) -> None:
    """Its pushes, and what it answers when it is asked."""
    _http(HTTP_MAKES["ejoin"])(data)
    body = request_of(data).body
    check_told(lambda: decode_stored(body, "box").told)
    check_told(lambda: decode_answer(body))
    check_told(lambda: [decode_status("box", body)])


def _dinstar_answers(body: bytes) -> None:
    """What a newer box answers when it is asked."""
    check_told(lambda: [decode_send_answer(body)])
    check_told(lambda: [decode_port_info("box", body)])
    check_told(lambda: [each.sms for each in decode_received("box", body) if each.sms is not None])
    check_told(lambda: [decode_result(body, _USER_ID).outcome or ()])


def _native(decode: Decoder[Any], schema: Schema) -> Target:
    fast = Fast(schema)

    def attempt(data: bytes) -> None:
        try:
            told = json_of(data)
        except InvalidPayload:
            assert decode.at_once(data) is None
        else:
            _check_twins([decode.at_once(data), fast.of(told)], schema, told)
        check_told(lambda: [decode(parsed("application/json", data))])
        check_told(lambda: [decode(parsed(_FORM, data))])

    return attempt


def _check_twins(quick: Sequence[Any], schema: Schema, told: Any) -> None:
    """What the fast path answers, and be it None, is what the schema makes of it."""
    answers = [_exactly(answer) for answer in quick if answer is not None]
    if not answers:
        return
    try:
        thorough = _exactly(schema.load(told))
    except ValidationError as refusal:
        raise AssertionError(f"the fast path takes what the schema refuses: {refusal}") from None
    assert answers == [thorough] * len(answers)


def _exactly(told: Any) -> bytes:
    """Two are the same when not only their values are, but their types too."""
    return orjson.dumps(told_json(told), option=orjson.OPT_SORT_KEYS)


def _dbl(datagram: bytes) -> None:
    check_told(lambda: told_by_datagram(datagram))
    reply, packet = parse_reply(datagram), parse(datagram)
    if reply is not None:
        cause_of(reply.rest)[0].encode()
    if packet is None:
        return
    assert accept(packet)
    assert refuse(packet, "unknown")
    check_told(lambda: call_change(packet, _KNOWN_LINE))
    check_told(lambda: [each for each in _flat(news_of(packet, _KNOWN_LINE)) if each is not None])


def _flat(news: Any) -> list[Any]:
    return [news.beat, *news.notes]


def _dinstar_binary(data: bytes) -> None:
    frames = _frames([data])
    half = len(data) // 2
    assert _frames([data[:half], data[half:]]) == frames
    ports = binary.Ports()
    for frame in frames:
        known = ports
        check_told(lambda frame=frame, known=known: binary.told_of(frame, known.after(frame)))
        check_told(lambda frame=frame: [binary.credentials_of(frame)])
        assert head_of(frame).encode()
        assert len(kept_of(frame)) == binary.HEAD_BYTES + len(frame.body)
        answer = binary.answer(frame, is_taken=True)
        assert answer is None or [*binary.Framing().feed(answer)]
        ports = _after(ports, frame)
    check_told(lambda: told_by_frame(data))


def _frames(pieces: Sequence[bytes]) -> list[binary.Frame]:
    """Those before the place, if there is one, from where it is no box."""
    framing, frames = binary.Framing(), []
    try:
        for piece in pieces:
            for frame in framing.feed(piece):
                frames.append(frame)
    except InvalidPayload:
        pass
    return frames


def _after(ports: binary.Ports, frame: binary.Frame) -> binary.Ports:
    try:
        return ports.after(frame)
    except InvalidPayload:
        return ports


def _yeastar(data: bytes) -> None:
    blocks, half = Splitter().feed(data), len(data) // 2
    splitter = Splitter()
    assert splitter.feed(data[:half]) + splitter.feed(data[half:]) == blocks
    parts = Parts()
    for block in blocks:
        spans = spans_of(block.lines)
        slots = [slot_of(span, status, block.lines) for span, status in [*spans.items()][:4]]
        check_told(lambda slots=slots: slots)
        check_told(lambda block=block: [report_of("box", block)])
        check_told(lambda block=block: _messages(block, parts))
    check_told(lambda: [sms_of("box", part) for part in parts.rest()])
    check_told(lambda: told_by_block("box", data))


def _messages(block: Block, parts: Parts) -> list[Any]:
    return [sms_of("box", part) for part in parts.add(part_of(block), NOW)]


def _mqtt(data: bytes) -> None:
    topic, _, payload = data.partition(b"\n")

    def tell() -> list[Any]:
        told = told_by(address_of(topic.decode("utf-8", "replace")), payload)
        return [] if isinstance(told, Departure) else [told]

    check_told(tell, refusals=(GoipError,))


DECODERS: Mapping[str, Target] = {
    "native-heartbeat": _native(decode_heartbeat, HeartbeatSchema()),
    "native-register": _native(decode_register, RegisterSchema()),
    "native-sms": _native(decode_sms, SmsReceiveSchema()),
    "dbl": _dbl,
    "dinstar-binary": _dinstar_binary,
    "dinstar-answers": _dinstar_answers,
    "yeastar": _yeastar,
    "mqtt": _mqtt,
    **{name: _http(make) for name, make in HTTP_MAKES.items()},
    "ejoin": _ejoin,
}
"""By name; a make that posts over HTTP is here because it is in the registry."""
