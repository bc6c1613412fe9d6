"""Users over HTTP: what an administrator may do to them, and what it takes from them."""

import pytest

from tests.api.conftest import NEW_PASSWORD, PASSWORD, Client, log_in, log_in_as_program, refused
from tests.conftest import FakeClock


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
