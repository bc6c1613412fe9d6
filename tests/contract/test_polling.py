"""`GET /api/state` and `GET /api/events`: the state by polling, and the stream by (long) polling."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from tests.contract.shapes import EVENT, FRAME, must_have_the_shape
from tests.following import Follower, split_cursor
from tests.live_fixtures import MakeServer
from tests.live_server import LiveServer


class LongPoll:
    """A request for the next frame, waiting in a thread."""

    def __init__(self, server: LiveServer, rooms: str, after: str) -> None:
        self._server = server
        self.frame: dict[str, Any] = {}
        self.answered_at = 0.0
        self._thread = threading.Thread(target=self._wait, args=(rooms, after))
        n_waiting = self._n_waiting()
        self._thread.start()
        deadline = time.monotonic() + 5
        while self._n_waiting() <= n_waiting and time.monotonic() < deadline:
            time.sleep(0.01)

    def _n_waiting(self) -> int:
        n: int = self._server.get("/api/health").json["checks"]["subscribers"]
        return n

    def _wait(self, rooms: str, after: str) -> None:
        self.frame = self._server.frame(rooms, after, wait=25)
        self.answered_at = time.monotonic()

    def join(self) -> dict[str, Any]:
        self._thread.join(30)
        return self.frame


@pytest.fixture
def device(server: LiveServer) -> tuple[str, str]:
    device_id = server.new_id()
    return device_id, server.enrol(device_id)


def test_the_first_frame_is_the_snapshot(server: LiveServer) -> None:
    frame = server.get("/api/events", server.admin, rooms="dashboard").must()
    assert set(frame) == FRAME | {"state"}
    assert (frame["after"], frame["recovered"], frame["events"]) == (None, False, [])
    must_have_the_shape("state", frame["state"])
    assert frame["state"]["cursor"] == frame["cursor"]


def test_a_frame_holds_all_that_came_after_the_cursor(server: LiveServer, device: tuple[str, str]) -> None:
    room = f"device-{device[0]}"
    cursor = server.state(room)["cursor"]
    server.receive_sms(*device, "one").must()
    server.heartbeat(*device, batteryLevel=4).must()
    frame = server.frame(room, cursor)
    assert set(frame) == FRAME
    assert (frame["after"], frame["recovered"]) == (cursor, True)
    for event in frame["events"]:
        assert set(event) == EVENT
        assert event["room"] == room
        assert event["data"]["seq"] == event["seq"]
        must_have_the_shape(event["event"], event["data"])
    assert [event["event"] for event in frame["events"]] == ["sms-received", "device-heartbeat"]


def test_the_same_question_has_the_same_facts_however_often_it_is_asked(
    server: LiveServer, device: tuple[str, str]
) -> None:
    room = f"device-{device[0]}"
    cursor = server.state(room)["cursor"]
    for n in range(5):
        server.receive_sms(*device, f"{n}").must()
    frames = [server.frame(room, cursor) for _ in range(3)]
    assert frames[0]["events"] == frames[1]["events"] == frames[2]["events"]
    assert len(frames[0]["events"]) == 5


def test_a_long_poll_wakes_within_a_second_of_what_it_waits_for(
    server: LiveServer, device: tuple[str, str]
) -> None:
    room = f"device-{device[0]}"
    waiting = LongPoll(server, room, server.state(room)["cursor"])
    server.receive_sms(*device, "wake up").must()
    acknowledged_at = time.monotonic()
    (event,) = waiting.join()["events"]
    assert event["data"]["message"] == "wake up"
    assert waiting.answered_at - acknowledged_at < 1


def test_a_long_poll_sleeps_on_while_other_rooms_are_busy(
    server: LiveServer, device: tuple[str, str]
) -> None:
    room = f"device-{device[0]}"
    other_id = server.new_id()
    other_key = server.enrol(other_id)
    waiting = LongPoll(server, room, server.state(room)["cursor"])
    for n in range(10):
        server.receive_sms(other_id, other_key, f"not for you {n}").must()
    server.receive_sms(*device, "for you").must()
    assert [event["data"].get("message") for event in waiting.join()["events"]] == ["for you"]


def test_a_long_poll_without_news_ends_in_time_with_an_empty_frame(
    server: LiveServer, device: tuple[str, str]
) -> None:
    room = f"device-{device[0]}"
    cursor = server.state(room)["cursor"]
    started_at = time.monotonic()
    frame = server.frame(room, cursor, wait=1)
    assert 0.9 < time.monotonic() - started_at < 4
    assert (frame["after"], frame["recovered"], frame["events"]) == (cursor, True, [])
    assert split_cursor(frame["cursor"])[1] >= split_cursor(cursor)[1]


def test_a_poll_that_does_not_wait_is_answered_at_once(server: LiveServer) -> None:
    started_at = time.monotonic()
    server.frame("dashboard", server.state()["cursor"], wait=0)
    assert time.monotonic() - started_at < 2


@pytest.mark.parametrize("kind", ["foreign", "future"])
def test_a_cursor_that_cannot_be_resumed_gets_the_state_at_once(
    kind: str, server: LiveServer, device: tuple[str, str]
) -> None:
    room = f"device-{device[0]}"
    epoch, seq = split_cursor(server.state(room)["cursor"])
    cursor = {"foreign": f"deadbeef0000:{seq}", "future": f"{epoch}:{seq + 1_000_000}"}[kind]
    started_at = time.monotonic()
    frame = server.frame(room, cursor, wait=20)
    assert time.monotonic() - started_at < 5, "never silence"
    assert set(frame) == FRAME | {"state"}
    assert (frame["recovered"], frame["events"]) == (False, [])
    must_have_the_shape("state", frame["state"])
    assert frame["cursor"] == frame["state"]["cursor"]


def test_up_to_the_replay_limit_every_fact_comes_and_beyond_it_the_state(make_server: MakeServer) -> None:
    server = make_server(REPLAY_LIMIT="20").start()
    device_id = server.new_id()
    key = server.enrol(device_id)
    cursor = server.state()["cursor"]
    for n in range(20):
        server.receive_sms(device_id, key, f"{n}").must()
    follower = Follower(server, after=cursor)
    while follower.poll():
        pass
    assert [sms["message"] for sms in follower.of("sms-received")] == [f"{n}" for n in range(20)]
    server.receive_sms(device_id, key, "one too many").must()
    frame = server.frame("dashboard", cursor)
    assert (frame["recovered"], frame["events"]) == (False, [])
    must_have_the_shape("state", frame["state"])


def test_several_rooms_are_one_stream(server: LiveServer, device: tuple[str, str]) -> None:
    other_id = server.new_id()
    other_key = server.enrol(other_id)
    follower = Follower(server, f"device-{device[0]},device-{other_id}")
    for n in range(3):
        server.receive_sms(*device, f"a{n}").must()
        server.receive_sms(other_id, other_key, f"b{n}").must()
    follower.until(lambda event: event["data"].get("message") == "b2")
    assert [sms["message"] for sms in follower.of("sms-received")] == ["a0", "b0", "a1", "b1", "a2", "b2"]


def test_folding_the_stream_over_a_snapshot_gives_the_next_snapshot(server: LiveServer) -> None:
    ids = [server.new_id() for _ in range(4)]
    keys = {id_: server.enrol(id_, batteryLevel=50) for id_ in ids}
    rooms = ",".join(f"device-{id_}" for id_ in ids)
    before = server.state(rooms)
    follower = Follower(server, rooms, before["cursor"])
    for n in range(40):
        id_ = ids[n % 3]
        server.heartbeat(id_, keys[id_], batteryLevel=n, counter=n + 1 if n < 30 else 1).must()
    server.request("DELETE", f"/api/devices/{ids[3]}", token=server.admin).must()
    while follower.poll():
        pass
    devices = {device["deviceId"]: device for device in before["devices"]}
    for event in follower.events:
        data = event["data"]
        if event["event"] in ("device-heartbeat", "device-updated"):
            devices[data["deviceId"]] = data
        elif event["event"] == "device-removed":
            del devices[data["deviceId"]]
    after = {device["deviceId"]: device for device in server.state(rooms)["devices"]}
    assert devices == after


def test_a_follower_under_load_misses_nothing_and_sees_nothing_twice(
    server: LiveServer, device: tuple[str, str]
) -> None:
    follower = Follower(server, f"device-{device[0]}")
    n_senders, n_each = 4, 25

    def send(sender: int) -> None:
        for n in range(n_each):
            server.receive_sms(*device, f"{sender}-{n}").must()

    senders = [threading.Thread(target=send, args=(n,)) for n in range(n_senders)]
    for sender in senders:
        sender.start()
    while any(sender.is_alive() for sender in senders):
        follower.poll(wait=0.2)
    while follower.poll():
        pass
    got = [sms["message"] for sms in follower.of("sms-received")]
    assert sorted(got) == sorted(f"{s}-{n}" for s in range(n_senders) for n in range(n_each))
    for sender in range(n_senders):
        own = [text for text in got if text.startswith(f"{sender}-")]
        assert own == [f"{sender}-{n}" for n in range(n_each)], "what was acknowledged first comes first"
