"""Devices that wait: adopted with their settings, or turned away; and what an operator sets of any device."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp.test_utils import TestClient

from goip.api.appkeys import STORE
from goip.app import build_app
from goip.config import Config
from tests.api.conftest import PASSWORD, Client, log_in_as_program, refused
from tests.api.quick_server import QuickTestServer
from tests.conftest import FakeClock

ENROLMENT_KEY = "enrol-me-please"
KNOCK = {"X-Api-Key": ENROLMENT_KEY}
Headers = dict[str, str]


@pytest.fixture
async def strict(database_url: str, clock: FakeClock) -> AsyncIterator[Client]:
    """A server where whoever comes has to be adopted."""
    config = Config(
        database_url=database_url, admin_password=PASSWORD, enrollment_key=ENROLMENT_KEY, enrollment="approve"
    )
    async with TestClient(QuickTestServer(build_app(config, clock=clock))) as client:
        yield client


async def knock(client: Client, device_id: str = "gw-1", **told: Any) -> dict[str, Any]:
    body = {"deviceId": device_id, **told}
    answer = await client.post("/api/device/heartbeat", json=body, headers=KNOCK)
    assert answer.status == 200, await answer.text()
    return await answer.json()


async def ask(client: Client, admin: Headers, method: str, path: str, body: object = None) -> dict[str, Any]:
    options = {} if body is None else {"json": body}
    answer = await client.request(method, path, headers=admin, **options)
    assert answer.status in (200, 201), await answer.text()
    return await answer.json()


async def viewer(client: Client, admin: Headers) -> Headers:
    body = {"username": "vera", "password": "a good long password", "role": "viewer"}
    await ask(client, admin, "POST", "/api/users", body)
    return await log_in_as_program(client, "vera", body["password"])


async def test_a_device_is_adopted_with_all_its_settings_at_once(strict: Client) -> None:
    admin = await log_in_as_program(strict)
    await ask(strict, admin, "POST", "/api/devices", {"deviceId": "rack"})
    assert (await knock(strict))["pending"] is True
    (waiting,) = (await ask(strict, admin, "GET", "/api/devices?pending=true"))["devices"]
    assert (waiting["deviceId"], waiting["ipAddress"]) == ("gw-1", "127.0.0.1")
    settings = {"name": "Roof", "parent": "rack", "timeZone": "Europe/Berlin", "intervalSeconds": 45}
    adopted = (await ask(strict, admin, "POST", "/api/devices/gw-1/adopt", settings))["device"]
    assert adopted["isPending"] is False
    assert {name: adopted[name] for name in settings} == settings
    assert adopted["setIntervalSeconds"] == 45
    assert (await knock(strict))["nextHeartbeatSeconds"] == 45
    lines = (await ask(strict, admin, "GET", "/api/devices?parent=rack"))["devices"]
    assert [line["deviceId"] for line in lines] == ["gw-1"]


async def test_an_address_that_a_device_tells_itself_is_kept(strict: Client) -> None:
    admin = await log_in_as_program(strict)
    await knock(strict, ipAddress="192.0.2.7")
    assert (await ask(strict, admin, "GET", "/api/devices/gw-1"))["device"]["ipAddress"] == "192.0.2.7"


async def test_a_device_is_adopted_without_a_word_too(strict: Client) -> None:
    admin = await log_in_as_program(strict)
    await knock(strict)
    adopted = (await ask(strict, admin, "POST", "/api/devices/gw-1/adopt"))["device"]
    assert (adopted["isPending"], adopted["parent"], adopted["timeZone"]) == (False, None, None)


async def test_a_rejected_device_is_refused_on_every_way_until_it_is_readmitted(strict: Client) -> None:
    admin = await log_in_as_program(strict)
    await knock(strict, name="Roof")
    seq = strict.app[STORE].fleet.seq  # type: ignore[union-attr]
    rejected = (await ask(strict, admin, "POST", "/api/devices/gw-1/reject"))["rejected"]
    assert (rejected["deviceId"], rejected["name"], rejected["rejectedBy"]) == ("gw-1", "Roof", "admin")
    assert (rejected["make"], rejected["ipAddress"]) == ("http", "127.0.0.1")
    assert (await ask(strict, admin, "GET", "/api/devices"))["total"] == 0
    listed = await ask(strict, admin, "GET", "/api/enrollment/rejected")
    assert (listed["rejected"], listed["total"]) == ([rejected], 1)
    sms = {"deviceId": "gw-1", "sender": "BANK", "message": "hello"}
    for path in ("/api/device/heartbeat", "/api/device/register", "/api/sms/receive"):
        await refused(await strict.post(path, json=sms, headers=KNOCK), 403, "device_rejected")
    forwarded = {"from": "BANK", "text": "hello"}
    answer = await strict.post(f"/in/forwarder/{ENROLMENT_KEY}/gw-1", json=forwarded)
    await refused(answer, 403, "device_rejected")
    assert (await ask(strict, admin, "GET", "/api/devices"))["total"] == 0
    await ask(strict, admin, "DELETE", "/api/enrollment/rejected/gw-1")
    assert (await ask(strict, admin, "GET", "/api/enrollment/rejected"))["total"] == 0
    assert (await knock(strict))["isNewDevice"] is True
    cursor = f"{strict.app[STORE].fleet.epoch}:{seq}"  # type: ignore[union-attr]
    frame = await ask(strict, admin, "GET", f"/api/events?after={cursor}")
    told = [(event["event"], event["data"].get("isRejected")) for event in frame["events"]]
    assert told[:2] == [("device-removed", True), ("device-readmitted", None)]


async def test_what_is_not_there_is_neither_rejected_nor_readmitted(strict: Client) -> None:
    admin = await log_in_as_program(strict)
    nobody = await strict.post("/api/devices/nobody/reject", headers=admin)
    await refused(nobody, 404, "unknown_device")
    nobody = await strict.delete("/api/enrollment/rejected/nobody", headers=admin)
    await refused(nobody, 404, "unknown_rejection")
    await knock(strict)
    await ask(strict, admin, "POST", "/api/devices/gw-1/adopt")
    await refused(await strict.post("/api/devices/gw-1/reject", headers=admin), 409, "not_pending")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/devices/gw-1/adopt"),
        ("POST", "/api/devices/gw-1/reject"),
        ("GET", "/api/enrollment/rejected"),
        ("DELETE", "/api/enrollment/rejected/gw-1"),
        ("GET", "/api/devices/gw-1/keys"),
        ("POST", "/api/devices/gw-1/key"),
        ("DELETE", "/api/devices/gw-1/keys"),
    ],
)
async def test_viewers_decide_nothing(strict: Client, method: str, path: str) -> None:
    admin = await log_in_as_program(strict)
    await knock(strict)
    headers = await viewer(strict, admin)
    await refused(await strict.request(method, path, headers=headers), 403, "forbidden")


@pytest.mark.parametrize(
    ("settings", "field", "problem"),
    [
        ({"timeZone": "Mars/Olympus"}, "timeZone", "Must be the IANA name of a time zone, as Europe/Berlin."),
        (
            {"timeZone": "../../etc/passwd"},
            "timeZone",
            "Must be the IANA name of a time zone, as Europe/Berlin.",
        ),
        ({"timeZone": 7}, "timeZone", "Must be the IANA name of a time zone, as Europe/Berlin."),
        ({"intervalSeconds": 0}, "intervalSeconds", "Must be from 1 to 86400."),
        ({"intervalSeconds": 86_401}, "intervalSeconds", "Must be from 1 to 86400."),
        ({"parent": "gw-1"}, "parent", "Must not be the device itself."),
        ({"parent": "nobody"}, "parent", "Must be a device that is there."),
        ({"parent": ["rack"]}, "parent", "Must be text."),
        ({"colour": "red"}, "colour", "Is not a known field."),
    ],
)
async def test_a_setting_that_cannot_be_is_refused_by_name(
    strict: Client, settings: dict[str, Any], field: str, problem: str
) -> None:
    admin = await log_in_as_program(strict)
    await knock(strict)
    for method, path in (("POST", "/api/devices/gw-1/adopt"), ("PATCH", "/api/devices/gw-1")):
        answer = await strict.request(method, path, json=settings, headers=admin)
        assert (await refused(answer, 400, "invalid_payload"))["fields"] == {field: [problem]}
    assert (await ask(strict, admin, "GET", "/api/devices/gw-1"))["device"]["isPending"] is True


async def test_settings_go_back_to_what_the_device_says(client: Client) -> None:
    admin = await log_in_as_program(client)
    await knock(client, intervalSeconds=30)
    set_to = {"timeZone": "Asia/Tokyo", "intervalSeconds": 45}
    device = (await ask(client, admin, "PATCH", "/api/devices/gw-1", set_to))["device"]
    assert (device["timeZone"], device["intervalSeconds"], device["setIntervalSeconds"]) == (
        "Asia/Tokyo",
        45,
        45,
    )
    gone = {"timeZone": None, "intervalSeconds": None, "parent": None}
    device = (await ask(client, admin, "PATCH", "/api/devices/gw-1", gone))["device"]
    assert (device["timeZone"], device["intervalSeconds"], device["setIntervalSeconds"]) == (None, 30, None)


async def test_a_time_without_a_zone_is_read_in_the_devices_own(client: Client) -> None:
    admin = await log_in_as_program(client)
    sms = {
        "incoming_sms_id": 1,
        "port": 1,
        "number": "6717",
        "timestamp": "2026-11-21 06:22:20",
        "text": "test",
    }
    for number, zone, at in ((1, None, "05:22:21.123Z"), (2, "Europe/Berlin", "05:22:20.000Z")):
        push = {"sn": "da00-1", "sms": [sms | {"incoming_sms_id": number}]}
        answer = await client.post(f"/in/dinstar/{ENROLMENT_KEY}", json=push)
        assert answer.status == 200, await answer.text()
        newest = (await ask(client, admin, "GET", "/api/sms"))["messages"][0]
        assert newest["timestamp"] == f"2026-11-21T{at}", zone
        await ask(client, admin, "PATCH", "/api/devices/da00-1", {"timeZone": "Europe/Berlin"})


async def test_a_key_is_rotated_with_an_overlap_and_revoked_at_once(client: Client, clock: FakeClock) -> None:
    admin = await log_in_as_program(client)
    old = (await knock(client))["deviceKey"]

    async def is_good(key: str) -> bool:
        answer = await client.post(
            "/api/device/heartbeat", json={"deviceId": "gw-1"}, headers={"X-Api-Key": key}
        )
        return answer.status == 200

    async def keys() -> list[dict[str, Any]]:
        return list((await ask(client, admin, "GET", "/api/devices/gw-1/keys"))["keys"])

    assert await is_good(old)
    (first,) = await keys()
    assert (first["firstUsedAt"], first["expiresAt"]) == ("2026-11-21T05:22:21.123Z", None)
    rotation = {"overlapSeconds": 3600}
    new = (await ask(client, admin, "POST", "/api/devices/gw-1/key", rotation))["deviceKey"]
    assert [key["expiresAt"] for key in await keys()] == ["2026-11-21T06:22:21.123Z", None]
    assert await is_good(old)
    assert await is_good(new)
    assert not await is_good(old)
    assert len(await keys()) == 1
    newest = (await ask(client, admin, "POST", "/api/devices/gw-1/key"))["deviceKey"]
    assert not await is_good(new)
    await ask(client, admin, "DELETE", "/api/devices/gw-1/keys")
    assert not await is_good(newest)
    assert await keys() == []


@pytest.mark.parametrize("seconds", [-1, 2_592_001, "long"])
async def test_an_overlap_has_its_bounds(client: Client, seconds: object) -> None:
    admin = await log_in_as_program(client)
    await knock(client)
    answer = await client.post("/api/devices/gw-1/key", json={"overlapSeconds": seconds}, headers=admin)
    assert "overlapSeconds" in (await refused(answer, 400, "invalid_payload"))["fields"]
