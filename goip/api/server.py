"""The server about itself: health, version, and how devices enrol."""

from __future__ import annotations

import asyncio

from aiohttp import web

from goip import __version__
from goip.api.appkeys import BROKER, CONFIG, HUB, KEYRING, PAGE, STORE
from goip.api.bodies import answer, load, read_json
from goip.api.callers import public_url
from goip.api.schemas.state import EnrollmentKeyCreate
from goip.clock import to_iso
from goip.errors import GoipError
from goip.store.health import ping
from goip.wire import Json

TRANSPORTS = ("socketio", "websocket", "sse", "polling")
_ANSWER_WITHIN_SECONDS = 2.0


async def health(request: web.Request) -> web.Response:
    """`GET /api/health`: `ok`, or `degraded` with what is wrong; 503 when nothing can be stored."""
    store = request.app[STORE]
    writer = store.writer
    trouble = writer.trouble or await _database_trouble(request)
    mqtt_trouble = None if request.app[CONFIG].mqtt is None else request.app[BROKER].trouble
    body: Json = {
        "status": "degraded" if trouble or mqtt_trouble else "ok",
        "version": __version__,
        "time": to_iso(store.clock()),
        "database": {"ok": trouble is None, "kind": store.database.kind, "trouble": trouble},
        "mqtt": {"isConfigured": request.app[CONFIG].mqtt is not None, "trouble": mqtt_trouble},
        "checks": {
            "writeQueue": writer.queue_depth,
            "lastCommitMs": round(writer.last_commit_seconds * 1000, 1),
            "devices": len(store.fleet),
            "subscribers": len(list(request.app[HUB].subscribers)),
        },
    }
    return answer(body)


async def live(_request: web.Request) -> web.Response:
    """`GET /api/health/live`: the process answers."""
    return answer({"status": "ok"})


async def ready(request: web.Request) -> web.Response:
    """`GET /api/health/ready`: 200 when the database takes writes, else 503."""
    trouble = request.app[STORE].writer.trouble or await _database_trouble(request)
    return answer({"status": "degraded" if trouble else "ok", "trouble": trouble}, 503 if trouble else 200)


async def _database_trouble(request: web.Request) -> str | None:
    try:
        async with asyncio.timeout(_ANSWER_WITHIN_SECONDS), request.app[STORE].reading() as connection:
            await ping(connection)
    except TimeoutError:
        return "the database does not answer"
    except GoipError as trouble:
        return trouble.message
    return None


async def meta(request: web.Request) -> web.Response:
    """`GET /api/meta`: what a page needs to know of the server before anybody logs in."""
    page = request.app[PAGE]
    return answer(
        {
            "version": __version__,
            "buildId": page.build_id,
            "serverTime": to_iso(request.app[STORE].clock()),
            "transports": list(TRANSPORTS),
        }
    )


async def enrollment(request: web.Request) -> web.Response:
    """`GET /api/enrollment`: how unknown devices come in."""
    return answer(
        {
            "mode": request.app[CONFIG].enrollment,
            "url": public_url(request),
            "hasKey": request.app[KEYRING].has_enrollment_key(),
        }
    )


async def create_enrollment_key(request: web.Request) -> web.Response:
    """`POST /api/enrollment/keys`: one more enrolment key, shown once, with a call to paste."""
    body = load(EnrollmentKeyCreate(), await read_json(request))
    key = await request.app[KEYRING].add_enrollment_key(body["name"])
    return answer({"enrollmentKey": key, "curl": first_heartbeat(public_url(request), key)}, status=201)


def first_heartbeat(url: str, key: str) -> str:
    """A call to paste into a shell: the first heartbeat of a device called `demo-1`."""
    body = (
        '{"deviceId":"demo-1","name":"Demo gateway","batteryLevel":87,"signalStrength":23,"intervalSeconds":60,'
        '"simSlots":[{"slotIndex":0,"carrierName":"Example Mobile","phoneNumber":"+15550100","signalStrength":23}]}'
    )
    return (
        f"curl -X POST {url}/api/device/heartbeat -H 'Authorization: Bearer {key}' "
        f"-H 'Content-Type: application/json' -d '{body}'"
    )
