"""When what let a client in is taken back or runs out, its stream ends within five seconds, on every transport.

Socket.IO's half of it is in tests/contract/test_sessions_end.py; what is missing there is here for it too.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from tests.contract.stock_client import StockClients
from tests.live_fixtures import MakeServer
from tests.live_server import ADMIN_PASSWORD, LiveServer
from tests.streams.conftest import NAMES, MakeFollower
from tests.streams.followers import Follower
from tests.streams.links import Refused, all_ways
from tests.streams.posting import Box

END_WITHIN_SECONDS = 5.0
SHORTEST_TOKEN_SECONDS = 30.0
PASSWORD = "password-of-a-follower"


@dataclass
class Proof:
    """What a follower shows, the room that it opens, and how it is taken back."""

    token: str
    take_back: Callable[[], object]
    box: Box
    rooms: str = "dashboard"


def login(server: LiveServer, username: str = "admin", password: str = ADMIN_PASSWORD) -> dict[str, str]:
    answer: dict[str, str] = server.post(
        "/api/auth/login", {"username": username, "password": password}
    ).must()
    return answer


def logged_out(server: LiveServer, box: Box) -> Proof:
    tokens = login(server)
    token, body = tokens["accessToken"], {"refreshToken": tokens["refreshToken"]}
    return Proof(token, lambda: server.post("/api/auth/logout", body, token).must(), box)


def changed(change: dict[str, object]) -> Callable[[LiveServer, Box], Proof]:
    """A user whom an administrator changes so."""

    def make(server: LiveServer, box: Box) -> Proof:
        name = server.new_id("follower")
        body = {"username": name, "password": PASSWORD, "role": "operator"}
        path = f"/api/users/{server.post('/api/users', body, server.admin).must(201)['user']['id']}"
        token = login(server, name, PASSWORD)["accessToken"]
        return Proof(
            token, lambda: server.request("PATCH", path, token=server.admin, body=change).must(), box
        )

    return make


def revoked(server: LiveServer, box: Box) -> Proof:
    body = {"name": server.new_id("script"), "scopes": ["read"]}
    made = server.post("/api/tokens", body, server.admin).must(201)
    path = f"/api/tokens/{made['token']['id']}"
    return Proof(made["apiToken"], lambda: server.request("DELETE", path, token=server.admin).must(), box)


def rotated(server: LiveServer, box: Box) -> Proof:
    path = f"/api/devices/{box.device_id}/key"
    return Proof(box.key, lambda: server.post(path, {}, server.admin).must(), box, box.room)


def removed(server: LiveServer, box: Box) -> Proof:
    path = f"/api/devices/{box.device_id}"
    return Proof(box.key, lambda: server.request("DELETE", path, token=server.admin).must(), box, box.room)


ENDS: dict[str, Callable[[LiveServer, Box], Proof]] = {
    "a logout": logged_out,
    "a lower role": changed({"role": "viewer"}),
    "a higher role": changed({"role": "admin"}),
    "being shut out": changed({"isActive": False}),
    "a new password": changed({"password": "another-password-of-it"}),
    "a revoked API token": revoked,
    "a new key of the device": rotated,
    "the removal of the device": removed,
}


WITHOUT_A_TEST_ELSEWHERE = [
    (end, name) for end in ENDS for name in NAMES if "role" in end or not name.startswith("socketio")
]


@pytest.mark.parametrize(("end", "ways"), WITHOUT_A_TEST_ELSEWHERE, indirect=["ways"])
async def test_what_is_taken_back_ends_the_stream(
    end: str, server: LiveServer, make_follower: MakeFollower
) -> None:
    proof = ENDS[end](server, Box.enrolled(server))
    follower, other = make_follower(server, proof.token), make_follower(server)
    await follower.connect(proof.rooms)
    await other.connect(proof.rooms)
    await follower.until(proof.box.say("heard"))
    await asyncio.to_thread(proof.take_back)
    await follower.ended(within=END_WITHIN_SECONDS)
    with pytest.raises(Refused, match=r"unauthorized|invalid_token|session_revoked"):
        await follower.resume()
    bystander = Box.enrolled(server)
    if proof.rooms == "dashboard":
        await other.until(bystander.say("the others listen on"))
    assert "the others listen on" not in follower.notebook.texts


@pytest.mark.timeout(180)
async def test_what_runs_out_ends_every_stream_and_a_renewed_token_goes_on_from_there(
    clients: StockClients, make_server: MakeServer
) -> None:
    server = make_server(ACCESS_TOKEN_SECONDS=f"{SHORTEST_TOKEN_SECONDS:.0f}").start()
    box = Box.enrolled(server)
    logged_in_at = time.monotonic()
    tokens = login(server)
    followers = [Follower(server, tokens["accessToken"], [way]) for way in all_ways(clients)]
    for follower in followers:
        await follower.connect(box.room)
    ends = [
        follower.ended(within=SHORTEST_TOKEN_SECONDS + END_WITHIN_SECONDS - (time.monotonic() - logged_in_at))
        for follower in followers
    ]
    await asyncio.gather(*ends)
    assert time.monotonic() - logged_in_at >= SHORTEST_TOKEN_SECONDS - 1, "not before its time"
    box.say("meanwhile")
    body = {"refreshToken": tokens["refreshToken"]}
    renewed = server.post("/api/auth/refresh", body).must()["accessToken"]
    for follower in followers:
        await follower.resume(renewed)
        await follower.until(lambda notebook: notebook.texts == ["meanwhile"])
        assert follower.notebook.n_snapshots == 1
        await follower.drop()
