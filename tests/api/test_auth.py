"""Logging in over HTTP: by JSON and by cookies, and what may not be done without either."""

import io
from collections.abc import AsyncIterator
from http.cookies import Morsel
from typing import Any

import pytest
from aiohttp import ClientResponse
from aiohttp.test_utils import TestClient, TestServer
from argon2 import PasswordHasher

from goip.api.appkeys import KEYRING
from goip.app import build_app
from goip.config import Config
from tests.conftest import FakeClock

PASSWORD = "correct horse battery"
NEW_PASSWORD = "another good password"
Client = TestClient[Any, Any]


@pytest.fixture(autouse=True)
def cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    monkeypatch.setattr("goip.auth.passwords.default_hasher", lambda: hasher)


@pytest.fixture
async def client(database_url: str, clock: FakeClock) -> AsyncIterator[Client]:
    """A browser, as far as cookies go, that nobody has logged in with."""
    config = Config(database_url=database_url, admin_password=PASSWORD, enrollment_key="enrol-me-please")
    async with TestClient(TestServer(build_app(config, clock=clock))) as client:
        yield client


async def log_in(client: Client, username: str = "admin", password: str = PASSWORD) -> dict[str, Any]:
    response = await client.post("/api/auth/login", json={"username": username, "password": password})
    assert response.status == 200, await response.text()
    return await response.json()


async def log_in_as_program(
    client: Client, username: str = "admin", password: str = PASSWORD
) -> dict[str, str]:
    """The header that proves the user; no cookies stay behind."""
    grant = await log_in(client, username, password)
    client.session.cookie_jar.clear()
    return {"Authorization": f"Bearer {grant['accessToken']}"}


def cookies_of(client: Client) -> dict[str, str]:
    return {cookie.key: cookie.value for cookie in client.session.cookie_jar}


def csrf_header(client: Client) -> dict[str, str]:
    return {"X-CSRF-Token": cookies_of(client)["goip_csrf"]}


async def refused(response: ClientResponse, status: int, code: str) -> dict[str, Any]:
    body = await response.json()
    assert (response.status, body["success"], body["code"]) == (status, False, code), body
    assert body["requestId"]
    return body


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


async def test_an_administrator_adds_and_lists_users(client: Client, clock: FakeClock) -> None:
    headers = await log_in_as_program(client)
    body = {"username": "Vera", "password": NEW_PASSWORD, "role": "operator"}
    response = await client.post("/api/users", json=body, headers=headers)
    assert response.status == 201
    vera = (await response.json())["user"]
    assert {**vera, "id": ""} == {
        "id": "",
        "username": "vera",
        "role": "operator",
        "isActive": True,
        "createdAt": "2026-11-21T05:22:21.123Z",
        "lastLoginAt": None,
    }
    await log_in(client, "vera", NEW_PASSWORD)
    listed = await (await client.get("/api/users", headers=headers)).json()
    assert (listed["nextCursor"], listed["total"]) == (None, 2)
    assert [user["username"] for user in listed["users"]] == ["admin", "vera"]
    assert listed["users"][1]["lastLoginAt"] == "2026-11-21T05:22:21.123Z"
    assert "hash" not in str(listed).lower()
    await refused(await client.post("/api/users", json=body, headers=headers), 409, "conflict")


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"username": "two words"}, "username must be 1 to 64 letters, digits or . _ @ + -"),
        ({"username": ""}, "username must be 1 to 100 characters long"),
        ({"password": "short"}, "password must have at least 10 characters"),
        ({"role": "root"}, "role must be one of viewer, operator, admin"),
        ({"isAdmin": True}, "isAdmin is not a known field"),
    ],
)
async def test_a_user_that_cannot_be_is_refused(
    client: Client, changes: dict[str, object], error: str
) -> None:
    headers = await log_in_as_program(client)
    body = {"username": "vera", "password": NEW_PASSWORD, "role": "viewer", **changes}
    refusal = await refused(
        await client.post("/api/users", json=body, headers=headers), 400, "invalid_payload"
    )
    assert refusal["error"] == error
    assert set(refusal["fields"]) == set(changes)


async def test_a_user_who_is_shut_out_is_out_at_once(client: Client) -> None:
    admin = await log_in_as_program(client)
    body = {"username": "vera", "password": NEW_PASSWORD, "role": "admin"}
    vera = (await (await client.post("/api/users", json=body, headers=admin)).json())["user"]
    headers = await log_in_as_program(client, "vera", NEW_PASSWORD)
    response = await client.post("/api/tokens", json={"name": "vera's", "scopes": ["read"]}, headers=headers)
    token = {"Authorization": f"Bearer {(await response.json())['apiToken']}"}
    assert (await client.get("/api/devices", headers=token)).status == 200
    response = await client.patch(f"/api/users/{vera['id']}", json={"isActive": False}, headers=admin)
    assert (await response.json())["user"]["isActive"] is False
    await refused(await client.get("/api/auth/me", headers=headers), 401, "session_revoked")
    assert (await client.get("/api/devices", headers=token)).status == 401
    response = await client.post("/api/auth/login", json={"username": "vera", "password": NEW_PASSWORD})
    await refused(response, 401, "wrong_credentials")


async def test_an_administrator_gives_a_user_another_role_and_password(client: Client) -> None:
    admin = await log_in_as_program(client)
    body = {"username": "vera", "password": NEW_PASSWORD}
    vera = (await (await client.post("/api/users", json=body, headers=admin)).json())["user"]
    assert vera["role"] == "viewer"
    changes = {"role": "operator", "password": PASSWORD}
    response = await client.patch(f"/api/users/{vera['id']}", json=changes, headers=admin)
    assert (await response.json())["user"]["role"] == "operator"
    assert (await log_in(client, "vera", PASSWORD))["user"]["role"] == "operator"


async def test_the_last_administrator_cannot_step_down(client: Client) -> None:
    admin = await log_in_as_program(client)
    user_id = (await (await client.get("/api/auth/me", headers=admin)).json())["user"]["id"]
    response = await client.patch(f"/api/users/{user_id}", json={"role": "viewer"}, headers=admin)
    await refused(response, 409, "last_admin")
    assert (await client.get("/api/auth/me", headers=admin)).status == 200


@pytest.mark.parametrize("user_id", ["4711", "0", "x", "1e3", "²", "9" * 30])
async def test_a_user_who_is_not_there_is_404(client: Client, user_id: str) -> None:
    admin = await log_in_as_program(client)
    response = await client.patch(f"/api/users/{user_id}", json={"role": "viewer"}, headers=admin)
    await refused(response, 404, "unknown_user")


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


async def test_an_api_token_is_shown_once_works_and_can_be_taken_back(client: Client) -> None:
    admin = await log_in_as_program(client)
    body = {"name": "backup", "scopes": ["read"], "expiresAt": "2026-12-01T00:00:00Z"}
    created = await (await client.post("/api/tokens", json=body, headers=admin)).json()
    assert created["token"]["expiresAt"] == "2026-12-01T00:00:00.000Z"
    assert created["token"]["scopes"] == ["read"]
    script = {"Authorization": f"Bearer {created['apiToken']}"}
    assert (await client.get("/api/devices", headers=script)).status == 200
    await refused(await client.get("/api/tokens", headers=script), 403, "forbidden")
    await client.server.app[KEYRING].close()
    listed = await (await client.get("/api/tokens", headers=admin)).json()
    (shown,) = listed["tokens"]
    assert shown["firstUsedAt"] == "2026-11-21T05:22:21.123Z"
    assert created["apiToken"] not in str(listed)
    path = f"/api/tokens/{shown['id']}"
    assert await (await client.delete(path, headers=admin)).json() == {"success": True}
    await refused(await client.delete(path, headers=admin), 404, "unknown_key")
    assert (await client.get("/api/devices", headers=script)).status == 401


async def test_an_api_token_that_ran_out_is_401(client: Client, clock: FakeClock) -> None:
    admin = await log_in_as_program(client)
    body = {"name": "backup", "scopes": ["read"], "expiresAt": clock() + 60_000}
    created = await (await client.post("/api/tokens", json=body, headers=admin)).json()
    clock.advance(60)
    headers = {"Authorization": f"Bearer {created['apiToken']}"}
    assert (await client.get("/api/devices", headers=headers)).status == 401


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": ""}, "name"),
        ({"scopes": []}, "scopes"),
        ({"scopes": ["everything"]}, "scopes.0"),
        ({"scopes": "read"}, "scopes"),
        ({"expiresAt": "2020-01-01T00:00:00Z"}, "expiresAt"),
        ({"expiresAt": "tomorrow"}, "expiresAt"),
    ],
)
async def test_an_api_token_that_cannot_be_is_refused(
    client: Client, changes: dict[str, object], field: str
) -> None:
    admin = await log_in_as_program(client)
    body = {"name": "backup", "scopes": ["read"], **changes}
    refusal = await refused(
        await client.post("/api/tokens", json=body, headers=admin), 400, "invalid_payload"
    )
    assert set(refusal["fields"]) == {field}


async def test_an_enrolment_key_opens_no_door_for_users(client: Client) -> None:
    headers = {"Authorization": "Bearer enrol-me-please"}
    await refused(await client.get("/api/users", headers=headers), 401, "invalid_key")
