"""`/in/{make}/{key}`: what gateways of other makes push over HTTP, each in its own language.

What is told is on disk before the gateway has its reply. An unknown device with the enrolment key is registered by
whatever it says first; and whatever a device says proves that it is alive.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from aiohttp import web

from goip.api.appkeys import ADDRESS_LIMIT, DEVICE_LIMIT, KEYRING, STORE, TOLD
from goip.api.bodies import BODY, read_body
from goip.api.callers import address_of
from goip.api.enrolling import record_or_enrol
from goip.api.tapping import about_owner_of
from goip.auth.gateways import admit, find_gateway_key
from goip.digest import digest_of
from goip.errors import (
    Forbidden,
    GoipError,
    InvalidPayload,
    NotFound,
    TooManyRequests,
    TooSlow,
    Unauthorized,
    Unavailable,
)
from goip.fields import Identifier, length
from goip.gateways import HttpMake, Push
from goip.gateways.registry import HTTP_MAKES
from goip.ingest import record_note_once, record_sms
from goip.models import Heartbeat, InboundSms, Note, Told
from goip.store.fleet import Fleet
from goip.store.keys import Key
from goip.validation import take_one
from goip.wirelog.exchange import about

_MOST_AT_ONCE = 1_000
_TRY_AGAIN_SECONDS = 60
_NOT_YET = (Forbidden, TooManyRequests, TooSlow, Unauthorized, web.HTTPRequestEntityTooLarge)
"""Refusals that time, a limit or an operator may lift: what was pushed may be stored one day."""
_DEVICE_ID = Identifier(validate=length(1, 128))


async def push(request: web.Request) -> web.Response:
    """`/in/{make}/{key}`, and `/in/{make}/{key}/{path}`: whatever that make has to tell."""
    make = HTTP_MAKES.get(request.match_info["make"])
    try:
        request.app[ADDRESS_LIMIT].spend(address_of(request))
        return await _take(request, make)
    except _NOT_YET as refusal:
        if make is None or not make.is_final(_path_of(request)):
            raise
        raise _later(refusal) from None


async def _take(request: web.Request, make: HttpMake | None) -> web.Response:
    app = request.app
    if make is None:
        raise NotFound(f"there is no such make; there are: {', '.join(HTTP_MAKES)}", code="unknown_make")
    key = find_gateway_key(app[KEYRING], request.match_info["key"])
    about_owner_of(app, key)
    pushed = await _pushed(request, make, key, app[STORE].fleet)
    told = make.decode(pushed)
    if len(told) > _MOST_AT_ONCE:
        raise InvalidPayload(f"at most {_MOST_AT_ONCE} items at once", code="too_many_items")
    is_alive = not make.is_hearsay(pushed)
    for device_id, items in _by_device(pushed, told, is_alive).items():
        await _record(request, make, key, device_id, items, is_alive)
    reply = make.reply(pushed)
    return web.Response(body=reply.body, status=reply.status, content_type=reply.content_type)


def _later(refusal: GoipError | web.HTTPException) -> Unavailable:
    """The refusal in words that a sender which drops what is refused takes for "come again"."""
    if isinstance(refusal, web.HTTPException):
        return Unavailable("the body is too large", code="too_large", retry_after_seconds=_TRY_AGAIN_SECONDS)
    wait = refusal.retry_after_seconds or _TRY_AGAIN_SECONDS
    return Unavailable(refusal.message, code=refusal.code, retry_after_seconds=wait)


def _path_of(request: web.Request) -> str:
    return request.match_info.get("path", "").strip("/")


async def _pushed(request: web.Request, make: HttpMake, key: Key, fleet: Fleet) -> Push:
    path = _path_of(request)
    named = None if make.has_own_paths else path.partition("/")[0] or None
    owner = fleet.find_by_pk(key.device_pk)
    return Push(
        method=request.method,
        path=path,
        query=request.query,
        headers=request.headers,
        body=await read_body(request),
        key=request.match_info["key"],
        device_id=named if owner is None else owner.device_id,
        received_at=request.app[STORE].clock(),
        raw_query=request.rel_url.raw_query_string,
    )


def _by_device(pushed: Push, told: Sequence[Told], is_alive: bool) -> dict[str, list[Told]]:
    """What was told, by whom it is about; where nothing was told, a device that spoke at least is alive."""
    by_device: dict[str, list[Told]] = {}
    for item in told:
        by_device.setdefault(item.device_id, []).append(item)
    if is_alive and not told and pushed.device_id is not None:
        by_device[pushed.device_id] = []
    return by_device


async def _record(
    request: web.Request, make: HttpMake, key: Key, device_id: str, items: list[Told], is_alive: bool
) -> None:
    """Commit what one device told, all in one commit where it is known; with it, that it is alive."""
    app = request.app
    take_one(_DEVICE_ID, device_id, "deviceId")
    admission = admit(app[KEYRING], app[STORE].fleet, key, device_id)
    about(device_id)
    app[DEVICE_LIMIT].spend(device_id)
    beats = [item for item in items if isinstance(item, Heartbeat)]
    if admission.device is None or (is_alive and not beats):
        beats.insert(0, Heartbeat(device_id))
    for beat in beats:
        held_to = None if _declares(app[STORE].fleet, beat) else make.silence_seconds
        timed = beat if held_to is None else beat._replace(interval_seconds=held_to)
        await record_or_enrol(app, timed, admission, address_of(request), make=make.name)
    await asyncio.gather(*(_record_other(request, item) for item in items if not isinstance(item, Heartbeat)))


def _declares(fleet: Fleet, beat: Heartbeat) -> bool:
    """True where the beat, or one before it, has said how often the device reports."""
    known = fleet.find(beat.device_id)
    return beat.interval_seconds is not None or (
        known is not None and known.declared_interval_seconds is not None
    )


async def _record_other(request: web.Request, item: InboundSms | Note) -> None:
    app = request.app
    if isinstance(item, InboundSms):
        await record_sms(app[STORE], item)
    else:
        said = digest_of(request.method, request.rel_url.raw_path_qs, request[BODY])
        await record_note_once(app[STORE], item, app[TOLD], said)
