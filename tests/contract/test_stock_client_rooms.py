"""Joining rooms, and what is sent to them, with the stock client."""

from __future__ import annotations

import re

import pytest

from tests.contract.conftest import Way
from tests.contract.shapes import JOIN_ACK, REFUSED_ACK, SLOT, TIME, must_have_the_shape
from tests.contract.stock_client import StockClients
from tests.live_server import LiveServer


@pytest.fixture(scope="module")
def viewer(server: LiveServer) -> str:
    """The access token of a user who may only look."""
    return server.add_user("viewer")


def test_a_viewer_who_joins_is_acknowledged_and_sent_the_state(
    any_way: Way, clients: StockClients, server: LiveServer, viewer: str
) -> None:
    device_id = server.new_id()
    server.enrol(device_id, batteryLevel=61)
    socket = any_way.connect(clients, server, viewer)
    ack = socket.call("join-dashboard")
    assert set(ack) == JOIN_ACK
    assert (ack["ok"], ack["room"], ack["recovered"]) == (True, "dashboard", False)
    state = socket.wait_for("state")
    must_have_the_shape("state", state)
    assert state["cursor"] == ack["cursor"]
    assert state["rooms"] == ["dashboard"]
    (device,) = [device for device in state["devices"] if device["deviceId"] == device_id]
    must_have_the_shape("device-heartbeat", device)
    assert device["batteryLevel"] == 61


def test_the_state_of_a_device_room_is_that_device_alone(
    way: Way, clients: StockClients, server: LiveServer, viewer: str
) -> None:
    device_id, other_id = server.new_id(), server.new_id()
    server.enrol(device_id)
    server.enrol(other_id)
    socket = way.connect(clients, server, viewer)
    ack = socket.call("join-device-room", device_id)
    assert ack["room"] == f"device-{device_id}"
    state = socket.wait_for("state")
    must_have_the_shape("state", state)
    assert [device["deviceId"] for device in state["devices"]] == [device_id]


def test_a_device_room_is_named_by_text_or_by_an_object(
    way: Way, clients: StockClients, server: LiveServer, viewer: str
) -> None:
    device_id = server.new_id()
    server.enrol(device_id)
    socket = way.connect(clients, server, viewer)
    assert socket.call("join-device-room", {"deviceId": device_id})["room"] == f"device-{device_id}"


@pytest.mark.parametrize("target", [None, "", 5, [], {}, {"deviceId": None}, {"deviceId": ["x"]}, True])
def test_a_room_without_a_device_id_is_refused_in_the_ack(
    target: object, way: Way, clients: StockClients, server: LiveServer, viewer: str
) -> None:
    socket = way.connect(clients, server, viewer)
    ack = socket.call("join-device-room", target)
    assert set(ack) == REFUSED_ACK
    assert (ack["ok"], ack["code"]) == (False, "invalid_payload")
    assert socket.call("join-dashboard")["ok"] is True, "the connection lives on"


def test_everything_that_happens_reaches_the_dashboard_and_the_device_room(
    any_way: Way, clients: StockClients, server: LiveServer, viewer: str
) -> None:
    device_id = server.new_id()
    dashboard, room = (any_way.connect(clients, server, viewer) for _ in range(2))
    dashboard.call("join-dashboard")
    room.call("join-device-room", device_id)
    slot = {
        "slotIndex": 1,
        "carrierName": "Example Mobile",
        "phoneNumber": "+15550111",
        "signalStatus": "Good",
    }
    key = server.enrol(device_id, name="Attic", batteryLevel=80, simSlots=[slot])
    answer = server.receive_sms(device_id, key, "hello", slotIndex=1, messageId="m-1").must()
    server.heartbeat(device_id, key, batteryLevel=79).must()

    def is_ours(data: dict[str, object]) -> bool:
        return data["deviceId"] == device_id

    for socket in (dashboard, room):
        change = socket.wait_for("device-status-change", is_ours)
        sms = socket.wait_for("sms-received", is_ours)
        beat = socket.wait_for("device-heartbeat", lambda d: is_ours(d) and d["batteryLevel"] == 79)
        for name, data in (
            ("device-status-change", change),
            ("sms-received", sms),
            ("device-heartbeat", beat),
        ):
            must_have_the_shape(name, data)
        assert (change["previousStatus"], change["currentStatus"]) == (None, "online")
        assert (change["isNewDevice"], change["isOnline"]) == (True, True)
        assert change["reason"]
        assert sms["id"] == answer["messageId"]
        assert (sms["sender"], sms["message"], sms["carrierName"]) == ("+15550123", "hello", "Example Mobile")
        assert sms["slotInfo"] == {
            "slotIndex": 1,
            "carrierName": "Example Mobile",
            "phoneNumber": "+15550111",
        }
        assert re.fullmatch(TIME, sms["receivedAt"])
        assert set(beat["simSlots"][0]) == SLOT
        assert (beat["name"], beat["phoneNumbers"], beat["isOnline"]) == ("Attic", ["+15550111"], True)
        assert re.fullmatch(TIME, beat["lastSeen"])
    must_have_the_shape("stats-update", dashboard.wait_for("stats-update"))


def test_the_stats_count_what_came(way: Way, clients: StockClients, server: LiveServer, viewer: str) -> None:
    socket = way.connect(clients, server, viewer)
    socket.call("join-dashboard")
    before = socket.wait_for("state")["stats"]
    device_id = server.new_id()
    key = server.enrol(device_id)
    server.receive_sms(device_id, key).must()
    after = socket.wait_for("stats-update", lambda stats: stats["totalSms"] == before["totalSms"] + 1)
    assert after["receivedSms"] == before["receivedSms"] + 1
    assert after["totalDevices"] == before["totalDevices"] + 1


def test_a_client_in_two_rooms_of_one_device_is_told_once(
    way: Way, clients: StockClients, server: LiveServer, viewer: str
) -> None:
    device_id = server.new_id()
    key = server.enrol(device_id)
    socket = way.connect(clients, server, viewer)
    socket.call("join-dashboard")
    socket.call("join-device-room", device_id)
    server.receive_sms(device_id, key, "once").must()
    server.receive_sms(device_id, key, "fence").must()
    socket.wait_for("sms-received", lambda sms: sms["message"] == "fence")
    assert [sms["message"] for sms in socket.received("sms-received")] == ["once", "fence"]


def test_after_leaving_a_room_nothing_of_it_comes(
    any_way: Way, clients: StockClients, server: LiveServer, viewer: str
) -> None:
    left_id, kept_id = server.new_id(), server.new_id()
    left_key, kept_key = server.enrol(left_id), server.enrol(kept_id)
    socket = any_way.connect(clients, server, viewer)
    socket.call("join-device-room", left_id)
    socket.call("join-device-room", kept_id)
    assert socket.call("leave-device-room", left_id)["ok"] is True
    server.receive_sms(left_id, left_key, "not for you").must()
    server.receive_sms(kept_id, kept_key, "fence").must()
    socket.wait_for("sms-received", lambda sms: sms["message"] == "fence")
    assert [sms["deviceId"] for sms in socket.received("sms-received")] == [kept_id]


def test_a_room_that_was_never_joined_may_be_left(
    way: Way, clients: StockClients, server: LiveServer, viewer: str
) -> None:
    socket = way.connect(clients, server, viewer)
    assert socket.call("leave-device-room", server.new_id())["ok"] is True


def test_one_device_room_hears_nothing_of_another(
    way: Way, clients: StockClients, server: LiveServer, viewer: str
) -> None:
    quiet_id, loud_id = server.new_id(), server.new_id()
    quiet_key, loud_key = server.enrol(quiet_id), server.enrol(loud_id)
    socket = way.connect(clients, server, viewer)
    socket.call("join-device-room", quiet_id)
    start = socket.now
    server.receive_sms(loud_id, loud_key).must()
    server.heartbeat(loud_id, loud_key, batteryLevel=3).must()
    server.receive_sms(quiet_id, quiet_key, "fence").must()
    socket.wait_for("sms-received", lambda sms: sms["message"] == "fence")
    told = [data for _, (data, *_) in socket.happened[start:] if "deviceId" in data]
    assert {data["deviceId"] for data in told} == {quiet_id}


def test_what_is_emitted_has_strictly_increasing_seqs(
    way: Way, clients: StockClients, server: LiveServer, viewer: str
) -> None:
    socket = way.connect(clients, server, viewer)
    socket.call("join-dashboard")
    start = socket.now
    device_id = server.new_id()
    key = server.enrol(device_id)
    for n in range(30):
        server.receive_sms(device_id, key, f"{n}").must()
        server.heartbeat(device_id, key, batteryLevel=n).must()
    socket.wait_for("device-heartbeat", lambda d: d["deviceId"] == device_id and d["batteryLevel"] == 29)
    seqs = [args[0]["seq"] for _, args in socket.happened[start:]]
    assert seqs == sorted(set(seqs))
    assert len(socket.received("sms-received")) == 30


def test_the_newest_beat_wins_and_comes_last(
    way: Way, clients: StockClients, server: LiveServer, viewer: str
) -> None:
    device_id = server.new_id()
    key = server.enrol(device_id)
    socket = way.connect(clients, server, viewer)
    socket.call("join-device-room", device_id)
    for level in range(20):
        server.heartbeat(device_id, key, batteryLevel=level).must()
    socket.wait_for("device-heartbeat", lambda d: d["batteryLevel"] == 19)
    levels = [data["batteryLevel"] for data in socket.received("device-heartbeat")]
    assert levels == sorted(levels)


def test_what_the_sockets_serve_on_a_join_is_what_the_state_endpoint_serves(
    way: Way, clients: StockClients, server: LiveServer, viewer: str
) -> None:
    device_id = server.new_id()
    server.enrol(device_id, batteryLevel=12, simSlots=[{"slotIndex": 0, "iccid": "8901000000000000001"}])
    for _ in range(20):  # until nothing happened between the two
        socket = way.connect(clients, server, viewer)
        socket.call("join-dashboard")
        by_socket = socket.wait_for("state")
        by_polling = server.state("dashboard", viewer)
        if by_socket["cursor"] == by_polling["cursor"]:
            break
    for snapshot in (by_socket, by_polling):
        snapshot.pop("serverTime")
        snapshot["stats"].pop("timestamp")
        snapshot["devices"].sort(key=lambda device: device["deviceId"])
    assert by_socket == by_polling
