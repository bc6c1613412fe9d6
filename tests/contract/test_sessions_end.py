"""When a token runs out or is taken back, its live sockets and waiting requests end within five seconds."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.contract.conftest import WAYS, Way
from tests.contract.stock_client import StockClients, StockSocket
from tests.following import eventually
from tests.http_calls import Answer
from tests.live_fixtures import MakeServer
from tests.live_server import ADMIN_PASSWORD, LiveServer

END_WITHIN_SECONDS = 5.0
SHORTEST_TOKEN_SECONDS = 30.0


class Waiting:
    """A long poll in the background."""

    def __init__(self, server: LiveServer, token: str) -> None:
        self.answer: Answer | None = None
        cursor = server.state("dashboard", token)["cursor"]
        self._thread = threading.Thread(target=self._wait, args=(server, token, cursor))
        self._thread.start()

    def _wait(self, server: LiveServer, token: str, cursor: str) -> None:
        self.answer = server.get("/api/events", token, rooms="dashboard", after=cursor, wait=25, timeout=30)

    def must_end(self, within: float) -> None:
        self._thread.join(within)
        assert self.answer is not None, f"the long poll still waits after {within} s"


def must_be_disconnected(socket: StockSocket, within: float = END_WITHIN_SECONDS) -> None:
    socket.wait_for("disconnect", timeout=within)


def session(server: LiveServer, username: str = "admin", password: str = ADMIN_PASSWORD) -> dict[str, Any]:
    """The answer to a login."""
    body = {"username": username, "password": password}
    answer: dict[str, Any] = server.post("/api/auth/login", body).must()
    return answer


def connected(way: Way, clients: StockClients, server: LiveServer, token: str) -> StockSocket:
    socket = way.connect(clients, server, token, reconnection=False)
    assert socket.call("join-dashboard")["ok"] is True
    return socket


@pytest.mark.timeout(180)
def test_an_expired_token_ends_all_that_it_opened_and_a_renewed_one_goes_on_from_there(
    clients: StockClients, make_server: MakeServer
) -> None:
    server = make_server(ACCESS_TOKEN_SECONDS=f"{SHORTEST_TOKEN_SECONDS:.0f}").start()
    device_id = server.new_id()
    key = server.enrol(device_id)
    logged_in_at = time.monotonic()
    tokens = session(server)
    sockets = [connected(way, clients, server, tokens["accessToken"]) for way in (WAYS[0], WAYS[5])]
    cursor = sockets[0].wait_for("state")["cursor"]
    eventually(
        lambda: time.monotonic() - logged_in_at > SHORTEST_TOKEN_SECONDS - 5, timeout=SHORTEST_TOKEN_SECONDS
    )
    waiting = Waiting(server, tokens["accessToken"])
    for socket in sockets:
        must_be_disconnected(
            socket, logged_in_at + SHORTEST_TOKEN_SECONDS + END_WITHIN_SECONDS - time.monotonic()
        )
    assert time.monotonic() - logged_in_at >= SHORTEST_TOKEN_SECONDS - 1, "not before its time"
    waiting.must_end(END_WITHIN_SECONDS)
    assert server.get("/api/state", tokens["accessToken"]).status == 401
    refused = WAYS[0].connect(clients, server, tokens["accessToken"], is_awaited=False, reconnection=False)
    assert refused.wait_for("connect_error")["data"]["code"] == "unauthorized"

    server.receive_sms(device_id, key, "meanwhile").must()
    renewed = server.post("/api/auth/refresh", {"refreshToken": tokens["refreshToken"]}).must()
    again = WAYS[0].connect(clients, server, renewed["accessToken"])
    assert again.call("join-dashboard", {"cursor": cursor})["recovered"] is True
    assert again.wait_for("sms-received")["message"] == "meanwhile"


def test_a_logout_ends_the_sockets_and_long_polls_of_that_session_alone(
    way: Way, clients: StockClients, server: LiveServer
) -> None:
    leaving, staying = session(server), session(server)
    gone = connected(way, clients, server, leaving["accessToken"])
    kept = connected(way, clients, server, staying["accessToken"])
    waiting = Waiting(server, leaving["accessToken"])
    server.post("/api/auth/logout", {"refreshToken": leaving["refreshToken"]}, leaving["accessToken"]).must()
    must_be_disconnected(gone)
    waiting.must_end(END_WITHIN_SECONDS)
    assert kept.call("join-dashboard")["ok"] is True
    assert kept.received("disconnect") == []
    assert server.get("/api/auth/me", leaving["accessToken"]).status == 401


def test_a_user_who_is_shut_out_loses_the_socket(way: Way, clients: StockClients, server: LiveServer) -> None:
    name = server.new_id("leaver")
    body = {"username": name, "password": "password-of-a-leaver", "role": "viewer"}
    user = server.post("/api/users", body, server.admin).must(201)["user"]
    token = session(server, name, body["password"])["accessToken"]
    socket = connected(way, clients, server, token)
    server.request("PATCH", f"/api/users/{user['id']}", token=server.admin, body={"isActive": False}).must()
    must_be_disconnected(socket)
    assert server.get("/api/state", token).status == 401


def test_a_changed_password_ends_the_sessions_under_the_old_one(
    way: Way, clients: StockClients, server: LiveServer
) -> None:
    name = server.new_id("changer")
    body = {"username": name, "password": "password-before-it", "role": "viewer"}
    user = server.post("/api/users", body, server.admin).must(201)["user"]
    socket = connected(way, clients, server, session(server, name, body["password"])["accessToken"])
    changed = {"password": "password-after-it"}
    server.request("PATCH", f"/api/users/{user['id']}", token=server.admin, body=changed).must()
    must_be_disconnected(socket)


def test_a_refresh_token_used_twice_ends_the_whole_family(
    way: Way, clients: StockClients, server: LiveServer
) -> None:
    first = session(server)
    second = server.post("/api/auth/refresh", {"refreshToken": first["refreshToken"]}).must()
    third = server.post("/api/auth/refresh", {"refreshToken": second["refreshToken"]}).must()
    socket = connected(way, clients, server, third["accessToken"])
    # The last but one might be a repeat after a lost answer; the one before it is in other hands.
    assert server.post("/api/auth/refresh", {"refreshToken": first["refreshToken"]}).status == 401
    must_be_disconnected(socket)
    assert server.post("/api/auth/refresh", {"refreshToken": third["refreshToken"]}).status == 401


def test_a_revoked_api_token_ends_its_sockets(way: Way, clients: StockClients, server: LiveServer) -> None:
    body = {"name": server.new_id("script"), "scopes": ["read"]}
    made = server.post("/api/tokens", body, server.admin).must(201)
    socket = connected(way, clients, server, made["apiToken"])
    server.request("DELETE", f"/api/tokens/{made['token']['id']}", token=server.admin).must()
    must_be_disconnected(socket)
    assert server.get("/api/state", made["apiToken"]).status == 401


@pytest.mark.parametrize("what", ["a new key", "its removal"])
def test_a_device_whose_key_is_gone_loses_its_socket(
    what: str, way: Way, clients: StockClients, server: LiveServer
) -> None:
    device_id = server.new_id()
    key = server.enrol(device_id)
    socket = way.connect(clients, server, reconnection=False)
    assert socket.call("device:authenticate", {"deviceId": device_id, "key": key})["ok"] is True
    ends: dict[str, Callable[[], Answer]] = {
        "a new key": lambda: server.post(f"/api/devices/{device_id}/key", {}, server.admin),
        "its removal": lambda: server.request("DELETE", f"/api/devices/{device_id}", token=server.admin),
    }
    ends[what]().must()
    must_be_disconnected(socket)
    assert server.heartbeat(device_id, key).status in (401, 403)


def test_a_device_socket_may_not_post_with_a_key_that_was_taken_back(
    way: Way, clients: StockClients, server: LiveServer
) -> None:
    device_id = server.new_id()
    key = server.enrol(device_id, batteryLevel=70)
    socket = way.connect(clients, server, reconnection=False)
    socket.call("device:authenticate", {"deviceId": device_id, "key": key})
    server.post(f"/api/devices/{device_id}/key", {}, server.admin).must()
    must_be_disconnected(socket)
    assert server.device(device_id)["batteryLevel"] == 70


def test_what_another_was_let_into_is_left_when_the_socket_becomes_a_device(
    way: Way, clients: StockClients, server: LiveServer
) -> None:
    device_id, other_id = server.new_id(), server.new_id()
    key, other_key = server.enrol(device_id), server.enrol(other_id)
    socket = way.connect(clients, server, server.admin)
    socket.call("join-dashboard")
    assert socket.call("device:authenticate", {"deviceId": device_id, "key": key})["ok"] is True
    start = socket.now
    server.receive_sms(other_id, other_key, "not for you").must()
    server.receive_sms(device_id, key, "fence").must()
    socket.wait_for("sms-received", lambda sms: sms["message"] == "fence")
    assert [sms["message"] for sms in socket.received("sms-received", start=start)] == ["fence"]
