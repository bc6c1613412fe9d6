"""The one error body, on every kind of error, and the limits that lead to some of them."""

from __future__ import annotations

import http.client
import re
import time
from typing import Any

import pytest

from tests.http_calls import Answer, bearer
from tests.live_fixtures import MakeServer
from tests.live_server import ADMIN_PASSWORD, ENROLMENT_KEY, LiveServer

REQUIRED = {"success", "error", "code", "requestId"}
TRACES = re.compile(r"Traceback|File \"|sqlite|asyncpg|sqlalchemy|goip/|\.py\b", re.IGNORECASE)


def must_be_an_error(answer: Answer, status: int) -> dict[str, Any]:
    """The one body, which tells people and programs what is wrong, and nothing of our insides."""
    assert answer.status == status, answer.body
    assert answer.headers["Content-Type"].startswith("application/json")
    body: dict[str, Any] = answer.json
    assert set(body) - {"fields", "retryAfterSeconds"} == REQUIRED, body
    assert body["success"] is False
    assert body["error"]
    assert re.fullmatch(r"[a-z][a-z0-9_]*", body["code"])
    assert body["requestId"] == answer.headers["X-Request-Id"]
    assert not TRACES.search(answer.text), body
    return body


def test_a_missing_field_is_named(server: LiveServer) -> None:
    body = must_be_an_error(server.post("/api/device/heartbeat", {"batteryLevel": 5}, ENROLMENT_KEY), 400)
    assert (body["error"], body["code"]) == ("deviceId is required", "invalid_payload")
    assert list(body["fields"]) == ["deviceId"]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"not json",
        b"\xff\xfe",
        b'{"deviceId": "x"',
        b'"text"',
        b"5",
        b"null",
        b"\x00",
        b'{"a":NaN}',
        b"{}{}",
    ],
)
def test_a_body_that_is_no_object_is_a_400(data: bytes, server: LiveServer) -> None:
    headers = bearer(ENROLMENT_KEY) | {"Content-Type": "application/json"}
    for path in ("/api/device/heartbeat", "/api/device/register", "/api/sms/receive", "/api/auth/login"):
        must_be_an_error(server.request("POST", path, data=data, headers=headers), 400)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/devices"),
        ("GET", "/api/state"),
        ("GET", "/api/events"),
        ("GET", "/api/sms"),
        ("GET", "/api/auth/me"),
        ("GET", "/api/users"),
        ("POST", "/api/tokens"),
        ("DELETE", "/api/sms/1"),
        ("POST", "/api/device/heartbeat"),
    ],
)
def test_without_proof_it_is_a_401(method: str, path: str, server: LiveServer) -> None:
    body = {"deviceId": "x"} if method == "POST" else None
    must_be_an_error(server.request(method, path, body=body), 401)


def test_what_a_role_may_not_do_is_a_403(server: LiveServer) -> None:
    viewer, operator = server.add_user("viewer"), server.add_user("operator")
    device_id = server.new_id()
    server.enrol(device_id)
    for method, path, body in (
        ("POST", "/api/devices", {"deviceId": server.new_id()}),
        ("PATCH", f"/api/devices/{device_id}", {"name": "x"}),
        ("DELETE", f"/api/devices/{device_id}", None),
        ("POST", f"/api/devices/{device_id}/key", {}),
        ("GET", "/api/enrollment", None),
        ("POST", "/api/enrollment/keys", {"name": "x"}),
        ("DELETE", "/api/sms/1", None),
    ):
        must_be_an_error(server.request(method, path, body=body, token=viewer), 403)
    for method, path, body in (
        ("GET", "/api/users", None),
        ("POST", "/api/users", {"username": "x", "password": "password-of-x", "role": "admin"}),
        ("GET", "/api/tokens", None),
        ("POST", "/api/tokens", {"name": "x", "scopes": ["admin"]}),
    ):
        must_be_an_error(server.request(method, path, body=body, token=operator), 403)


@pytest.mark.parametrize(
    "path", ["/api/nothing", "/api/devices/none-such", "/api/sms/999999999", "/api/sms/x", "/api/"]
)
def test_what_is_not_there_is_a_404(path: str, server: LiveServer) -> None:
    must_be_an_error(server.get(path, server.admin), 404)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/device/heartbeat"),
        ("DELETE", "/api/state"),
        ("PUT", "/api/devices"),
        ("PATCH", "/api/auth/login"),
    ],
)
def test_a_method_that_an_address_does_not_know_is_a_405_that_names_those_it_knows(
    method: str, path: str, server: LiveServer
) -> None:
    answer = server.request(method, path, token=server.admin)
    must_be_an_error(answer, 405)
    assert answer.headers["Allow"]


def test_a_body_that_is_too_large_is_a_413_at_once(make_server: MakeServer) -> None:
    server = make_server(MAX_BODY_BYTES="20000").start()
    device_id = server.new_id()
    key = server.enrol(device_id)
    for path in ("/api/device/heartbeat", "/api/sms/receive", "/api/auth/login"):
        data = b'{"deviceId":"' + b"x" * 30_000 + b'"}'
        headers = bearer(key) | {"Content-Type": "application/json"}
        must_be_an_error(server.request("POST", path, data=data, headers=headers), 413)
    assert server.heartbeat(device_id, key, name="still here").status == 200


def test_a_body_that_is_announced_as_too_large_is_refused_before_it_is_sent(server: LiveServer) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    try:
        connection.putrequest("POST", "/api/device/heartbeat")
        connection.putheader("Content-Length", str(10**12))
        connection.putheader("Authorization", f"Bearer {ENROLMENT_KEY}")
        connection.endheaders()
        connection.send(b"{")
        assert connection.getresponse().status == 413
    finally:
        connection.close()


def test_what_our_own_api_does_not_know_is_refused_by_name(server: LiveServer) -> None:
    answer = server.post("/api/devices", {"deviceId": server.new_id(), "colour": "red"}, server.admin)
    assert "colour" in must_be_an_error(answer, 400)["fields"]


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/api/devices", {"limit": 0}),
        ("/api/devices", {"limit": "many"}),
        ("/api/devices", {"sort": "colour"}),
        ("/api/devices", {"status": "asleep"}),
        ("/api/devices", {"cursor": "nonsense"}),
        ("/api/sms", {"cursor": "nonsense"}),
        ("/api/sms", {"from": "yesterday"}),
        ("/api/sms", {"direction": "up"}),
        ("/api/sms", {"format": "pdf"}),
        ("/api/events", {"wait": "long"}),
    ],
)
def test_a_query_that_does_not_fit_is_a_400_that_names_it(
    path: str, query: dict[str, object], server: LiveServer
) -> None:
    body = must_be_an_error(server.get(path, server.admin, **query), 400)
    assert list(query) == [field.split(".")[0] for field in body["fields"]], body


@pytest.mark.parametrize("room", ["nonsense", "device-", "user-1", "session-x", "customer-1", "../dashboard"])
def test_a_room_that_is_not_open_is_refused(room: str, server: LiveServer) -> None:
    answer = server.get("/api/state", server.admin, rooms=room)
    assert answer.status in (400, 403, 404), answer.body
    must_be_an_error(answer, answer.status)


def test_the_room_for_everybody_is_closed_unless_the_operator_opened_it(server: LiveServer) -> None:
    assert server.get("/api/state", rooms="public").status == 401


def test_every_answer_has_a_request_id_of_its_own(server: LiveServer) -> None:
    ids = [server.get("/api/health").headers["X-Request-Id"] for _ in range(5)]
    assert all(ids)
    assert len(set(ids)) == 5


def test_a_request_id_from_outside_cannot_write_into_the_log(server: LiveServer) -> None:
    answer = server.request("GET", "/api/nothing", token=server.admin, headers={"X-Request-Id": "x" * 5000})
    assert len(answer.headers["X-Request-Id"]) < 200


def test_a_device_that_posts_too_fast_is_told_when_to_come_again(make_server: MakeServer) -> None:
    server = make_server(DEVICE_RATE="2").start()
    fast_id, calm_id = server.new_id(), server.new_id()
    fast, calm = server.enrol(fast_id), server.enrol(calm_id)
    answers = [server.heartbeat(fast_id, fast) for _ in range(200)]
    refused = [answer for answer in answers if answer.status != 200]
    assert refused, "nothing held it back"
    for answer in refused:
        must_be_an_error(answer, 429)
        assert int(answer.headers["Retry-After"]) >= 1
    assert server.heartbeat(calm_id, calm).status == 200, "its neighbour is not held"
    deadline = time.monotonic() + 15
    while server.heartbeat(fast_id, fast).status == 429:
        assert time.monotonic() < deadline, "it may come again"
        time.sleep(0.2)


def test_an_address_that_posts_too_fast_is_told_when_to_come_again(make_server: MakeServer) -> None:
    server = make_server(ADDRESS_RATE="5").start()
    answers = [server.heartbeat("x", "wrong key") for _ in range(300)]
    refused = [answer for answer in answers if answer.status == 429]
    assert refused, "nothing held it back"
    must_be_an_error(refused[-1], 429)
    assert int(refused[-1].headers["Retry-After"]) >= 1
    assert server.get("/api/health").status == 200, "people are not held by it"


def test_somebody_who_guesses_passwords_is_held_and_the_owner_gets_in_again(make_server: MakeServer) -> None:
    server = make_server().start()
    held = None
    for n in range(100):
        answer = server.post("/api/auth/login", {"username": "admin", "password": f"guess-number-{n}"})
        if answer.status == 429:
            held = answer
            break
        body = must_be_an_error(answer, 401)
        assert "password" in body["error"].lower()
    assert held is not None, "a hundred guesses were let through"
    must_be_an_error(held, 429)
    assert int(held.headers["Retry-After"]) >= 1


def test_a_wrong_name_and_a_wrong_password_are_not_told_apart(make_server: MakeServer) -> None:
    server = make_server().start()
    wrong = [
        server.post("/api/auth/login", {"username": name, "password": "not-the-password"}).json
        for name in ("admin", "nobody-of-that-name")
    ]
    for body in wrong:
        body.pop("requestId")
    assert wrong[0] == wrong[1]


def test_a_change_by_cookie_needs_the_csrf_token(server: LiveServer) -> None:
    login = server.post("/api/auth/login", {"username": "admin", "password": ADMIN_PASSWORD})
    cookies = dict(
        cookie.partition(";")[0].split("=", 1) for cookie in login.headers.get_all("Set-Cookie") or []
    )
    cookie = "; ".join(f"{name}={value}" for name, value in cookies.items())
    device_id = server.new_id()
    server.enrol(device_id)
    path = f"/api/devices/{device_id}"
    assert server.request("GET", path, headers={"Cookie": cookie}).status == 200
    body = {"name": "renamed"}
    must_be_an_error(server.request("PATCH", path, body=body, headers={"Cookie": cookie}), 403)
    for wrong in ("", "x", cookies["goip_csrf"][:-1]):
        headers = {"Cookie": cookie, "X-CSRF-Token": wrong}
        must_be_an_error(server.request("PATCH", path, body=body, headers=headers), 403)
    headers = {"Cookie": cookie, "X-CSRF-Token": cookies["goip_csrf"]}
    assert server.request("PATCH", path, body=body, headers=headers).must()["device"]["name"] == "renamed"


def test_the_log_holds_no_text_no_password_and_no_key(make_server: MakeServer) -> None:
    server = make_server(LOG_LEVEL="debug").start()
    device_id = server.new_id()
    key = server.enrol(device_id)
    server.receive_sms(device_id, key, "the secret text", sender="SECRETBANK").must()
    server.request("POST", "/api/device/heartbeat", body={"deviceId": device_id}, query={"key": key}).must()
    server.post("/api/auth/login", {"username": "admin", "password": "a wrong secret password"})
    server.post("/api/sms/receive", {"deviceId": device_id, "message": "the secret text"}, key)
    token = server.admin
    server.stop()
    log = server.log.split("\n\n", 1)[-1]  # the greeting may show a key: it is a first start
    for secret in ("the secret text", "SECRETBANK", "a wrong secret password", key, token):
        assert secret not in log
