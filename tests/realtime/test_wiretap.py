"""`network:log`: who is told a frame, and who is not."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from goip.auth.principals import Permission, Principal
from goip.realtime.hub import Hub
from goip.realtime.wiretap import FrameFollower, look_at, tell_frame
from goip.wirelog.exchange import Exchange, about, answered
from goip.wirelog.frames import Frame
from goip.wirelog.log import WireLog
from tests.conftest import FakeClock
from tests.contract.shapes import must_have_the_shape
from tests.realtime.listeners import Listener, Stream

OPERATOR = Principal(
    kind="user", user_id=1, username="anna", permissions=frozenset({Permission.READ, Permission.OPERATE})
)
VIEWER = Principal(kind="user", user_id=2, username="ben", permissions=frozenset({Permission.READ}))
BOX = Principal(kind="device", device_id="gw-1")


class Ear(Listener):
    """Writes down what it is told outside of the stream."""

    def __init__(self, principal: Principal = OPERATOR) -> None:
        super().__init__(principal)
        self.heard: list[tuple[str, dict[str, Any]]] = []

    def tell(self, name: str, data: bytes) -> None:
        self.heard.append((name, orjson.loads(data)))


@pytest.fixture
def hub() -> Hub:
    return Hub(Stream().fleet)


@pytest.fixture
def frame(clock: FakeClock) -> Frame:
    log = WireLog(clock)
    with log.keeping(Exchange(clock(), "udp", "dbl", "192.0.2.7", b"req:1;id:gw-1;pass:x;")):
        about("gw-1")
        answered(b"reg:1;status:200;")
    return log.frames()[-1]


def listen(hub: Hub, principal: Principal, *rooms: str) -> Ear:
    ear = Ear(principal)
    ear.looks_at.update(rooms)
    hub.subscribe(ear, rooms)
    return ear


def test_who_may_operate_and_looks_at_the_log_is_told(hub: Hub, frame: Frame) -> None:
    ear = listen(hub, OPERATOR, "device-gw-1")
    tell_frame(hub, frame)
    [(name, data)] = ear.heard
    must_have_the_shape(name, data)
    assert (data["deviceId"], data["verdict"], data["text"]) == (
        "gw-1",
        "accepted",
        "req:1;id:gw-1;pass:•••;",
    )
    assert ear.told == []


def test_nobody_else_is_told(hub: Hub, frame: Frame) -> None:
    others = [
        listen(hub, VIEWER, "device-gw-1"),
        listen(hub, BOX, "device-gw-1"),
        listen(hub, OPERATOR, "dashboard"),
        listen(hub, OPERATOR, "device-gw-2"),
    ]
    gone = listen(hub, OPERATOR, "device-gw-1")
    hub.subscribe(gone, {"dashboard"})
    does_not_look = Ear()
    hub.subscribe(does_not_look, {"device-gw-1"})
    tell_frame(hub, frame)
    tell_frame(hub, frame._replace(device_id=None))
    assert [ear.heard for ear in (*others, gone, does_not_look)] == [[], [], [], [], [], []]


def test_who_does_not_read_misses_it(hub: Hub, frame: Frame) -> None:
    stuck, other = listen(hub, OPERATOR, "device-gw-1"), listen(hub, OPERATOR, "device-gw-1")
    stuck.reads = False
    tell_frame(hub, frame)
    assert (len(stuck.heard), len(other.heard)) == (0, 1)


async def test_an_event_stream_names_each_frame_so_that_a_client_can_go_on_from_it(
    hub: Hub, frame: Frame
) -> None:
    client = FrameFollower(OPERATOR)
    sent: list[bytes] = []
    look_at(hub, client, "gw-1")
    tell_frame(hub, frame)
    client.close("over")

    async def send(chunk: bytes) -> None:
        sent.append(chunk)

    await client.drain(send, 1, b"")
    [block] = sent
    place, event, data = block.decode().removesuffix("\n\n").split("\n")
    assert (place, event) == (f"id: {frame.id}", "event: network:log")
    assert orjson.loads(data.removeprefix("data: "))["deviceId"] == "gw-1"
