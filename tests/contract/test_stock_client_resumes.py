"""A client that was away: facts exact, state latest-wins, and never a partial replay."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from tests.contract.conftest import Way
from tests.contract.shapes import EVENT, must_have_the_shape
from tests.contract.stock_client import StockClients, StockSocket
from tests.following import Follower, cursor_at, eventually, split_cursor
from tests.live_fixtures import MakeServer
from tests.live_server import LiveServer


def texts(socket: StockSocket, start: int = 0) -> list[str]:
    """The messages that came as single events, in the order of their coming."""
    return [sms["message"] for sms in socket.received("sms-received", start=start)]


def texts_of(frames: list[dict[str, Any]]) -> list[str]:
    """The messages in these frames, in order."""
    events = [event for frame in frames for event in frame["events"]]
    return [event["data"]["message"] for event in events if event["event"] == "sms-received"]


def post_texts(server: LiveServer, device_id: str, key: str, *messages: str) -> None:
    for message in messages:
        server.receive_sms(device_id, key, message, messageId=message).must()


def test_what_was_missed_comes_exactly_once_after_a_cut(
    any_way: Way, clients: StockClients, server: LiveServer
) -> None:
    device_id = server.new_id()
    key = server.enrol(device_id)
    socket = any_way.connect(clients, server, server.admin, reconnectionDelay=300)
    cursor = socket.call("join-device-room", device_id)["cursor"]
    post_texts(server, device_id, key, "before")
    seen = socket.wait_for("sms-received")
    start = socket.now
    socket.cut()
    socket.wait_for("disconnect")
    post_texts(server, device_id, key, "one", "two", "three")
    for level in (10, 20, 30):
        server.heartbeat(device_id, key, batteryLevel=level).must()
    socket.wait_for("connect", start=start)
    ack = socket.call("join-device-room", {"deviceId": device_id, "cursor": cursor_at(cursor, seen["seq"])})
    assert (ack["ok"], ack["recovered"]) == (True, True)
    post_texts(server, device_id, key, "after")
    socket.wait_for("sms-received", lambda sms: sms["message"] == "after")
    assert texts(socket, start) == ["one", "two", "three", "after"]
    assert [d["batteryLevel"] for d in socket.received("device-heartbeat", start=start)] == [30]
    assert socket.received("state", start=start) == []
    seqs = [
        args[0]["seq"]
        for name, args in socket.happened[start:]
        if name in ("sms-received", "device-heartbeat")
    ]
    assert seqs == sorted(seqs)


def test_the_cursor_may_come_with_the_connection(way: Way, clients: StockClients, server: LiveServer) -> None:
    device_id = server.new_id()
    key = server.enrol(device_id)
    cursor = server.state()["cursor"]
    post_texts(server, device_id, key, "one", "two")
    socket = way.connect(clients, server, server.admin, auth={"cursor": cursor})
    ack = socket.call("join-device-room", device_id)
    assert (ack["ok"], ack["recovered"]) == (True, True)
    eventually(lambda: texts(socket), lambda got: len(got) == 2)
    assert texts(socket) == ["one", "two"]
    assert socket.received("state") == []


def test_a_client_that_missed_nothing_is_sent_nothing(
    way: Way, clients: StockClients, server: LiveServer
) -> None:
    device_id = server.new_id()
    key = server.enrol(device_id)
    cursor = server.state()["cursor"]
    socket = way.connect(clients, server, server.admin)
    ack = socket.call("join-device-room", {"deviceId": device_id, "cursor": cursor})
    assert (ack["ok"], ack["recovered"]) == (True, True)
    post_texts(server, device_id, key, "fence")
    socket.wait_for("sms-received")
    names = {name for name, _ in socket.happened} - {"connect"}
    assert names <= {"sms-received", "stats-update"}


@pytest.mark.parametrize("cursor", ["deadbeef0000:5", "epoch:999999999"], ids=["foreign", "future"])
def test_a_cursor_that_cannot_be_resumed_gets_a_fresh_state(
    cursor: str, way: Way, clients: StockClients, server: LiveServer
) -> None:
    device_id = server.new_id()
    key = server.enrol(device_id)
    now = server.state()["cursor"]
    post_texts(server, device_id, key, "old")
    if cursor.startswith("epoch"):
        cursor = cursor.replace("epoch", split_cursor(now)[0])
    socket = way.connect(clients, server, server.admin)
    ack = socket.call("join-device-room", {"deviceId": device_id, "cursor": cursor})
    assert (ack["ok"], ack["recovered"]) == (True, False), ack
    state = socket.wait_for("state")
    must_have_the_shape("state", state)
    assert state["cursor"] == ack["cursor"]
    assert texts(socket) == [], "never a partial replay"


@pytest.mark.parametrize("cursor", ["nonsense", "", ":", "x:y", "0", "x:-1", 5, ["x"], {"a": 1}, True])
def test_a_cursor_that_is_none_is_never_met_with_silence(
    cursor: object, way: Way, clients: StockClients, server: LiveServer
) -> None:
    socket = way.connect(clients, server, server.admin)
    ack = socket.call("join-dashboard", {"cursor": cursor})
    assert ack.get("recovered") is False or ack["code"] == "invalid_payload", ack


def test_frames_chain_from_the_join_on_and_hold_everything(
    any_way: Way, clients: StockClients, server: LiveServer
) -> None:
    device_id = server.new_id()
    key = server.enrol(device_id)
    socket = any_way.connect(clients, server, server.admin)
    cursor = socket.call("join-device-room", {"deviceId": device_id, "frames": True})["cursor"]
    for n in range(5):
        post_texts(server, device_id, key, f"{n}")
    frames = eventually(lambda: socket.received("frame"), lambda got: len(texts_of(got)) == 5)
    for frame in frames:
        must_have_the_shape("frame", frame)
        assert frame["recovered"] is True
        assert frame["after"] == cursor, "a frame begins where the last one ended"
        for event in frame["events"]:
            assert set(event) == EVENT
            assert event["room"] == f"device-{device_id}"
            must_have_the_shape(event["event"], event["data"])
        cursor = frame["cursor"]
    assert texts_of(frames) == ["0", "1", "2", "3", "4"]
    assert texts(socket) == [], "no single events beside the frames"


def test_frames_resume_from_a_cursor_in_one_chain(
    any_way: Way, clients: StockClients, server: LiveServer
) -> None:
    device_id = server.new_id()
    key = server.enrol(device_id)
    cursor = server.state()["cursor"]
    post_texts(server, device_id, key, "missed 1", "missed 2")
    socket = any_way.connect(clients, server, server.admin)
    ack = socket.call("join-dashboard", {"cursor": cursor, "frames": True})
    assert (ack["ok"], ack["recovered"]) == (True, True)
    post_texts(server, device_id, key, "live 1", "live 2")
    frames = eventually(lambda: socket.received("frame"), lambda got: "live 2" in texts_of(got))
    for frame in frames:
        assert frame["after"] == cursor
        cursor = frame["cursor"]
    assert texts_of(frames) == ["missed 1", "missed 2", "live 1", "live 2"]


def test_a_frame_client_that_cannot_be_resumed_gets_the_state_in_a_frame(
    way: Way, clients: StockClients, server: LiveServer
) -> None:
    socket = way.connect(clients, server, server.admin)
    ack = socket.call("join-dashboard", {"cursor": "deadbeef0000:5", "frames": True})
    assert (ack["ok"], ack["recovered"]) == (True, False)
    frame = socket.wait_for("frame")
    must_have_the_shape("frame", frame)
    assert (frame["recovered"], frame["events"]) == (False, [])
    must_have_the_shape("state", frame["state"])
    assert frame["cursor"] == frame["state"]["cursor"]


def test_nothing_is_lost_or_doubled_while_messages_pour_in_and_the_link_breaks(
    way: Way, clients: StockClients, server: LiveServer
) -> None:
    device_id = server.new_id()
    key = server.enrol(device_id)
    socket = way.connect(clients, server, server.admin, reconnectionDelay=30)
    cursor = socket.call("join-device-room", device_id)["cursor"]
    is_over = threading.Event()
    posted: list[str] = []

    def pour() -> None:
        while not is_over.is_set():
            post_texts(server, device_id, key, f"{len(posted)}")
            posted.append(f"{len(posted)}")

    pouring = threading.Thread(target=pour)
    pouring.start()
    try:
        for _ in range(6):
            start = socket.now
            n_seen = len(texts(socket))
            eventually(lambda n=n_seen: len(texts(socket)) >= n + 5)
            socket.cut()
            socket.wait_for("connect", start=start)
            last = max(sms["seq"] for sms in socket.received("sms-received"))
            ack = socket.call("join-device-room", {"deviceId": device_id, "cursor": cursor_at(cursor, last)})
            assert ack["recovered"] is True
    finally:
        is_over.set()
        pouring.join()
    eventually(lambda: texts(socket)[-1:], lambda newest: newest == posted[-1:])
    assert texts(socket) == posted


def test_one_cursor_serves_polling_and_sockets_in_turn(
    way: Way, clients: StockClients, server: LiveServer
) -> None:
    device_id = server.new_id()
    key = server.enrol(device_id)
    room = f"device-{device_id}"
    cursor = server.state(room)["cursor"]
    posted, taken = [], []
    for turn in range(6):
        messages = [f"{turn}-{n}" for n in range(3)]
        posted += messages
        post_texts(server, device_id, key, *messages)
        if turn % 2:
            follower = Follower(server, room, cursor)
            while follower.poll():
                pass
            taken += [sms["message"] for sms in follower.of("sms-received")]
            cursor = follower.cursor
        else:
            socket = way.connect(clients, server, server.admin)
            ack = socket.call("join-device-room", {"deviceId": device_id, "cursor": cursor, "frames": True})
            assert ack["recovered"] is True
            last = split_cursor(ack["cursor"])[1]
            socket.wait_for("frame", lambda frame, n=last: split_cursor(frame["cursor"])[1] >= n)
            taken += texts_of(socket.received("frame"))
            cursor = socket.received("frame")[-1]["cursor"]
            socket.close()
    assert taken == posted


@pytest.mark.parametrize("is_killed", [False, True], ids=["stopped", "killed"])
def test_a_stock_client_outlives_the_server_by_itself(
    is_killed: bool, way: Way, clients: StockClients, make_server: MakeServer
) -> None:
    server = make_server().start()
    device_id = server.new_id()
    key = server.enrol(device_id)
    socket = way.connect(clients, server, server.admin, reconnectionDelayMax=100)
    cursor = socket.call("join-dashboard")["cursor"]
    post_texts(server, device_id, key, "seen")
    seen = socket.wait_for("sms-received")
    post_texts(server, device_id, key, "perhaps seen")
    start = socket.now
    if is_killed:
        server.kill()
    else:
        server.stop()
    server.start()
    socket.wait_for("connect", start=start, timeout=20)
    ack = socket.call("join-dashboard", {"cursor": cursor_at(cursor, seen["seq"])})
    assert (ack["ok"], ack["recovered"]) == (True, True), "the cursor outlives the server"
    post_texts(server, device_id, key, "new")
    socket.wait_for("sms-received", lambda sms: sms["message"] == "new")
    by_seq = {sms["seq"]: sms["message"] for sms in socket.received("sms-received")}
    assert list(by_seq.values()) == ["seen", "perhaps seen", "new"]


def test_up_to_the_replay_limit_every_fact_comes_and_beyond_it_the_state(
    way: Way, clients: StockClients, make_server: MakeServer
) -> None:
    server = make_server(REPLAY_LIMIT="20").start()
    device_id = server.new_id()
    key = server.enrol(device_id)
    cursor = server.state()["cursor"]
    post_texts(server, device_id, key, *(f"{n}" for n in range(20)))
    socket = way.connect(clients, server, server.admin)
    assert socket.call("join-dashboard", {"cursor": cursor})["recovered"] is True
    eventually(lambda: len(texts(socket)), lambda n: n == 20)
    post_texts(server, device_id, key, "one too many")
    late = way.connect(clients, server, server.admin)
    assert late.call("join-dashboard", {"cursor": cursor})["recovered"] is False
    late.wait_for("state")
    assert texts(late) == [], "never a partial replay"
