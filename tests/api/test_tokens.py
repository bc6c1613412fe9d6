"""API tokens over HTTP: shown once, good for their scopes, taken back at once."""

import pytest

from goip.api.appkeys import KEYRING
from tests.api.conftest import Client, log_in_as_program, refused
from tests.conftest import FakeClock


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
