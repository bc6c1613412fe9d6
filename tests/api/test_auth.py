"""Logging in over HTTP: by JSON and by cookies, and what may not be done without either."""

import io
from http.cookies import Morsel

import pytest
from aiohttp.test_utils import TestClient, TestServer

from goip.app import build_app
from goip.config import Config
from tests.api.conftest import (
    NEW_PASSWORD,
    PASSWORD,
    Client,
    cookies_of,
    csrf_header,
    log_in,
    log_in_as_program,
    refused,
)
from tests.conftest import FakeClock


async def test_a_login_answers_tokens_and_the_user(client: Client) -> None:
    grant = await log_in(client)
    assert set(grant) == {"accessToken", "refreshToken", "expiresIn", "user"}
    assert grant["expiresIn"] == 900
    assert {**grant["user"], "id": None} == {"id": None, "username": "admin", "role": "admin"}
    response = await client.get(
        "/api/auth/me", headers={"Authorization": f"Bearer {grant['accessToken']}"}, cookies={}
    )
    assert (await response.json())["user"] == {**grant["user"], "customerId": None}


async def test_a_login_sets_cookies_that_scripts_cannot_read_and_other_sites_cannot_use(
    client: Client,
) -> None:
    response = await client.post("/api/auth/login", json={"username": "admin", "password": PASSWORD})
    cookies: dict[str, Morsel[str]] = dict(response.cookies.items())
    assert set(cookies) == {"goip_access", "goip_refresh", "goip_csrf"}
    assert all(cookie["samesite"] == "Strict" for cookie in cookies.values())
    assert {name: bool(cookie["httponly"]) for name, cookie in cookies.items()} == {
        "goip_access": True,
        "goip_refresh": True,
        "goip_csrf": False,
    }
    assert (cookies["goip_refresh"]["path"], cookies["goip_access"]["path"]) == ("/api/auth", "/")
    assert cookies["goip_access"]["max-age"] == "900"
    assert cookies["goip_csrf"]["max-age"] == cookies["goip_refresh"]["max-age"] == str(30 * 86_400)
    assert not any(cookie["secure"] for cookie in cookies.values())
    assert response.headers["Cache-Control"] == "no-store"


async def test_behind_a_trusted_proxy_that_speaks_https_the_cookies_are_secure(
    database_url: str, clock: FakeClock
) -> None:
    config = Config(database_url=database_url, admin_password=PASSWORD, trusted_proxies=("127.0.0.0/8",))
    async with TestClient(TestServer(build_app(config, clock=clock))) as client:
        response = await client.post(
            "/api/auth/login",
            json={"username": "admin", "password": PASSWORD},
            headers={"X-Forwarded-Proto": "https", "X-Forwarded-For": "192.0.2.7"},
        )
        assert all(cookie["secure"] for cookie in response.cookies.values())


async def test_a_wrong_password_is_401_and_sets_no_cookie(client: Client) -> None:
    response = await client.post("/api/auth/login", json={"username": "admin", "password": "not this one"})
    body = await refused(response, 401, "wrong_credentials")
    assert body["error"] == "wrong username or password"
    assert not response.cookies


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"password": "x"}, "username is required"),
        ({"username": None, "password": "x"}, "username is required"),
        ({"username": "admin"}, "password is required"),
        ({"username": "admin", "password": 7}, "password must be text"),
        ({"username": "admin", "password": "x" * 2000}, "password must be at most 1024 characters long"),
        ({"username": "admin", "password": "x", "remember": True}, "remember is not a known field"),
        ([], "the body must be an object"),
        ("admin", "the body must be an object"),
    ],
)
async def test_a_body_that_does_not_fit_is_refused_by_the_name_of_the_field(
    client: Client, body: object, error: str
) -> None:
    refusal = await refused(await client.post("/api/auth/login", json=body), 400, "invalid_payload")
    assert refusal["error"] == error


@pytest.mark.parametrize(
    ("body", "content_type", "code"),
    [
        (b"{", "application/json", "invalid_json"),
        (b"", "application/json", "invalid_json"),
        (b"\xff\xfe", "application/json", "invalid_json"),
        (b'{"username": "\\ud800", "password": "x"}', "application/json", "invalid_json"),
        (b"[" * 100_000, "application/json", "invalid_json"),
        (b'{"username": "admin", "password": "x"}', "text/plain", "invalid_content_type"),
        (b"username=admin&password=x", "application/x-www-form-urlencoded", "invalid_content_type"),
    ],
)
async def test_a_body_that_is_no_json_is_refused(
    client: Client, body: bytes, content_type: str, code: str
) -> None:
    response = await client.post("/api/auth/login", data=body, headers={"Content-Type": content_type})
    await refused(response, 400, code)


async def test_a_body_that_is_too_large_is_413(client: Client) -> None:
    body = io.BytesIO(b'"' + b"x" * 2_000_000 + b'"')
    response = await client.post("/api/auth/login", data=body, headers={"Content-Type": "application/json"})
    await refused(response, 413, "too_large")


async def test_guessing_is_429_with_the_seconds_to_wait(client: Client) -> None:
    for _ in range(10):
        response = await client.post(
            "/api/auth/login", json={"username": "admin", "password": "not this one"}
        )
        await refused(response, 401, "wrong_credentials")
    response = await client.post("/api/auth/login", json={"username": "admin", "password": PASSWORD})
    await refused(response, 429, "too_many_logins")
    assert response.headers["Retry-After"] == "5"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/auth/me"),
        ("POST", "/api/auth/password"),
        ("GET", "/api/users"),
        ("POST", "/api/users"),
        ("PATCH", "/api/users/1"),
        ("GET", "/api/tokens"),
        ("POST", "/api/tokens"),
        ("DELETE", "/api/tokens/1"),
    ],
)
async def test_nobody_gets_in_without_a_proof(client: Client, method: str, path: str) -> None:
    await refused(await client.request(method, path, json={}), 401, "unauthorized")


async def test_an_access_token_that_ran_out_is_401(client: Client, clock: FakeClock) -> None:
    headers = await log_in_as_program(client)
    clock.advance(900)
    await refused(await client.get("/api/auth/me", headers=headers), 401, "token_expired")


async def test_a_refresh_by_body_turns_one_pair_into_the_next(client: Client, clock: FakeClock) -> None:
    first = await log_in(client)
    client.session.cookie_jar.clear()
    clock.advance(1000)
    response = await client.post("/api/auth/refresh", json={"refreshToken": first["refreshToken"]})
    second = await response.json()
    assert second["refreshToken"] != first["refreshToken"]
    assert second["user"] == first["user"]
    clock.advance(31)
    response = await client.post("/api/auth/refresh", json={"refreshToken": first["refreshToken"]})
    await refused(response, 401, "session_revoked")
    response = await client.post("/api/auth/refresh", json={"refreshToken": second["refreshToken"]})
    await refused(response, 401, "session_revoked")


async def test_a_page_refreshes_by_its_cookie_and_keeps_its_csrf_token(
    client: Client, clock: FakeClock
) -> None:
    await log_in(client)
    before = cookies_of(client)
    clock.advance(1000)
    await refused(await client.get("/api/auth/me"), 401, "token_expired")
    response = await client.post("/api/auth/refresh", json={}, headers=csrf_header(client))
    assert response.status == 200
    after = cookies_of(client)
    assert after["goip_csrf"] == before["goip_csrf"]
    assert after["goip_access"] != before["goip_access"]
    assert (await client.get("/api/auth/me")).status == 200


async def test_a_refresh_needs_no_body_at_all(client: Client) -> None:
    await log_in(client)
    assert (await client.post("/api/auth/refresh", headers=csrf_header(client))).status == 200


async def test_a_refresh_without_a_token_is_401(client: Client) -> None:
    await refused(await client.post("/api/auth/refresh", json={}), 401, "token_required")


@pytest.mark.parametrize("header", [{}, {"X-CSRF-Token": "wrong"}, {"X-CSRF-Token": ""}])
@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/api/auth/refresh", {}),
        ("POST", "/api/auth/logout", {}),
        ("POST", "/api/auth/password", {"currentPassword": PASSWORD, "newPassword": NEW_PASSWORD}),
        ("POST", "/api/users", {"username": "mallory", "password": NEW_PASSWORD, "role": "admin"}),
        ("POST", "/api/tokens", {"name": "mallory's", "scopes": ["admin"]}),
    ],
)
async def test_another_site_cannot_use_the_cookies(
    client: Client, method: str, path: str, body: object, header: dict[str, str]
) -> None:
    await log_in(client)
    await refused(await client.request(method, path, json=body, headers=header), 403, "csrf")
    assert (await client.get("/api/auth/me")).status == 200


async def test_what_a_program_proves_by_header_needs_no_csrf_token(client: Client) -> None:
    headers = await log_in_as_program(client)
    assert (
        await client.post("/api/tokens", json={"name": "x", "scopes": ["read"]}, headers=headers)
    ).status == 201


async def test_logging_out_ends_the_session_and_takes_the_cookies_back(client: Client) -> None:
    grant = await log_in(client)
    response = await client.post("/api/auth/logout", json={}, headers=csrf_header(client))
    assert await response.json() == {"success": True}
    assert cookies_of(client) == {}
    headers = {"Authorization": f"Bearer {grant['accessToken']}"}
    await refused(await client.get("/api/auth/me", headers=headers), 401, "session_revoked")
    response = await client.post("/api/auth/refresh", json={"refreshToken": grant["refreshToken"]})
    await refused(response, 401, "session_revoked")


async def test_logging_out_works_after_the_access_token_ran_out(client: Client, clock: FakeClock) -> None:
    grant = await log_in(client)
    clock.advance(3600)
    assert (await client.post("/api/auth/logout", json={}, headers=csrf_header(client))).status == 200
    response = await client.post("/api/auth/refresh", json={"refreshToken": grant["refreshToken"]})
    await refused(response, 401, "session_revoked")


async def test_a_program_logs_out_by_either_token_and_twice_is_no_error(client: Client) -> None:
    for by_refresh_token in (True, False):
        grant = await log_in(client)
        client.session.cookie_jar.clear()
        headers = {"Authorization": f"Bearer {grant['accessToken']}"}
        body = {"refreshToken": grant["refreshToken"]} if by_refresh_token else {}
        for _ in range(2):
            response = await client.post("/api/auth/logout", json=body, headers={} if body else headers)
            assert response.status == 200
        await refused(await client.get("/api/auth/me", headers=headers), 401, "session_revoked")


async def test_who_changes_the_own_password_stays_in_here_and_is_out_elsewhere(client: Client) -> None:
    elsewhere = await log_in_as_program(client)
    here = await log_in_as_program(client)
    body = {"currentPassword": PASSWORD, "newPassword": NEW_PASSWORD}
    assert (await client.post("/api/auth/password", json=body, headers=here)).status == 200
    assert (await client.get("/api/auth/me", headers=here)).status == 200
    await refused(await client.get("/api/auth/me", headers=elsewhere), 401, "session_revoked")
    await log_in(client, password=NEW_PASSWORD)


async def test_a_password_is_changed_only_with_the_current_one_and_for_a_good_one(client: Client) -> None:
    headers = await log_in_as_program(client)
    body = {"currentPassword": "not this one", "newPassword": NEW_PASSWORD}
    refusal = await refused(
        await client.post("/api/auth/password", json=body, headers=headers), 400, "wrong_credentials"
    )
    assert refusal["fields"] == {"currentPassword": ["Is wrong."]}
    body = {"currentPassword": PASSWORD, "newPassword": "short"}
    refusal = await refused(
        await client.post("/api/auth/password", json=body, headers=headers), 400, "invalid_payload"
    )
    assert refusal["error"] == "newPassword must have at least 10 characters"


@pytest.mark.parametrize("role", ["viewer", "operator"])
async def test_only_administrators_reach_users_and_tokens(client: Client, role: str) -> None:
    admin = await log_in_as_program(client)
    body = {"username": "vera", "password": NEW_PASSWORD, "role": role}
    await client.post("/api/users", json=body, headers=admin)
    vera = await log_in_as_program(client, "vera", NEW_PASSWORD)
    assert (await client.get("/api/auth/me", headers=vera)).status == 200
    for method, path in (
        ("GET", "/api/users"),
        ("POST", "/api/users"),
        ("PATCH", "/api/users/1"),
        ("GET", "/api/tokens"),
        ("POST", "/api/tokens"),
        ("DELETE", "/api/tokens/1"),
    ):
        await refused(await client.request(method, path, json={}, headers=vera), 403, "forbidden")


async def test_an_enrolment_key_opens_no_door_for_users(client: Client) -> None:
    headers = {"Authorization": "Bearer enrol-me-please"}
    await refused(await client.get("/api/users", headers=headers), 401, "invalid_key")
