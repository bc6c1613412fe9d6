"""A client of the whole server on a fresh database, and how it logs in."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import ClientResponse
from aiohttp.test_utils import TestClient
from argon2 import PasswordHasher

from goip.app import build_app
from goip.config import Config
from tests.api.quick_server import QuickTestServer
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
    async with TestClient(QuickTestServer(build_app(config, clock=clock))) as client:
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
