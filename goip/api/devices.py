"""Devices for people and scripts: lists, one, its history; and what an operator does to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from goip import operations
from goip.api.appkeys import KEYRING, PRINCIPAL, STORE, WIRE
from goip.api.bodies import answer, load, load_query, read_json, read_options
from goip.api.listing import DeviceFilter, matching, page_of
from goip.api.schemas.devices import (
    DeviceAdopt,
    DeviceCreate,
    DevicePatch,
    DevicesQuery,
    DeviceStatusQuery,
    FactsQuery,
    HeartbeatsQuery,
    HistoryQuery,
    KeyRotation,
    SimsQuery,
)
from goip.auth.keys import DEVICE, hash_key, new_key
from goip.clock import iso_or_none, to_iso
from goip.errors import InvalidPayload, NotFound
from goip.models import Device
from goip.operations import Settings, add_device, change_device, remove_device
from goip.store import history
from goip.store.keys import Key
from goip.store.rejections import Rejection
from goip.store.sims import list_sims
from goip.wire import Json, device_json, event_json, slot_json

_DAY_MS = 86_400_000


def get_device(request: web.Request, device_id: str | None = None) -> Device:
    """The device that the address names. Raises NotFound."""
    device = request.app[STORE].fleet.find(device_id or request.match_info["deviceId"])
    if device is None:
        raise NotFound("Device not found", code="unknown_device")
    return device


async def list_devices(request: web.Request) -> web.Response:
    """`GET /api/devices`."""
    query = load_query(DevicesQuery(), request.query)
    wanted = DeviceFilter(
        search=query.get("search") or "",
        statuses=frozenset(query.get("status") or ()),
        make=query.get("make"),
        is_pending=query.get("pending"),
        parent=query.get("parent"),
    )
    found = matching(request.app[STORE].fleet, wanted)
    shown, following = page_of(found, query["sort"], limit=query["limit"], after=query.get("cursor"))
    devices = [device_json(device) for device in shown]
    return answer({"devices": devices, "nextCursor": following, "total": len(found)})


async def show_device(request: web.Request) -> web.Response:
    """`GET /api/devices/{deviceId}`."""
    return answer({"device": device_json(get_device(request))})


async def device_status(request: web.Request) -> web.Response:
    """`GET /api/device/status?deviceId=`."""
    query = load_query(DeviceStatusQuery(), request.query)
    return answer({"success": True, **device_json(get_device(request, query["device_id"]))})


async def create_device(request: web.Request) -> web.Response:
    """`POST /api/devices`: a device before its first heartbeat, with its key."""
    body = load(DeviceCreate(), await read_json(request))
    keyring = request.app[KEYRING]
    key = new_key(DEVICE)
    device = await add_device(
        request.app[STORE],
        body["device_id"],
        make=body["make"],
        key_hash=hash_key(key),
        settings=_settings(body),
    )
    keyring.learn(device, hash_key(key))
    return answer({"device": device_json(device), "deviceKey": key}, status=201)


async def patch_device(request: web.Request) -> web.Response:
    """`PATCH /api/devices/{deviceId}`: name, parent, time zone and interval."""
    body = load(DevicePatch(), await read_json(request))
    if not body:
        raise InvalidPayload(
            "name, parent, timeZone or intervalSeconds is required", fields={"name": ["Nothing to change."]}
        )
    device = await change_device(request.app[STORE], request.match_info["deviceId"], _settings(body))
    return answer({"device": device_json(device)})


async def adopt_device(request: web.Request) -> web.Response:
    """`POST /api/devices/{deviceId}/adopt`: a waiting device may post from now on."""
    settings = _settings(load(DeviceAdopt(), await read_options(request)))
    device = await operations.adopt_device(request.app[STORE], request.match_info["deviceId"], settings)
    return answer({"device": device_json(device)})


async def reject_device(request: web.Request) -> web.Response:
    """`POST /api/devices/{deviceId}/reject`: a waiting device goes, and is refused until it is readmitted."""
    rejections, principal = request.app[KEYRING].rejections, request[PRINCIPAL]
    rejection = await rejections.reject(get_device(request), principal.username)
    return answer({"rejected": _rejection_json(rejection)})


async def list_rejections(request: web.Request) -> web.Response:
    """`GET /api/enrollment/rejected`: the devices that were turned away, the newest first."""
    rejections = request.app[KEYRING].rejections.list_all()
    listed = [_rejection_json(rejection) for rejection in rejections]
    return answer({"rejected": listed, "nextCursor": None, "total": len(listed)})


async def readmit_device(request: web.Request) -> web.Response:
    """`DELETE /api/enrollment/rejected/{deviceId}`: the device may knock again."""
    await request.app[KEYRING].rejections.readmit(request.match_info["deviceId"])
    return answer({"success": True})


def _rejection_json(rejection: Rejection) -> Json:
    return {
        "deviceId": rejection.device_id,
        "make": rejection.make,
        "name": rejection.name,
        "ipAddress": rejection.ip_address,
        "firstSeen": to_iso(rejection.first_seen_at),
        "rejectedAt": to_iso(rejection.rejected_at),
        "rejectedBy": rejection.rejected_by,
    }


def _settings(body: Mapping[str, Any]) -> Settings:
    """What of a body is a setting, by the model's names; a blank name is none."""
    settings: Settings = {}
    if "name" in body:
        settings["name"] = body["name"] or None
    if "parent" in body:
        settings["parent"] = body["parent"]
    if "time_zone" in body:
        settings["time_zone"] = body["time_zone"]
    if "interval_seconds" in body:
        settings["set_interval_seconds"] = body["interval_seconds"]
    return settings


async def list_device_keys(request: web.Request) -> web.Response:
    """`GET /api/devices/{deviceId}/keys`: when each was made and used, never the key."""
    keys = request.app[KEYRING].keys_of(get_device(request))
    return answer({"keys": [_key_json(key) for key in keys]})


def _key_json(key: Key) -> Json:
    return {
        "createdAt": to_iso(key.created_at),
        "firstUsedAt": iso_or_none(key.first_used_at),
        "expiresAt": iso_or_none(key.expires_at),
    }


async def rotate_device_key(request: web.Request) -> web.Response:
    """`POST /api/devices/{deviceId}/key`: a new key; the old ones end at once, or when it is used."""
    body = load(KeyRotation(), await read_options(request))
    keyring = request.app[KEYRING]
    return answer(
        {"deviceKey": await keyring.rotate_device_key(get_device(request), body["overlap_seconds"])}
    )


async def revoke_device_keys(request: web.Request) -> web.Response:
    """`DELETE /api/devices/{deviceId}/keys`: none is good any more, and what was opened with one closes."""
    await request.app[KEYRING].revoke_device(get_device(request).pk)
    return answer({"success": True})


async def delete_device(request: web.Request) -> web.Response:
    """`DELETE /api/devices/{deviceId}`."""
    device = await remove_device(request.app[STORE], request.match_info["deviceId"])
    request.app[KEYRING].forget_device(device.pk)
    request.app[WIRE].forget(device.device_id)
    return answer({"success": True})


async def device_history(request: web.Request) -> web.Response:
    """`GET /api/devices/{deviceId}/history`: a metric over time; a bucket without a value is absent."""
    device = get_device(request)
    query = load_query(HistoryQuery(), request.query)
    to_at = query.get("to_at") or request.app[STORE].clock()
    from_at = query.get("from_at")
    from_at = to_at - _DAY_MS if from_at is None else from_at
    async with request.app[STORE].reading() as connection:
        points = await history.list_points(
            connection,
            device.pk,
            query["metric"],
            from_at=from_at,
            to_at=to_at,
            step_seconds=query["step"],
            slot_index=query.get("slot_index"),
        )
    return answer(
        {
            "deviceId": device.device_id,
            "metric": query["metric"],
            "slotIndex": query.get("slot_index"),
            "from": to_iso(from_at),
            "to": to_iso(to_at),
            "step": query["step"],
            "points": [_point_json(point) for point in points],
        }
    )


def _point_json(point: history.Point) -> Json:
    return {"at": to_iso(point.at), "avg": point.average, "min": point.low, "max": point.high, "n": point.n}


async def device_heartbeats(request: web.Request) -> web.Response:
    """`GET /api/devices/{deviceId}/heartbeats`: single beats, newest first."""
    device = get_device(request)
    query = load_query(HeartbeatsQuery(), request.query)
    newest = query.get("cursor") or device.beat_seq
    async with request.app[STORE].reading() as connection:
        page = await history.list_heartbeats(connection, device.pk, newest, limit=query["limit"])
    beats = [_beat_json(beat) for beat in page.rows]
    return answer({"heartbeats": beats, "nextCursor": _text(page.next_before), "total": None})


def _beat_json(logged: history.LoggedBeat) -> Json:
    beat = logged.heartbeat
    return {
        "seq": logged.seq,
        "at": to_iso(logged.received_at),
        "sentAt": iso_or_none(beat.sent_at),
        "batteryLevel": beat.battery_level,
        "charging": beat.charging,
        "signalStrength": beat.signal_strength,
        "deviceStatus": beat.device_status,
        "counter": beat.counter,
        "simSlots": [slot_json(slot) for slot in beat.sim_slots or ()],
    }


async def device_events(request: web.Request) -> web.Response:
    """`GET /api/devices/{deviceId}/events`: its facts, newest first."""
    device = get_device(request)
    query = load_query(FactsQuery(), request.query)
    async with request.app[STORE].reading() as connection:
        page = await history.list_device_facts(
            connection, device.device_id, limit=query["limit"], before=query.get("cursor")
        )
    events = [event_json(event, event.rooms[0]) for event in page.rows]
    return answer({"events": events, "nextCursor": _text(page.next_before), "total": None})


async def show_sims(request: web.Request) -> web.Response:
    """`GET /api/sims`: every card that was ever seen, and where."""
    query = load_query(SimsQuery(), request.query)
    limit = query["limit"]
    async with request.app[STORE].reading() as connection:
        rows, total = await list_sims(
            connection, search=query.get("search"), limit=limit + 1, after=query.get("cursor")
        )
    following = rows[limit - 1].sim_key if len(rows) > limit else None
    return answer({"sims": [_sim_json(row) for row in rows[:limit]], "nextCursor": following, "total": total})


def _sim_json(row: Any) -> Json:
    return {
        "simId": row.sim_key,
        "iccid": row.iccid,
        "imsi": row.imsi,
        "phoneNumber": row.phone_number,
        "carrierName": row.carrier_name,
        "operatorName": row.operator_name,
        "deviceId": row.device_id,
        "slotIndex": row.slot_index,
        "balance": row.balance,
        "firstSeen": to_iso(row.first_seen_at),
        "lastSeen": to_iso(row.last_seen_at),
    }


def _text(number: int | None) -> str | None:
    return None if number is None else str(number)
