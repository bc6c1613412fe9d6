"""Who gets a Socket.IO connection, with the stock client, over each transport and path."""

from __future__ import annotations

import base64
import json

import pytest

from tests.contract.conftest import Way
from tests.contract.stock_client import StockClients
from tests.following import eventually
from tests.live_server import ADMIN_PASSWORD, LiveServer


def cookie_of(server: LiveServer) -> str:
    """What a browser would send after a login."""
    body = {"username": "admin", "password": ADMIN_PASSWORD}
    cookies = server.post("/api/auth/login", body).headers.get_all("Set-Cookie") or []
    access = [cookie.partition(";")[0] for cookie in cookies if cookie.startswith("goip_access=")]
    assert len(access) == 1, cookies
    return access[0]


def unsigned(token: str) -> str:
    """The same claims under `alg: none`, which must never be believed."""
    header = base64.urlsafe_b64encode(json.dumps({"alg": "none", "typ": "JWT"}).encode()).decode().rstrip("=")
    return f"{header}.{token.split('.')[1]}."


def test_a_token_connects(any_way: Way, clients: StockClients, server: LiveServer) -> None:
    socket = any_way.connect(clients, server, server.admin)
    assert socket.transport == any_way.transport
    assert socket.call("join-dashboard")["ok"] is True


def test_the_cookie_of_the_page_connects(any_way: Way, clients: StockClients, server: LiveServer) -> None:
    socket = any_way.connect(clients, server, extraHeaders={"Cookie": cookie_of(server)})
    assert socket.call("join-dashboard")["ok"] is True


def test_a_client_left_to_itself_goes_from_polling_up_to_websocket(
    clients: StockClients, server: LiveServer
) -> None:
    socket = clients.connect(server.url, auth={"token": server.admin})
    assert socket.call("join-dashboard")["ok"] is True
    device_id = server.new_id()
    server.enrol(device_id)
    socket.wait_for("device-heartbeat", lambda data: data["deviceId"] == device_id)
    assert socket.transport == "websocket"


@pytest.mark.parametrize("token", ["nonsense", "a.b.c", "ключ", "x" * 5000, "alg: none"])
def test_a_bad_token_is_refused(token: str, any_way: Way, clients: StockClients, server: LiveServer) -> None:
    token = unsigned(server.admin) if token == "alg: none" else token
    socket = any_way.connect(clients, server, token, is_awaited=False)
    error = socket.wait_for("connect_error")
    assert error["data"]["code"] == "unauthorized", error
    assert socket.received("connect") == []


@pytest.mark.parametrize("token", [5, None, ["x"], {"a": 1}, True])
def test_a_token_that_is_no_text_lets_nobody_in(
    token: object, way: Way, clients: StockClients, server: LiveServer
) -> None:
    socket = way.connect(clients, server, is_awaited=False, auth={"token": token})
    eventually(lambda: socket.received("connect") or socket.received("connect_error"))
    if socket.received("connect"):
        assert socket.call("join-dashboard")["code"] == "unauthorized"


def test_the_cookie_does_not_count_on_a_page_of_another_origin(
    way: Way, clients: StockClients, server: LiveServer
) -> None:
    headers = {"Cookie": cookie_of(server), "Origin": "https://elsewhere.example"}
    socket = way.connect(clients, server, is_awaited=False, extraHeaders=headers, reconnection=False)
    eventually(lambda: socket.received("connect") or socket.received("connect_error"))
    if socket.received("connect"):
        assert socket.call("join-dashboard")["code"] == "unauthorized"


def test_without_any_proof_nothing_can_be_joined(
    any_way: Way, clients: StockClients, server: LiveServer
) -> None:
    device_id = server.new_id()
    server.enrol(device_id)
    socket = any_way.connect(clients, server)
    for join in (["join-dashboard"], ["join-device-room", device_id]):
        ack = socket.call(*join)
        assert ack["ok"] is False, ack
        assert ack["code"] == "unauthorized", ack
    watcher = any_way.connect(clients, server, server.admin)
    watcher.call("join-device-room", device_id)
    server.enrol(server.new_id())
    assert socket.received("state") == socket.received("device-heartbeat") == []
