"""Events as bytes: the frame of the contract."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from goip.clock import to_iso
from goip.models import DASHBOARD, EVERYWHERE, Cursor, Device, Event, SimSlot
from goip.realtime.envelope import Batch, Envelope
from goip.wire import device_json, event_json

AT = 1_795_238_541_123
TEXT = "<script>alert('x')</script> \u2028 \x00\x1f \"quoted\" \\ ü 🎉 رمز"


def frame_of(batch: Batch) -> dict[str, Any]:
    frame: dict[str, Any] = orjson.loads(batch.frame())
    return frame


def fact(seq: int, *rooms: str, **data: Any) -> Event:
    return Event(seq, "told", rooms, {**data, "seq": seq}, AT)


def test_a_frame_says_what_it_vouches_for_and_holds_its_events() -> None:
    batch = Batch(Cursor("e", 1), Cursor("e", 9), [Envelope(fact(5, "a", text=TEXT))], ["a"])
    assert frame_of(batch) == {
        "after": "e:1",
        "cursor": "e:9",
        "recovered": True,
        "events": [
            {"seq": 5, "event": "told", "room": "a", "data": {"text": TEXT, "seq": 5}, "at": to_iso(AT)},
        ],
    }


def test_an_empty_frame_is_whole() -> None:
    assert frame_of(Batch(Cursor("e", 1), Cursor("e", 1), [], ["a"])) == {
        "after": "e:1",
        "cursor": "e:1",
        "recovered": True,
        "events": [],
    }


def test_a_frame_that_recovers_nothing_carries_the_snapshot() -> None:
    batch = Batch(None, Cursor("e", 9), [], ["a"], recovered=False, state=b'{"cursor":"e:9"}')
    assert frame_of(batch) == {
        "after": None,
        "cursor": "e:9",
        "recovered": False,
        "events": [],
        "state": {"cursor": "e:9"},
    }


def test_the_event_of_a_device_is_the_device_as_everywhere() -> None:
    device = Device(1, "gw-ü", AT, name=TEXT, slots=(SimSlot(0, "T"),), last_seen_at=AT, seq=7)
    event = Event(7, "device-heartbeat", ("device-gw-ü", DASHBOARD), device, AT, "gw-ü")
    (told,) = frame_of(Batch(Cursor("e", 1), Cursor("e", 9), [Envelope(event)], [DASHBOARD]))["events"]
    assert told == orjson.loads(orjson.dumps(event_json(event, DASHBOARD)))
    assert told["data"] == orjson.loads(orjson.dumps(device_json(device)))


@pytest.mark.parametrize(
    ("rooms", "mine", "seen"),
    [
        (("a",), {"a", "b"}, "a"),
        (("device-x", DASHBOARD), {DASHBOARD}, DASHBOARD),
        (("device-x", DASHBOARD), {"device-x"}, "device-x"),
        (("device-x", DASHBOARD), {"device-x", DASHBOARD}, "device-x"),
        ((EVERYWHERE,), {"a"}, EVERYWHERE),
    ],
)
def test_an_event_is_seen_from_a_room_of_the_subscriber(
    rooms: tuple[str, ...], mine: set[str], seen: str
) -> None:
    batch = Batch(Cursor("e", 1), Cursor("e", 9), [Envelope(fact(5, *rooms))], mine)
    assert [each["room"] for each in frame_of(batch)["events"]] == [seen]


def test_a_transport_encodes_a_batch_once() -> None:
    calls: list[str] = []

    def encode(batch: Batch) -> bytes:
        calls.append("encoded")
        return b""

    batch = Batch(Cursor("e", 1), Cursor("e", 9), [], ["a"])
    assert batch.encoded("form", encode) is batch.encoded("form", encode)
    assert calls == ["encoded"]
    batch.encoded("another form", encode)
    assert len(calls) == 2
