"""What gateways post: heartbeats, registrations, received messages."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode

import orjson
from aiohttp import web
from aiohttp.http_parser import RawRequestMessage

from goip import rhythm
from goip.api.appkeys import ADDRESS_LIMIT, CONFIG, DEVICE_LIMIT, KEYRING, STORE, TOLD
from goip.api.bodies import BODY, read_body
from goip.api.callers import address_of, caller_address, shown_key
from goip.api.enrolling import record_or_enrol
from goip.api.middleware import REQUEST_ID, error_body, request_id_of
from goip.api.quick import Answer, Begin, answer_of, raise_refusal
from goip.api.tapping import about_owner_of
from goip.auth.credentials import key_in_headers
from goip.auth.gateways import Admission, admit, find_gateway_key
from goip.auth.principals import Principal
from goip.clock import to_iso
from goip.errors import Forbidden, GoipError, InvalidPayload, TooSlow
from goip.gateways.native.decode import decode_heartbeat, decode_register, decode_sms, decode_status
from goip.ingest import HeartbeatChange, HeartbeatOutcome, record_heartbeat, record_note_once, record_sms
from goip.models import DeliveryReport, Heartbeat
from goip.realtime.posts import BODY_WITHIN_SECONDS
from goip.store.keys import Key
from goip.store.writer import Waiter
from goip.wire import Json, dumps, phone_numbers
from goip.wirelog.exchange import about

_HEARTBEAT_PATH = "/api/device/heartbeat"
_MOST_AT_ONCE = 1_000
_MOST_FIELDS = 200
_MULTIPART = "multipart/form-data"
NATIVE_REPORT = "sms:status"
_FORMS = ("application/x-www-form-urlencoded", _MULTIPART)
"""How a form is sent; of a multipart one the wire log keeps the fields, as those of a plain form."""


@dataclass(slots=True)
class Visit:
    """One request of a gateway: key, address, and the devices of whose rate it has taken its part."""

    app: web.Application
    key: Key
    request_id: str
    address: str
    spent: set[str] = field(default_factory=set)


AnswerOne = Callable[[Visit, object], Awaitable[Json]]


async def heartbeat(request: web.Request) -> web.StreamResponse:
    """`POST /api/device/heartbeat`: one heartbeat, or an array of them."""
    return await _answer(request, _heartbeat)


def quick_heartbeats(app: web.Application) -> Begin:
    """The short way of `heartbeat`: for a known device that shows its key in a header and posts one of them in JSON."""
    store, keyring, proxies = app[STORE], app[KEYRING], app[CONFIG].trusted_proxies
    device_limit, address_limit = app[DEVICE_LIMIT], app[ADDRESS_LIMIT]

    def begin(
        message: RawRequestMessage, body: bytes, peer: str, waiter: Waiter[HeartbeatOutcome]
    ) -> Answer | None:
        headers = message.headers
        if message.path != _HEARTBEAT_PATH or message.method != "POST" or "Origin" in headers:
            return None
        content_type = headers.get("Content-Type", "")
        if content_type[:16].lower() != "application/json" or "Expect" in headers:
            return None
        try:
            key = find_gateway_key(keyring, key_in_headers(headers))
            beat = decode_heartbeat.at_once(body)
            if beat is None or admit(keyring, store.fleet, key, beat.device_id).device is None:
                return None
            address_limit.spend(caller_address(peer, headers, proxies))
            device_limit.spend(beat.device_id)
            store.tell(HeartbeatChange(beat, store.clock()), waiter)
        except GoipError:
            return None

        def answer(outcome: HeartbeatOutcome) -> bytes:
            return answer_of(dumps(_heartbeat_json(app, outcome, beat)), request_id_of(headers))

        return answer

    return begin


async def register(request: web.Request) -> web.StreamResponse:
    """`POST /api/device/register`: a heartbeat that asks for a key."""
    return await _answer(request, _register)


async def receive_sms(request: web.Request) -> web.StreamResponse:
    """`POST /api/sms/receive`: one received message, or an array of them."""
    return await _answer(request, _receive_sms)


async def sms_status(request: web.Request) -> web.StreamResponse:
    """`POST /api/sms/status`: what became of a message that a device sent, or an array of that."""
    return await _answer(request, _sms_status)


async def _answer(request: web.Request, answer: AnswerOne) -> web.StreamResponse:
    app = request.app
    app[ADDRESS_LIMIT].spend(address_of(request))
    key = find_gateway_key(app[KEYRING], shown_key(request))  # strangers' bodies are not read
    about_owner_of(app, key)
    raise_refusal(request)
    visit = Visit(app, key, request[REQUEST_ID], address_of(request))
    data = await _read(request)
    body = await _answer_each(visit, data, answer) if isinstance(data, list) else await answer(visit, data)
    return web.Response(body=dumps(body), content_type="application/json")


async def _answer_each(visit: Visit, items: list[Any], answer: AnswerOne) -> list[Json]:
    """An answer for each item; when one is to be sent again later, all are: then the whole is no 2xx."""
    if len(items) > _MOST_AT_ONCE:
        raise InvalidPayload(f"at most {_MOST_AT_ONCE} items at once", code="too_many_items")
    # All at once, so that they share commits; tasks begin in order, so they are recorded in order.
    answers = await asyncio.gather(*(answer(visit, item) for item in items), return_exceptions=True)
    return [_item_answer(visit, each) for each in answers]


def _item_answer(visit: Visit, answer: Json | BaseException) -> Json:
    if isinstance(answer, GoipError) and answer.retry_after_seconds is None:
        return {**error_body(answer, visit.request_id), "status": answer.status}
    if isinstance(answer, BaseException):
        raise answer
    return answer


async def _read(request: web.Request) -> object:
    """The body: a form, or JSON whatever its type is called: curl and some firmwares call JSON a form."""
    content_type = request.content_type
    if content_type == _MULTIPART:
        form = await _read_multipart(request)
        fields = {name: value for name, value in form.items() if isinstance(value, str)}
        request[BODY] = urlencode(fields, errors="replace").encode()  # for the wire log: nobody else asks
        return fields
    return parsed(content_type, await read_body(request))


def parsed(content_type: str, body: bytes) -> object:
    """What a body says: a form's fields, or JSON whatever its type is called. Raises InvalidPayload."""
    if content_type in _FORMS and body[:1] not in (b"{", b"["):
        return _form_fields(body)
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise InvalidPayload(f"the body is not valid JSON: {error}", code="invalid_json") from None


async def _read_multipart(request: web.Request) -> Mapping[str, object]:
    try:
        async with asyncio.timeout(BODY_WITHIN_SECONDS):
            return await request.post()
    except TimeoutError:
        raise TooSlow("the body did not arrive in time") from None
    except (ValueError, LookupError, AssertionError, RuntimeError) as error:
        # No boundary, no end, a charset that nobody knows: aiohttp has an exception of its own for each.
        raise InvalidPayload(f"the form cannot be read: {error}", code="invalid_form") from None


def _form_fields(body: bytes) -> dict[str, str]:
    try:
        pairs = parse_qsl(
            body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=_MOST_FIELDS
        )
    except ValueError:
        raise InvalidPayload(f"a form has at most {_MOST_FIELDS} fields", code="invalid_form") from None
    return dict(pairs)


async def _heartbeat(visit: Visit, data: object) -> Json:
    beat = decode_heartbeat(data)
    admission = _admit(visit, beat.device_id)
    outcome, key = await record_or_enrol(visit.app, beat, admission, visit.address)
    answer = _heartbeat_json(visit.app, outcome, beat)
    if key is not None:
        answer["deviceKey"] = key
    return answer


async def _register(visit: Visit, data: object) -> Json:
    beat = decode_register(data)
    admission = _admit(visit, beat.device_id)
    outcome, key = await record_or_enrol(visit.app, beat, admission, visit.address)
    device = outcome.device
    if key is None and admission.is_enrolling and not device.is_pending:
        # The first answer may have been lost: until the device uses a key of its own, it may ask again.
        key = await visit.app[KEYRING].rotate_device_key(device)
    numbers = phone_numbers(device)
    answer: Json = {
        "success": True,
        "message": _message(outcome),
        "isNewDevice": outcome.is_new,
        "phoneNumber": device.phone_number or (numbers[0] if numbers else None),
        "simSlotsCount": len(device.slots),
        "phoneNumbersStored": len(numbers),
    }
    if key is not None:
        answer["deviceKey"] = key
    if device.is_pending:
        answer["pending"] = True
    return answer


async def _receive_sms(visit: Visit, data: object) -> Json:
    told = decode_sms(data)
    _admit(visit, told.device_id)
    sms, is_repeat = await record_sms(visit.app[STORE], told)
    return {
        "success": True,
        "messageId": str(sms.id),
        "slotIndex": sms.slot_index,
        "carrierName": sms.carrier_name,
        "recipient": sms.recipient,
        "duplicate": is_repeat,
    }


async def _sms_status(visit: Visit, data: object) -> Json:
    report = decode_status(data)
    _admit(visit, report.device_id)
    return await _record_report(visit.app, report)


async def _record_report(app: web.Application, report: DeliveryReport) -> Json:
    """As a fact; what is reported in the same words within ten minutes is a repeat."""
    await record_note_once(app[STORE], report, app[TOLD], NATIVE_REPORT)
    return {"success": True, "messageId": report.reference}


def _admit(visit: Visit, device_id: str) -> Admission:
    """Let the gateway in; a request counts once against its device's rate, however many items it brings."""
    app = visit.app
    admission = admit(app[KEYRING], app[STORE].fleet, visit.key, device_id)
    about(device_id)
    if device_id not in visit.spent:
        app[DEVICE_LIMIT].spend(device_id)
        visit.spent.add(device_id)
    return admission


def _heartbeat_json(app: web.Application, outcome: HeartbeatOutcome, beat: Heartbeat) -> Json:
    device = outcome.device
    answer: Json = {
        "success": True,
        "message": _message(outcome),
        "isNewDevice": outcome.is_new,
        "simSlotsUpdated": len(beat.sim_slots or ()),
        "serverTime": to_iso(app[STORE].clock()),
        "nextHeartbeatSeconds": round(rhythm.expected_seconds(device)),
    }
    if device.is_pending:
        answer["pending"] = True
    return answer


def _message(outcome: HeartbeatOutcome) -> str:
    if outcome.device.is_pending:
        return "Device waits to be adopted by an operator"
    return "Device registered" if outcome.is_new else "Heartbeat recorded"


async def socket_heartbeat(app: web.Application, principal: Principal, data: object) -> Json:
    """`device:heartbeat`, the Socket.IO twin: the device authenticated itself before."""
    beat = decode_heartbeat(_of_device(principal, data))
    _must_be_own(app, principal, beat.device_id)
    outcome = await record_heartbeat(app[STORE], beat)
    return {"ok": True, **_heartbeat_json(app, outcome, beat)}


async def socket_sms_sent(app: web.Application, principal: Principal, data: object) -> Json:
    """`sms:sent`: a message is out; `status` is `sent` unless it is told."""
    told = _of_device(principal, data)
    return await socket_sms_status(
        app, principal, {"status": "sent", **told} if isinstance(told, dict) else told
    )


async def socket_sms_status(app: web.Application, principal: Principal, data: object) -> Json:
    """`sms:status`, the Socket.IO twin of `POST /api/sms/status`."""
    report = decode_status(_of_device(principal, data))
    _must_be_own(app, principal, report.device_id)
    return {"ok": True, **await _record_report(app, report)}


def _of_device(principal: Principal, data: object) -> object:
    """What a device says of itself, which need not name it."""
    if principal.kind != "device" or principal.device_id is None:
        raise Forbidden("authenticate as a device first", code="device_required")
    return {"deviceId": principal.device_id, **data} if isinstance(data, dict) else data


def _must_be_own(app: web.Application, principal: Principal, device_id: str) -> None:
    if device_id != principal.device_id:
        raise Forbidden("a device may post for itself only", code="wrong_device")
    app[DEVICE_LIMIT].spend(device_id)
