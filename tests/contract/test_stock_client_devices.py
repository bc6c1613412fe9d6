"""Devices that come over Socket.IO: they prove themselves, post for themselves, and see nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.conftest import Way
from tests.contract.shapes import must_have_the_shape
from tests.contract.stock_client import StockClients, StockSocket
from tests.live_server import ENROLMENT_KEY, LiveServer


def authenticate(socket: StockSocket, device_id: str, key: str) -> dict[str, object]:
    ack: dict[str, object] = socket.call(
        "device:authenticate", {"deviceId": device_id, "key": key, "platform": "android", "version": "1.2"}
    )
    return ack


def test_a_device_joins_its_own_room_with_its_key(
    any_way: Way, clients: StockClients, server: LiveServer
) -> None:
    device_id = server.new_id()
    key = server.enrol(device_id)
    socket = any_way.connect(clients, server)
    ack = authenticate(socket, device_id, key)
    assert (ack["ok"], ack["room"]) == (True, f"device-{device_id}")
    socket.wait_for("device:registered")
    server.heartbeat(device_id, key, batteryLevel=44).must()
    beat = socket.wait_for("device-heartbeat", lambda data: data["batteryLevel"] == 44)
    must_have_the_shape("device-heartbeat", beat)


def test_a_device_may_show_its_key_as_the_token_and_join_its_own_room(
    way: Way, clients: StockClients, server: LiveServer
) -> None:
    device_id = server.new_id()
    key = server.enrol(device_id)
    socket = way.connect(clients, server, key)
    assert socket.call("join-device-room", device_id)["ok"] is True


def test_a_device_is_refused_every_other_room(
    any_way: Way, clients: StockClients, server: LiveServer
) -> None:
    device_id, other_id = server.new_id(), server.new_id()
    key, other_key = server.enrol(device_id), server.enrol(other_id)
    socket = any_way.connect(clients, server)
    assert authenticate(socket, device_id, key)["ok"] is True
    for join in (["join-dashboard"], ["join-device-room", other_id], ["subscribe", "notifications"]):
        ack = socket.call(*join)
        assert ack["ok"] is False, (join, ack)
        assert ack["code"] in ("forbidden", "not_found"), (join, ack)
    server.heartbeat(other_id, other_key, batteryLevel=1).must()
    server.heartbeat(device_id, key, batteryLevel=2).must()
    socket.wait_for("device-heartbeat", lambda data: data["batteryLevel"] == 2)
    assert {data["deviceId"] for data in socket.received("device-heartbeat")} == {device_id}


@pytest.mark.parametrize("proof", ["another device's", "unknown", "none", "a number", "nothing at all"])
def test_a_device_without_its_own_key_joins_nothing(
    proof: str, way: Way, clients: StockClients, server: LiveServer
) -> None:
    device_id, other_id = server.new_id(), server.new_id()
    server.enrol(device_id)
    other_key = server.enrol(other_id)
    told: dict[str, object] | None = {
        "another device's": {"deviceId": device_id, "key": other_key},
        "unknown": {"deviceId": device_id, "key": "goip_dk_unknown"},
        "none": {"deviceId": device_id},
        "a number": {"deviceId": device_id, "key": 5},
        "nothing at all": None,
    }[proof]
    socket = way.connect(clients, server)
    ack = socket.call("device:authenticate", told)
    assert ack["ok"] is False, ack
    assert ack["code"] in ("invalid_key", "wrong_device", "invalid_payload"), ack
    assert socket.call("join-device-room", device_id)["ok"] is False
    assert socket.received("device:registered") == socket.received("state") == []


def test_a_new_device_comes_in_with_the_enrolment_key_and_gets_its_own(
    way: Way, clients: StockClients, server: LiveServer
) -> None:
    device_id = server.new_id()
    socket = way.connect(clients, server)
    assert authenticate(socket, device_id, ENROLMENT_KEY)["ok"] is True
    registered = socket.wait_for("device:registered")
    assert (registered["deviceId"], registered["isNewDevice"]) == (device_id, True), registered
    assert socket.call("device:heartbeat", {"deviceId": device_id, "batteryLevel": 8})["success"] is True
    again = server.heartbeat(device_id, registered["deviceKey"], batteryLevel=9).must()
    assert again["isNewDevice"] is False


def test_a_heartbeat_over_the_socket_is_acknowledged_and_recorded(
    any_way: Way, clients: StockClients, server: LiveServer
) -> None:
    device_id = server.new_id()
    key = server.enrol(device_id, intervalSeconds=45)
    socket = any_way.connect(clients, server)
    authenticate(socket, device_id, key)
    ack = socket.call("device:heartbeat", {"deviceId": device_id, "batteryLevel": 33, "charging": True})
    assert ack["success"] is True, ack
    assert ack["isNewDevice"] is False
    assert ack["nextHeartbeatSeconds"] == 45
    assert socket.wait_for("heartbeat:ack")["success"] is True
    device = server.device(device_id)
    assert (device["batteryLevel"], device["charging"]) == (33, True)


def test_a_heartbeat_over_the_socket_for_another_device_is_refused(
    way: Way, clients: StockClients, server: LiveServer
) -> None:
    device_id, other_id = server.new_id(), server.new_id()
    key = server.enrol(device_id)
    server.enrol(other_id, batteryLevel=50)
    socket = way.connect(clients, server)
    authenticate(socket, device_id, key)
    ack = socket.call("device:heartbeat", {"deviceId": other_id, "batteryLevel": 1})
    assert (ack["ok"], ack["code"]) == (False, "wrong_device"), ack
    assert server.device(other_id)["batteryLevel"] == 50


def test_a_heartbeat_from_a_socket_without_proof_is_refused(
    way: Way, clients: StockClients, server: LiveServer
) -> None:
    device_id = server.new_id()
    server.enrol(device_id, batteryLevel=50)
    socket = way.connect(clients, server)
    ack = socket.call("device:heartbeat", {"deviceId": device_id, "batteryLevel": 1})
    assert (ack["ok"], ack["code"]) == (False, "device_required"), ack
    assert server.device(device_id)["batteryLevel"] == 50


@pytest.mark.parametrize(
    "body", [None, 5, "x", [], {"deviceId": ""}, {"batteryLevel": "full"}, {"simSlots": 5}]
)
def test_a_heartbeat_that_does_not_fit_is_refused_in_the_ack(
    body: object, way: Way, clients: StockClients, server: LiveServer
) -> None:
    device_id = server.new_id()
    key = server.enrol(device_id)
    socket = way.connect(clients, server)
    authenticate(socket, device_id, key)
    if isinstance(body, dict):
        body = {"deviceId": device_id} | body
    ack = socket.call("device:heartbeat", body)
    assert (ack["ok"], ack["code"]) == (False, "invalid_payload"), ack
    assert socket.call("device:heartbeat", {"deviceId": device_id})["success"] is True, "it lives on"


def reports_of(server: LiveServer, device_id: str) -> list[dict[str, Any]]:
    """What was told of its sent messages, oldest first."""
    facts = server.get(f"/api/devices/{device_id}/events", server.admin).must()["events"]
    return [fact["data"] for fact in reversed(facts) if fact["event"] == "delivery-report"]


def test_what_became_of_a_message_is_told_over_the_socket(
    any_way: Way, clients: StockClients, server: LiveServer
) -> None:
    device_id = server.new_id()
    key = server.enrol(device_id)
    socket = any_way.connect(clients, server)
    authenticate(socket, device_id, key)
    ack = socket.call("sms:sent", {"messageId": "m-1", "recipient": "+15550101", "slotIndex": 1})
    assert (ack["ok"], ack["success"], ack["messageId"]) == (True, True, "m-1"), ack
    assert socket.wait_for("sms:ack")["messageId"] == "m-1"
    failed = {"messageId": "m-1", "status": "failed", "reason": "no credit", "timestamp": 1_795_000_000_000}
    assert socket.call("sms:status", failed)["success"] is True
    assert socket.call("sms:status", failed)["success"] is True  # the ack was lost
    sent, ended = reports_of(server, device_id)
    assert (sent["reference"], sent["status"], sent["recipient"], sent["slotIndex"]) == (
        "m-1",
        "sent",
        "+15550101",
        1,
    )
    assert (ended["status"], ended["sentAt"]) == ("failed: no credit", "2026-11-18T11:06:40.000Z")


@pytest.mark.parametrize(
    ("name", "body", "field"),
    [
        ("sms:sent", {}, "messageId"),
        ("sms:status", {"messageId": "m-1"}, "status"),
        ("sms:status", {"messageId": "", "status": "sent"}, "messageId"),
        ("sms:status", {"messageId": " ", "status": "sent"}, "messageId"),
        ("sms:status", "sent", None),
    ],
)
def test_a_report_that_does_not_fit_is_refused_in_the_ack(
    name: str, body: object, field: str | None, way: Way, clients: StockClients, server: LiveServer
) -> None:
    device_id = server.new_id()
    key = server.enrol(device_id)
    socket = way.connect(clients, server)
    authenticate(socket, device_id, key)
    ack = socket.call(name, body)
    assert (ack["ok"], ack["code"]) == (False, "invalid_payload"), ack
    assert list(ack["fields"]) == ([] if field is None else [field])


def test_a_report_about_another_device_is_refused(
    way: Way, clients: StockClients, server: LiveServer
) -> None:
    device_id, other_id = server.new_id(), server.new_id()
    key = server.enrol(device_id)
    server.enrol(other_id)
    socket = way.connect(clients, server)
    authenticate(socket, device_id, key)
    ack = socket.call("sms:status", {"deviceId": other_id, "messageId": "m-1", "status": "sent"})
    assert (ack["ok"], ack["code"]) == (False, "wrong_device"), ack
    assert reports_of(server, other_id) == []


def test_the_http_twin_says_the_same(server: LiveServer) -> None:
    device_id = server.new_id()
    key = server.enrol(device_id)
    report = {"deviceId": device_id, "messageId": "m-2", "status": "delivered", "recipient": "+15550102"}
    for _ in range(2):
        answer = server.post("/api/sms/status", report, key).must()
        assert answer == {"success": True, "messageId": "m-2"}
    [told] = reports_of(server, device_id)
    assert (told["reference"], told["status"], told["recipient"]) == ("m-2", "delivered", "+15550102")
    assert server.post("/api/sms/status", report | {"deviceId": "nobody"}, key).status in (401, 403, 404)
    assert server.post("/api/sms/status", {"deviceId": device_id}, key).status == 400
