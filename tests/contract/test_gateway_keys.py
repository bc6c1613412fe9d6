"""Who may post for a device: every way to show a key, and what a wrong one gets."""

from __future__ import annotations

import base64
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote

import pytest

from tests.http_calls import Answer, basic, bearer
from tests.live_fixtures import MakeServer
from tests.live_server import ENROLMENT_KEY, LiveServer

Show = Callable[[str], tuple[dict[str, str], dict[str, str]]]

WAYS_TO_SHOW: dict[str, Show] = {
    "Authorization: Bearer": lambda key: (bearer(key), {}),
    "authorization: bearer, small": lambda key: ({"authorization": f"bearer {key}"}, {}),
    "X-Api-Key": lambda key: ({"X-Api-Key": key}, {}),
    "Basic, as the password": lambda key: (basic(key), {}),
    "Basic, without a name": lambda key: (basic(key, name=""), {}),
    "?key=": lambda key: ({}, {"key": key}),
}
PATHS = ["/api/device/heartbeat", "/api/device/register", "/api/sms/receive"]
SMS = {"sender": "BANK", "message": "hello"}


@pytest.fixture(params=WAYS_TO_SHOW)
def show(request: pytest.FixtureRequest) -> Show:
    return WAYS_TO_SHOW[request.param]


def post(server: LiveServer, path: str, body: dict[str, Any], show: Show, key: str) -> Answer:
    headers, query = show(key)
    return server.request("POST", path, body=body, headers=headers, query=query)


@pytest.mark.parametrize("path", PATHS)
def test_a_device_key_is_good_however_it_is_shown(path: str, show: Show, server: LiveServer) -> None:
    device_id = server.new_id()
    key = server.enrol(device_id)
    assert post(server, path, SMS | {"deviceId": device_id}, show, key).must()["success"] is True


def test_the_enrolment_key_brings_a_new_device_in_however_it_is_shown(show: Show, server: LiveServer) -> None:
    device_id = server.new_id()
    answer = post(server, "/api/device/heartbeat", {"deviceId": device_id}, show, ENROLMENT_KEY).must()
    assert answer["isNewDevice"] is True
    again = server.heartbeat(device_id, answer["deviceKey"]).must()
    assert again["isNewDevice"] is False
    assert "deviceKey" not in again, "shown once"


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("key", ["wrong", "goip_dk_0000000000000000", "x" * 4000, "ключ", "' OR 1=1 --"])
def test_an_unknown_key_is_refused_however_it_is_shown(
    key: str, path: str, show: Show, server: LiveServer
) -> None:
    device_id = server.new_id()
    server.enrol(device_id, batteryLevel=50)
    headers, query = show(key)
    headers = {name: value.encode().decode("latin-1") for name, value in headers.items()}
    answer = server.request(
        "POST", path, body=SMS | {"deviceId": device_id, "batteryLevel": 1}, headers=headers, query=query
    )
    assert answer.status == 401, answer.body
    assert answer.json["success"] is False
    assert server.device(device_id)["batteryLevel"] == 50


@pytest.mark.parametrize("path", PATHS)
def test_without_a_key_nobody_posts(path: str, server: LiveServer) -> None:
    device_id = server.new_id()
    server.enrol(device_id)
    answer = server.post(path, SMS | {"deviceId": device_id})
    assert answer.status == 401
    assert answer.json["success"] is False


@pytest.mark.parametrize("path", PATHS)
def test_a_device_posts_for_itself_only(path: str, show: Show, server: LiveServer) -> None:
    device_id, other_id = server.new_id(), server.new_id()
    key = server.enrol(device_id)
    server.enrol(other_id, batteryLevel=50)
    answer = post(server, path, SMS | {"deviceId": other_id, "batteryLevel": 1}, show, key)
    assert answer.status == 403, answer.body
    assert server.device(other_id)["batteryLevel"] == 50
    assert server.get("/api/sms", server.admin, deviceId=other_id).must()["messages"] == []


@pytest.mark.parametrize("path", PATHS)
def test_a_device_key_brings_no_new_device_in(path: str, server: LiveServer) -> None:
    key = server.enrol(server.new_id())
    stranger_id = server.new_id()
    assert server.post(path, SMS | {"deviceId": stranger_id}, key).status in (403, 404)
    assert server.get(f"/api/devices/{stranger_id}", server.admin).status == 404


@pytest.mark.parametrize("path", PATHS)
def test_a_viewer_does_not_post_for_devices(path: str, server: LiveServer) -> None:
    device_id = server.new_id()
    server.enrol(device_id)
    assert server.post(path, SMS | {"deviceId": device_id}, server.add_user("viewer")).status in (401, 403)


def test_an_sms_of_an_unknown_device_is_a_404_that_names_the_reason(server: LiveServer) -> None:
    answer = server.receive_sms(server.new_id(), ENROLMENT_KEY)
    assert answer.status == 404
    assert answer.json["error"] == "Device not found"


def test_a_device_key_opens_its_own_device_and_no_list(server: LiveServer) -> None:
    device_id, other_id = server.new_id(), server.new_id()
    key = server.enrol(device_id)
    server.enrol(other_id)
    for path in (
        f"/api/devices/{other_id}",
        f"/api/devices/{other_id}/events",
        f"/api/devices/{other_id}/heartbeats",
    ):
        assert server.get(path, key).status in (403, 404), path
    assert server.get("/api/state", key, rooms=f"device-{other_id}").status in (403, 404)
    assert server.get("/api/state", key, rooms="dashboard").status == 403
    assert server.get("/api/state", key, rooms=f"device-{device_id}").must()["devices"]
    for path in ("/api/users", "/api/tokens", "/api/enrollment"):
        assert server.get(path, key).status == 403, path


def test_the_lists_show_a_device_nothing_of_another(server: LiveServer) -> None:
    device_id, other_id = server.new_id(), server.new_id()
    key, other_key = server.enrol(device_id), server.enrol(other_id)
    server.receive_sms(other_id, other_key, "a secret of the other").must()
    for path in ("/api/sms", "/api/devices", "/api/sims", "/api/sms/conversations"):
        answer = server.get(path, key)
        if answer.status == 200:
            assert other_id not in answer.text, path
            assert "a secret of the other" not in answer.text, path
        else:
            assert answer.status == 403, path


def test_a_new_key_ends_the_old_one(server: LiveServer) -> None:
    device_id = server.new_id()
    old = server.enrol(device_id)
    new = server.post(f"/api/devices/{device_id}/key", {}, server.admin).must()["deviceKey"]
    assert new != old
    assert server.heartbeat(device_id, old).status == 401
    assert server.heartbeat(device_id, new).status == 200


def test_a_device_that_used_its_own_key_cannot_be_taken_over_with_the_enrolment_key(
    server: LiveServer,
) -> None:
    device_id = server.new_id()
    key = server.enrol(device_id, batteryLevel=50)
    server.heartbeat(device_id, key).must()
    for path in PATHS:
        answer = server.post(path, SMS | {"deviceId": device_id, "batteryLevel": 1}, ENROLMENT_KEY)
        assert answer.status == 403, (path, answer.body)
        assert "deviceKey" not in answer.json
    assert server.device(device_id)["batteryLevel"] == 50


def test_two_first_heartbeats_at_once_make_one_device(server: LiveServer) -> None:
    device_id = server.new_id()
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: server.heartbeat(device_id, ENROLMENT_KEY), range(8)))
    assert {answer.status for answer in answers} <= {200}
    assert sum(answer.json["isNewDevice"] for answer in answers) == 1
    assert sum("deviceKey" in answer.json for answer in answers) == 1
    found = server.get("/api/devices", server.admin, search=device_id).must()["devices"]
    assert [device["deviceId"] for device in found] == [device_id]


def test_a_preregistered_device_posts_with_the_key_it_was_given(server: LiveServer) -> None:
    device_id = server.new_id()
    made = server.post("/api/devices", {"deviceId": device_id, "name": "Cellar"}, server.admin).must(201)
    assert made["device"]["deviceId"] == device_id
    assert server.heartbeat(device_id, made["deviceKey"]).must()["isNewDevice"] is False
    assert server.device(device_id)["name"] == "Cellar"


def test_a_key_made_by_the_operator_enrols_too(server: LiveServer) -> None:
    made = server.post("/api/enrollment/keys", {"name": server.new_id("key")}, server.admin).must(201)
    assert made["enrollmentKey"] in made["curl"]
    assert server.heartbeat(server.new_id(), made["enrollmentKey"]).must()["isNewDevice"] is True


@pytest.mark.parametrize(
    "header",
    [
        "Bearer",
        "Bearer ",
        "Basic",
        "Basic !!!",
        "Basic " + base64.b64encode(b"no colon").decode(),
        "Digest x",
    ],
)
def test_a_broken_authorization_header_is_no_key(header: str, server: LiveServer) -> None:
    device_id = server.new_id()
    server.enrol(device_id)
    answer = server.request(
        "POST", "/api/device/heartbeat", body={"deviceId": device_id}, headers={"Authorization": header}
    )
    assert answer.status == 401, answer.body


@pytest.mark.parametrize("device_id", ["a b", "AA:BB:CC:DD:EE:FF", "линия-1", "a?b=c&d", "a%2Fb", "..", "🐙"])
def test_a_device_id_is_what_the_make_itself_uses(device_id: str, server: LiveServer) -> None:
    device_id += server.new_id("-")
    key = server.enrol(device_id, batteryLevel=7)
    server.receive_sms(device_id, key, "hello").must()
    shown = server.get(f"/api/devices/{quote(device_id, safe='')}", server.admin).must()["device"]
    assert (shown["deviceId"], shown["batteryLevel"]) == (device_id, 7)
    (sms,) = server.get("/api/sms", server.admin, deviceId=device_id).must()["messages"]
    assert sms["deviceId"] == device_id
    assert [device["deviceId"] for device in server.state(f"device-{device_id}")["devices"]] == [device_id]


def test_a_device_that_waits_for_approval_is_seen_and_does_nothing_until_it_is_adopted(
    make_server: MakeServer,
) -> None:
    server = make_server(ENROLLMENT="approve").start()
    device_id = server.new_id()
    first = server.heartbeat(device_id, ENROLMENT_KEY, batteryLevel=33)
    assert first.status in (200, 202), first.body
    assert "deviceKey" not in first.json
    (device,) = server.get("/api/devices", server.admin).must()["devices"]
    assert (device["deviceId"], device["isPending"]) == (device_id, True)
    refused = server.receive_sms(device_id, ENROLMENT_KEY)
    assert refused.status in (403, 404, 503), "a waiting device delivers nothing"
    adopted = server.post(f"/api/devices/{device_id}/adopt", {}, server.admin).must()
    assert adopted["device"]["isPending"] is False
    key = server.post("/api/device/register", {"deviceId": device_id}, ENROLMENT_KEY).must()["deviceKey"]
    server.heartbeat(device_id, key, batteryLevel=34).must()
    server.receive_sms(device_id, key).must()
    assert server.device(device_id)["batteryLevel"] == 34
    assert server.state()["stats"]["totalDevices"] == 1
