"""Each device has a deadline of its own: online, late, offline, and back, each flip a fact with a reason."""

from __future__ import annotations

import threading
from datetime import datetime
from typing import Any

import pytest

from tests.contract.shapes import must_have_the_shape
from tests.following import Event, Follower, eventually
from tests.live_fixtures import MakeServer
from tests.live_server import LiveServer


def flips(follower: Follower) -> list[tuple[str, str, bool]]:
    return [
        (c["previousStatus"], c["currentStatus"], c["isOnline"]) for c in follower.of("device-status-change")
    ]


def goes(status: str) -> Any:
    def is_it(event: Event) -> bool:
        return event["event"] == "device-status-change" and event["data"]["currentStatus"] == status

    return is_it


def test_a_device_that_falls_silent_goes_late_then_offline_and_comes_back(server: LiveServer) -> None:
    device_id = server.new_id()
    key = server.enrol(device_id, intervalSeconds=1)
    follower = Follower(server, f"device-{device_id}")
    last_beat = server.device(device_id)
    for status, is_online in (("late", True), ("offline", False)):
        change = follower.until(goes(status), timeout=30)["data"]
        must_have_the_shape("device-status-change", change)
        assert change["reason"], "every flip says why"
        device = server.device(device_id)
        if device["status"] == status:
            assert (device["isOnline"], device["statusReason"]) == (is_online, change["reason"])
            assert device["statusSince"] == change["at"]
    assert server.device(device_id)["lastSeen"] == last_beat["lastSeen"], "silence is no sign of life"
    server.heartbeat(device_id, key, intervalSeconds=60).must()
    back = follower.until(goes("online"))["data"]
    assert (back["previousStatus"], back["isOnline"], back["isNewDevice"]) == ("offline", True, False)
    assert back["reason"]
    assert flips(follower) == [
        ("online", "late", True),
        ("late", "offline", False),
        ("offline", "online", True),
    ]


def test_the_flip_comes_within_a_second_of_the_deadline(server: LiveServer) -> None:
    device_id = server.new_id()
    server.enrol(device_id, intervalSeconds=1)
    follower = Follower(server, f"device-{device_id}")
    late = follower.until(goes("late"), timeout=30)["data"]
    offline = follower.until(goes("offline"), timeout=30)["data"]
    last_seen = server.device(device_id)["lastSeen"]
    silent = [(at(flip["at"]) - at(last_seen)).total_seconds() for flip in (late, offline)]
    assert 1 <= silent[0] <= 4.5, "one interval, a short grace, and a second at most"
    assert silent[0] + 1 <= silent[1] <= 9


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def test_a_device_that_beats_in_time_never_flips(server: LiveServer) -> None:
    device_id = server.new_id()
    key = server.enrol(device_id, intervalSeconds=1)
    follower = Follower(server, f"device-{device_id}")
    is_over = threading.Event()

    def beat() -> None:
        while not is_over.wait(0.8):
            server.heartbeat(device_id, key).must()

    beating = threading.Thread(target=beat)
    beating.start()
    silent_id = server.new_id()
    try:
        server.enrol(silent_id, intervalSeconds=1)
        silent = Follower(server, f"device-{silent_id}")
        silent.until(goes("offline"), timeout=30)
    finally:
        is_over.set()
        beating.join()
    while follower.poll():
        pass
    assert flips(follower) == []


def test_the_stats_follow_the_flips(make_server: MakeServer) -> None:
    server = make_server().start()
    server.enrol("calm", intervalSeconds=3600)
    server.enrol("silent", intervalSeconds=1)

    def counts() -> tuple[int, int, int, int]:
        stats = server.state()["stats"]
        return stats["totalDevices"], stats["onlineDevices"], stats["lateDevices"], stats["offlineDevices"]

    assert counts() == (2, 2, 0, 0)
    eventually(counts, lambda n: n == (2, 2, 1, 0), timeout=15)
    eventually(counts, lambda n: n == (2, 1, 0, 1), timeout=15)


@pytest.mark.parametrize("is_killed", [False, True], ids=["stopped", "killed"])
def test_a_restart_of_ours_raises_no_false_alarm(is_killed: bool, make_server: MakeServer) -> None:
    server = make_server().start()
    key = server.enrol("calm", intervalSeconds=600)
    server.enrol("quick", intervalSeconds=1)
    cursor = server.state()["cursor"]
    if is_killed:
        server.kill()
    server.restart()
    assert server.device("calm")["status"] == "unknown"
    follower = Follower(server, after=cursor)
    follower.until(goes("offline"), timeout=30)
    assert follower.of("device-status-change", deviceId="calm", currentStatus="offline") == []
    server.heartbeat("calm", key).must()
    change = follower.until(lambda e: goes("online")(e) and e["data"]["deviceId"] == "calm")["data"]
    assert change["reason"]
    assert server.device("calm")["status"] == "online"


def test_a_deadline_moves_with_the_declared_interval(server: LiveServer) -> None:
    device_id = server.new_id()
    key = server.enrol(device_id, intervalSeconds=100)
    before = server.device(device_id)
    assert (at(before["nextDueAt"]) - at(before["lastSeen"])).total_seconds() == 100
    assert server.heartbeat(device_id, key, intervalSeconds=30).must()["nextHeartbeatSeconds"] == 30
    after = server.device(device_id)
    assert (at(after["nextDueAt"]) - at(after["lastSeen"])).total_seconds() == 30


def test_an_operators_interval_beats_the_declared_one(server: LiveServer) -> None:
    device_id = server.new_id()
    key = server.enrol(device_id, intervalSeconds=100)
    body = {"intervalSeconds": 20}
    server.request("PATCH", f"/api/devices/{device_id}", token=server.admin, body=body).must()
    assert server.heartbeat(device_id, key, intervalSeconds=100).must()["nextHeartbeatSeconds"] == 20
