"""One listener that does not read: merged, then told to resync, then closed; and never overtaken by history."""

from __future__ import annotations

from collections.abc import Iterable
from types import SimpleNamespace

import pytest

from goip.models import Cursor, Event
from goip.realtime import subscriber
from goip.realtime.envelope import Batch, Envelope
from goip.realtime.subscriber import TOO_SLOW
from tests.realtime.listeners import AT, Listener, Stream


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(subscriber, "time", SimpleNamespace(monotonic=clock))
    return clock


@pytest.fixture
def stream() -> Stream:
    return Stream()


def batch(events: Iterable[Event], after: int, upto: int) -> Batch:
    return Batch(Cursor("epoch", after), Cursor("epoch", upto), map(Envelope, events), ["a"])


def test_what_is_held_goes_as_one_batch_in_which_states_are_merged(stream: Stream) -> None:
    slow = Listener()
    slow.reads = False
    slow.deliver(batch([stream.state("gw-1", "a"), stream.fact("a")], 0, 2))
    slow.deliver(batch([stream.state("gw-1", "a"), stream.fact("a")], 2, 4))
    assert slow.is_behind
    slow.catch_up()
    assert slow.told == []
    slow.reads = True
    slow.catch_up()
    assert slow.seqs == [2, 3, 4]
    assert slow.spans == [(0, 4)]
    assert not slow.is_behind


def test_nothing_overtakes_what_is_held(stream: Stream) -> None:
    slow = Listener()
    slow.reads = False
    slow.deliver(batch([stream.fact("a")], 0, 1))
    slow.reads = True
    slow.deliver(batch([stream.fact("a")], 1, 2))
    assert slow.told == []
    slow.catch_up()
    assert slow.seqs == [1, 2]


def test_past_the_bound_the_listener_is_told_to_resync_once_and_goes_on_from_there(
    stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscriber, "MOST_FACTS_HELD", 10)
    slow = Listener()
    slow.reads = False
    for n in range(30):
        slow.deliver(batch([stream.fact("a")], n, n + 1))
        assert len(slow._held) <= 10
    slow.reads = True
    slow.catch_up()
    assert slow.told == [Cursor("epoch", 30)]
    slow.deliver(batch([stream.fact("a")], 30, 31))
    assert slow.spans == [(30, 31)]


def test_exactly_as_many_facts_as_the_bound_are_not_too_many(
    stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscriber, "MOST_FACTS_HELD", 10)
    slow = Listener()
    slow.reads = False
    slow.deliver(batch([stream.fact("a") for _ in range(10)], 0, 10))
    slow.reads = True
    slow.catch_up()
    assert slow.seqs == list(range(1, 11))


def test_states_never_make_a_listener_resync(stream: Stream, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subscriber, "MOST_FACTS_HELD", 10)
    slow = Listener()
    slow.reads = False
    for n in range(100):
        slow.deliver(batch([stream.state("gw-1", "a")], n, n + 1))
    slow.reads = True
    slow.catch_up()
    assert slow.seqs == [100]
    assert slow.spans == [(0, 100)]


def test_a_listener_that_stays_stuck_is_closed(stream: Stream, clock: Clock) -> None:
    stuck = Listener()
    stuck.reads = False
    stuck.deliver(batch([stream.fact("a")], 0, 1))
    clock.now += subscriber.STUCK_SECONDS
    stuck.catch_up()
    assert stuck.closed == []
    clock.now += 1
    stuck.catch_up()
    assert stuck.closed == [TOO_SLOW]


def test_a_listener_that_reads_now_and_then_is_not_stuck(stream: Stream, clock: Clock) -> None:
    slow = Listener()
    for n in range(5):
        slow.reads = False
        slow.deliver(batch([stream.fact("a")], n, n + 1))
        clock.now += subscriber.STUCK_SECONDS - 1
        slow.catch_up()
        slow.reads = True
        slow.catch_up()
    assert slow.closed == []
    assert slow.seqs == [1, 2, 3, 4, 5]


def test_what_comes_during_a_replay_waits_for_its_end(stream: Stream) -> None:
    back = Listener()
    back.begin_replay()
    back.deliver(batch([stream.fact("a")], 0, 1))
    back.catch_up()
    assert back.told == []
    back.end_replay()
    assert back.seqs == [1]
    back.deliver(batch([stream.fact("a")], 1, 2))
    assert back.seqs == [1, 2]


def test_a_long_replay_is_not_being_stuck(stream: Stream, clock: Clock) -> None:
    back = Listener()
    back.begin_replay()
    back.deliver(batch([stream.fact("a")], 0, 1))
    clock.now += 10 * subscriber.STUCK_SECONDS
    back.catch_up()
    back.end_replay()
    assert back.closed == []
    assert back.seqs == [1]


def test_a_connection_is_described_for_the_operator() -> None:
    one = Listener()
    one.rooms = frozenset({"b", "a"})
    one.address = "192.0.2.7"
    one.connected_at = AT
    assert one.describe() == {
        "transport": "test",
        "carrier": "http",
        "kind": "user",
        "user": "anna",
        "deviceId": None,
        "address": "192.0.2.7",
        "since": "2026-11-21T05:22:21.123Z",
        "rooms": ["a", "b"],
        "queueLength": 0,
        "isBehind": False,
    }
