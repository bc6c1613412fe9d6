"""The wire log over HTTP: what is kept of whom, who may see it, and how it is decoded again."""

from __future__ import annotations

import base64
import gzip
import json
from typing import Any

import pytest
from aiohttp import ClientResponse, FormData

from goip.wirelog.masking import MASK
from tests.api.conftest import PASSWORD, Client, log_in_as_program, refused
from tests.contract.shapes import WIRE_FRAME
from tests.wirelog.fixtures import understood_again

ENROLMENT_KEY = "enrol-me-please"
SMS = {"deviceId": "gw-1", "sender": "BANK", "message": "hello", "messageId": "m-1"}
Headers = dict[str, str]


async def enrol(client: Client, device_id: str = "gw-1") -> Headers:
    body = {"deviceId": device_id, "name": "Berlin"}
    answer = await client.post("/api/device/register", json=body, headers={"X-Api-Key": ENROLMENT_KEY})
    return {"X-Api-Key": (await answer.json())["deviceKey"]}


async def of_device(
    client: Client, headers: Headers, device_id: str = "gw-1", **query: Any
) -> list[dict[str, Any]]:
    answer = await client.get(f"/api/devices/{device_id}/frames", params=query, headers=headers)
    assert answer.status == 200, await answer.text()
    frames: list[dict[str, Any]] = (await answer.json())["frames"]
    return frames


async def of_strangers(client: Client, headers: Headers) -> list[dict[str, Any]]:
    answer = await client.get("/api/frames", params={"unknown": "true"}, headers=headers)
    frames: list[dict[str, Any]] = (await answer.json())["frames"]
    return frames


async def replayed(client: Client, headers: Headers, frame: dict[str, Any]) -> dict[str, Any]:
    answer = await client.post(f"/api/frames/{frame['id']}/replay", headers=headers)
    assert answer.status == 200, await answer.text()
    told: dict[str, Any] = await answer.json()
    return told


async def someone(client: Client, admin: Headers, role: str) -> Headers:
    body = {"username": role, "password": PASSWORD, "role": role}
    assert (await client.post("/api/users", json=body, headers=admin)).status == 201
    return await log_in_as_program(client, role)


async def test_what_a_device_says_and_is_answered_is_kept_without_its_keys(client: Client) -> None:
    key = await enrol(client)
    await client.post("/api/sms/receive", json=SMS, headers=key)
    admin = await log_in_as_program(client)
    answer, said, registered, registration = await of_device(client, admin)
    assert all(set(frame) == WIRE_FRAME for frame in (answer, said, registered, registration))
    assert (said["direction"], said["verdict"], said["reason"]) == ("in", "accepted", None)
    assert (said["transport"], said["make"], said["address"]) == ("http", "http", "127.0.0.1")
    assert (said["deviceId"], said["isAdmitted"]) == ("gw-1", True)
    assert said["head"].startswith("POST /api/sms/receive\n")
    assert f"X-Api-Key: {MASK}" in said["head"]
    assert json.loads(said["text"]) == SMS
    assert (answer["direction"], answer["head"].splitlines()[0]) == ("out", "200 OK")
    assert json.loads(answer["text"])["success"] is True
    assert json.loads(registered["text"])["deviceKey"] == MASK
    told = json.dumps([answer, said, registered, registration])
    assert ENROLMENT_KEY not in told
    assert key["X-Api-Key"] not in told


@pytest.mark.parametrize(
    "show",
    [
        lambda key: {"headers": {"Authorization": f"Bearer {key}"}},
        lambda key: {"headers": {"Authorization": "Basic " + base64.b64encode(f"x:{key}".encode()).decode()}},
        lambda key: {"params": {"key": key}},
    ],
)
async def test_however_a_key_is_shown_it_is_not_kept(show: Any, client: Client) -> None:
    key = (await enrol(client))["X-Api-Key"]
    for each in (key, "goip_dk_of-somebody-else"):
        await client.post("/api/sms/receive", json={**SMS, "note": each}, **show(each))
    admin = await log_in_as_program(client)
    everything = await client.get("/api/frames", headers=admin)
    told = await everything.text()
    assert "BANK" in told
    for secret in (key, "of-somebody-else", base64.b64encode(f"x:{key}".encode()).decode()):
        assert secret not in told


async def test_plain_heartbeats_that_are_accepted_are_not_kept_and_refused_ones_are(client: Client) -> None:
    key = await enrol(client)
    admin = await log_in_as_program(client)
    before = len(await of_device(client, admin))
    assert (await client.post("/api/device/heartbeat", json={"deviceId": "gw-1"}, headers=key)).status == 200
    assert len(await of_device(client, admin)) == before
    body = {"deviceId": "gw-1", "batteryLevel": 500}
    assert (await client.post("/api/device/heartbeat", json=body, headers=key)).status == 400
    _, said, *_ = await of_device(client, admin)
    assert (said["verdict"], said["deviceId"], said["isAdmitted"]) == ("refused", "gw-1", True)
    assert "batteryLevel" in said["reason"]


async def test_other_makes_are_kept_too_and_their_key_in_the_address_is_not(client: Client) -> None:
    form = {"id": "e1b2-1", "from": "+15550101", "origin-connector": "smpp-7", "content": "hello"}
    await client.post(f"/in/jasmin/{ENROLMENT_KEY}", data=form)
    admin = await log_in_as_program(client)
    answer, said = await of_device(client, admin, "smpp-7")
    assert (said["make"], said["verdict"], answer["text"]) == ("jasmin", "accepted", "ACK/Jasmin")
    assert said["head"].startswith(f"POST /in/jasmin/{MASK}\n")
    assert (await replayed(client, admin, said))["understood"] == [
        {
            "kind": "sms",
            "deviceId": "smpp-7",
            "sender": "+15550101",
            "message": "hello",
            "messageId": "e1b2-1",
        }
    ]


async def test_a_stranger_is_kept_under_its_address_and_shown_to_whom_it_claims_to_be(client: Client) -> None:
    await enrol(client)
    await client.post("/api/sms/receive", json=SMS, headers={"X-Api-Key": "wrong-key-of-an-old-box"})
    await client.post("/in/jasmin/wrong-key-of-another/gw-9", data={"id": "1"})
    admin = await log_in_as_program(client)
    strangers = await of_strangers(client, admin)
    assert [(each["direction"], each["deviceId"], each["isAdmitted"]) for each in strangers] == [
        ("out", None, False),
        ("in", None, False),
        ("out", "gw-1", False),
        ("in", "gw-1", False),
    ]
    said = strangers[3]
    assert (said["verdict"], said["text"]) == ("refused", json.dumps(SMS))
    assert "wrong-key" not in json.dumps(strangers)
    assert said in await of_device(client, admin)


@pytest.mark.parametrize(
    "path",
    [
        f"/in/{ENROLMENT_KEY}/jasmin",
        f"/in/jasmin/gw-1/{ENROLMENT_KEY}",
        f"/in/jasmin/gw-1?name={ENROLMENT_KEY}",
        f"/in/nobody/{ENROLMENT_KEY}",
    ],
)
async def test_a_key_in_the_wrong_place_of_an_address_is_not_kept(path: str, client: Client) -> None:
    await client.post(path, data={"id": "1"})
    _, said = await of_strangers(client, await log_in_as_program(client))
    assert ENROLMENT_KEY not in json.dumps(said)
    assert MASK in said["head"]


async def test_a_stranger_cannot_push_out_what_a_device_said(client: Client) -> None:
    key = await enrol(client)
    await client.post("/api/sms/receive", json=SMS, headers=key)
    for _ in range(60):
        await client.post("/api/sms/receive", json=SMS, headers={"X-Api-Key": "wrong-key-of-an-old-box"})
    frames = await of_device(client, await log_in_as_program(client))
    assert [each["isAdmitted"] for each in frames].count(True) == 4
    assert [each["isAdmitted"] for each in frames].count(False) <= 4


@pytest.mark.parametrize(
    ("path", "body", "verdict"),
    [
        ("/api/sms/receive", b"{", "refused"),
        ("/api/sms/receive", b"\xff\xfe\x00", "refused"),
        ("/api/sms/receive", b"", "refused"),
        ("/in/nobody/some-key-or-other", b"x", "refused"),
    ],
)
async def test_nonsense_is_kept_as_it_came(path: str, body: bytes, verdict: str, client: Client) -> None:
    await client.post(path, data=body, headers={"X-Api-Key": ENROLMENT_KEY})
    admin = await log_in_as_program(client)
    _, said = await of_strangers(client, admin)
    kept = said["text"].encode() if said["base64"] is None else base64.b64decode(said["base64"])
    assert (kept, said["verdict"], said["nBytes"]) == (body, verdict, len(body))
    assert (await replayed(client, admin, said))["refused"]["code"]


async def test_bodies_that_come_packed_or_in_parts_are_kept_as_what_they_say(client: Client) -> None:
    key = await enrol(client)
    packed = {**key, "Content-Encoding": "gzip", "Content-Type": "application/json"}
    await client.post("/api/sms/receive", data=gzip.compress(json.dumps(SMS).encode()), headers=packed)
    form = FormData()
    form.add_field("deviceId", "gw-1")
    form.add_field("sender", "BANK")
    form.add_field("message", "a&b ✓")
    form.add_field("file", b"\0\1", filename="x.bin")
    assert (await client.post("/api/sms/receive", data=form, headers=key)).status == 200
    admin = await log_in_as_program(client)
    frames = [each for each in await of_device(client, admin) if each["direction"] == "in"]
    assert frames[0]["text"] == "deviceId=gw-1&sender=BANK&message=a%26b+%E2%9C%93"
    assert json.loads(frames[1]["text"]) == SMS
    for frame in frames:
        [told, *_] = (await replayed(client, admin, frame))["understood"]
        assert told["deviceId"] == "gw-1"


async def test_a_body_that_is_too_large_is_told(client: Client) -> None:
    key = await enrol(client)
    body = json.dumps({**SMS, "message": "x" * 9_000})
    assert (
        await client.post("/api/sms/receive", data=body, headers={**key, "Content-Type": "application/json"})
    ).ok
    admin = await log_in_as_program(client)
    _, said, *_ = await of_device(client, admin)
    assert (said["isCut"], said["nBytes"], len(said["text"]) < 8_192) == (True, len(body), True)
    await refused(await client.post(f"/api/frames/{said['id']}/replay", headers=admin), 409, "frame_cut")


async def test_an_array_is_kept_for_each_device_that_it_is_about(client: Client) -> None:
    headers = {"X-Api-Key": ENROLMENT_KEY}
    await client.post("/api/device/heartbeat", json=[{"deviceId": "a"}, {"deviceId": "b"}], headers=headers)
    admin = await log_in_as_program(client)
    for device_id in ("a", "b"):
        _, said = await of_device(client, admin, device_id)
        told = (await replayed(client, admin, said))["understood"]
        assert [each["deviceId"] for each in told] == ["a", "b"]


async def test_a_key_of_one_device_shown_for_another_is_kept_for_the_first(client: Client) -> None:
    key = await enrol(client, "mine")
    await enrol(client, "other")
    await client.post("/api/sms/receive", json={**SMS, "deviceId": "other"}, headers=key)
    admin = await log_in_as_program(client)
    said = (await of_device(client, admin, "mine"))[1]
    assert (said["verdict"], said["reason"]) == ("refused", "this key belongs to another device")
    assert len(await of_device(client, admin, "other")) == 2


async def test_replaying_records_nothing(client: Client) -> None:
    key = await enrol(client)
    await client.post("/api/sms/receive", json=SMS, headers=key)
    admin = await log_in_as_program(client)
    _, said, *_ = await of_device(client, admin)
    for _ in range(3):
        told = await replayed(client, admin, said)
    assert told == {
        "understood": [{"kind": "sms", **SMS}],
        "refused": None,
    }
    assert (await (await client.get("/api/sms", headers=admin)).json())["total"] == 1


async def test_a_frame_that_was_refused_is_refused_again_by_its_fields(client: Client) -> None:
    key = await enrol(client)
    await client.post("/api/sms/receive", json={"deviceId": "gw-1"}, headers=key)
    admin = await log_in_as_program(client)
    answer, said, *_ = await of_device(client, admin)
    told = await replayed(client, admin, said)
    assert told["understood"] == []
    assert set(told["refused"]["fields"]) == {"sender", "message"}
    await refused(
        await client.post(f"/api/frames/{answer['id']}/replay", headers=admin), 409, "not_replayable"
    )


@pytest.mark.parametrize("frame_id", ["1", "x", "-1", "9" * 30, "%20"])
async def test_a_frame_that_is_not_there_is_told_so(frame_id: str, client: Client) -> None:
    admin = await log_in_as_program(client)
    await refused(await client.get(f"/api/frames/{frame_id}", headers=admin), 404, "unknown_frame")
    await refused(await client.post(f"/api/frames/{frame_id}/replay", headers=admin), 404, "unknown_frame")


async def test_operators_may_look_and_nobody_else(client: Client) -> None:
    key = await enrol(client)
    admin = await log_in_as_program(client)
    [_, said] = await of_device(client, admin)
    operator, viewer = await someone(client, admin, "operator"), await someone(client, admin, "viewer")
    paths = ["/api/devices/gw-1/frames", "/api/frames", f"/api/frames/{said['id']}"]
    for path in paths:
        assert (await client.get(path, headers=operator)).status == 200
        for other in (viewer, key):
            await refused(await client.get(path, headers=other), 403, "forbidden")
        assert (await client.get(path)).status == 401
    replay = f"/api/frames/{said['id']}/replay"
    assert (await client.post(replay, headers=operator)).status == 200
    await refused(await client.post(replay, headers=viewer), 403, "forbidden")
    await refused(await client.get("/api/devices/none/frames", headers=operator), 404, "unknown_device")


async def test_a_list_comes_in_pages(client: Client) -> None:
    key = await enrol(client)
    for number in range(4):
        await client.post("/api/sms/receive", json={**SMS, "messageId": str(number)}, headers=key)
    admin = await log_in_as_program(client)
    everything = await of_device(client, admin)
    for path in ("/api/devices/gw-1/frames", "/api/frames"):
        found: list[Any] = []
        query: dict[str, Any] = {"limit": 4}
        while True:
            page = await (await client.get(path, params=query, headers=admin)).json()
            assert page["total"] == 10
            found += page["frames"]
            if page["nextCursor"] is None:
                break
            query["cursor"] = page["nextCursor"]
        assert found == everything


async def test_a_device_that_is_removed_leaves_nothing(client: Client) -> None:
    await enrol(client)
    admin = await log_in_as_program(client)
    await client.delete("/api/devices/gw-1", headers=admin)
    assert (await (await client.get("/api/frames", headers=admin)).json())["frames"] == []


async def fixture_of(answer: ClientResponse) -> dict[str, Any]:
    assert answer.status == 200
    assert answer.content_type == "application/vnd.goip.frames+json"
    assert answer.headers["Content-Disposition"].startswith("attachment")
    fixture: dict[str, Any] = json.loads(await answer.read())
    return fixture


async def test_frames_are_exported_as_a_fixture_that_a_test_decodes_again(client: Client) -> None:
    key = await enrol(client)
    await client.post("/api/sms/receive", json=SMS, headers=key)
    await client.post("/api/sms/receive", json={"deviceId": "gw-1"}, headers=key)
    report = {"id": "out-1", "message_status": "DELIVRD", "level": "2"}
    await client.get("/in/jasmin/" + key["X-Api-Key"], params=report)
    admin = await log_in_as_program(client)
    answer = await client.get("/api/devices/gw-1/frames", params={"format": "fixture"}, headers=admin)
    fixture = await fixture_of(answer)
    assert fixture["form"] == "goip-frames/1"
    kinds = [[told["kind"] for told in frame["understood"]] for frame in fixture["frames"]]
    assert kinds == [["heartbeat"], ["sms"], [], ["deliveryReport"]]
    assert key["X-Api-Key"] not in json.dumps(fixture)
    for frame in fixture["frames"]:
        assert understood_again(frame) == {"understood": frame["understood"], "refused": frame["refused"]}


async def test_one_frame_is_exported_alone(client: Client) -> None:
    await enrol(client)
    admin = await log_in_as_program(client)
    answer, said = await of_device(client, admin)
    shown = await (await client.get(f"/api/frames/{said['id']}", headers=admin)).json()
    assert shown == {"frame": said}
    one = f"/api/frames/{said['id']}?format=fixture"
    assert len((await fixture_of(await client.get(one, headers=admin)))["frames"]) == 1
    none = f"/api/frames/{answer['id']}?format=fixture"
    assert (await fixture_of(await client.get(none, headers=admin)))["frames"] == []
