"""The hub: groups, merging, encoding once, and frames without a gap between them."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goip.models import DASHBOARD, EVERYWHERE, Event
from goip.realtime import envelope
from goip.realtime.hub import LONGEST_PAUSE_SECONDS, SHORTEST_PAUSE_SECONDS, Hub
from goip.realtime.subscriber import TOO_SLOW
from tests.realtime.listeners import Listener, Stream


@pytest.fixture
def stream() -> Stream:
    return Stream()


@pytest.fixture
async def hub(stream: Stream) -> Hub:
    return Hub(stream.fleet)


def listener(hub: Hub, *rooms: str) -> Listener:
    new = Listener()
    hub.subscribe(new, rooms)
    return new


# ---- who is told what ----


async def test_a_listener_is_told_of_its_rooms_and_no_others(hub: Hub, stream: Stream) -> None:
    one, both, other = listener(hub, "a"), listener(hub, "a", "b"), listener(hub, "c")
    hub.publish([stream.fact("a"), stream.fact("b"), stream.fact("b", "a"), stream.fact("d")])
    hub.flush()
    assert (one.seqs, both.seqs, other.seqs) == ([1, 3], [1, 2, 3], [])


async def test_what_is_told_everywhere_reaches_whoever_listens_to_anything(hub: Hub, stream: Stream) -> None:
    some, none = listener(hub, "a"), listener(hub)
    hub.publish([stream.fact(EVERYWHERE)])
    hub.flush()
    assert (some.seqs, none.seqs) == ([1], [])


async def test_an_event_in_two_rooms_of_a_listener_is_told_once(hub: Hub, stream: Stream) -> None:
    both = listener(hub, "a", DASHBOARD)
    hub.publish([stream.fact("a", DASHBOARD), stream.state("gw-1", "a", DASHBOARD)])
    hub.flush()
    assert both.seqs == [1, 2]


async def test_who_left_is_told_no_more(hub: Hub, stream: Stream) -> None:
    gone = listener(hub, "a")
    hub.unsubscribe(gone)
    hub.unsubscribe(gone)
    hub.publish([stream.fact("a")])
    hub.flush()
    assert gone.told == []
    assert gone.rooms == frozenset()


async def test_who_changes_rooms_is_told_what_was_pending_in_the_old_ones(hub: Hub, stream: Stream) -> None:
    mover, stayer = listener(hub, "a"), listener(hub, "a")
    hub.publish([stream.fact("a"), stream.fact("b")])
    hub.subscribe(mover, ["b"])
    hub.publish([stream.fact("a"), stream.fact("b")])
    hub.flush()
    assert (mover.seqs, stayer.seqs) == ([1, 4], [1, 3])


async def test_who_joins_is_not_told_what_was_pending_before(hub: Hub, stream: Stream) -> None:
    listener(hub, "a")
    hub.publish([stream.fact("a")])
    late = Listener()
    cursor = hub.subscribe(late, ["a"])
    hub.publish([stream.fact("a")])
    hub.flush()
    assert cursor.seq == 1
    assert late.seqs == [2]
    assert late.spans == [(1, 2)]


async def test_who_listens_to_nothing_yet_is_known_all_the_same(hub: Hub) -> None:
    idle, active = Listener(), Listener()
    hub.connect(idle)
    hub.subscribe(active, ["a"])
    assert set(hub.subscribers) == {idle, active}
    hub.subscribe(active, [])
    assert set(hub.subscribers) == {idle, active}
    hub.unsubscribe(idle)
    assert set(hub.subscribers) == {active}


async def test_nobody_leaves_anything_behind(hub: Hub) -> None:
    for n in range(50):
        each = listener(hub, "a", f"device-{n}")
        hub.subscribe(each, [f"device-{n}"])
        hub.unsubscribe(each)
    assert (hub._groups, hub._by_room, hub._connected) == ({}, {}, set())


# ---- merging ----


async def test_of_a_subjects_states_only_the_newest_is_told(hub: Hub, stream: Stream) -> None:
    one = listener(hub, "a")
    hub.publish([stream.state("gw-1", "a"), stream.state("gw-2", "a"), stream.state("gw-1", "a")])
    hub.publish([stream.state("gw-1", "a", name="bandwidth:update"), stream.state("stats", "a")])
    hub.flush()
    assert one.seqs == [2, 3, 4, 5]


async def test_facts_are_never_merged(hub: Hub, stream: Stream) -> None:
    one = listener(hub, "a")
    for _ in range(10):
        hub.publish([stream.fact("a", text="the same")])
    hub.flush()
    assert one.seqs == list(range(1, 11))


async def test_events_stay_in_the_order_of_the_stream(hub: Hub, stream: Stream) -> None:
    one = listener(hub, "a")
    hub.publish([stream.state("gw-1", "a"), stream.fact("a"), stream.state("gw-1", "a"), stream.fact("a")])
    hub.flush()
    assert one.seqs == [2, 3, 4]


# ---- once for everybody ----


async def test_an_event_is_encoded_once_however_many_listen(
    hub: Hub, stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoded: list[int] = []
    real = envelope.event_data

    def counted(event: Event) -> Any:
        encoded.append(event.seq)
        return real(event)

    monkeypatch.setattr(envelope, "event_data", counted)
    crowd = [listener(hub, "a") for _ in range(20)] + [listener(hub, "a", "b") for _ in range(20)]
    hub.publish([stream.fact("a"), stream.fact("b"), stream.fact("c")])
    hub.flush()
    frames = [each.batches[0].frame() for each in crowd]
    assert sorted(encoded) == [1, 2]
    assert len({id(frame) for frame in frames}) == 2


async def test_nothing_is_encoded_when_nobody_listens(
    hub: Hub, stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(event: Event) -> Any:
        raise AssertionError("nobody asked")

    monkeypatch.setattr(envelope, "event_data", never)
    listener(hub, "b")
    hub.publish([stream.fact("a")])
    hub.flush()
    assert hub.n_events == 1


# ---- the rhythm ----


async def test_events_leave_by_themselves_and_together(hub: Hub, stream: Stream) -> None:
    one = listener(hub, "a")
    hub.publish([stream.fact("a")])
    hub.publish([stream.fact("a")])
    assert one.told == []
    async with asyncio.timeout(5):
        while not one.told:
            await asyncio.sleep(SHORTEST_PAUSE_SECONDS)
    assert one.spans == [(0, 2)]


async def test_the_pause_grows_with_the_work_and_is_bounded(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 100.0
    monkeypatch.setattr("goip.realtime.hub.time", SimpleNamespace(thread_time=lambda: now))
    hub._set_pause(now, 0)
    assert hub._pause_seconds == SHORTEST_PAUSE_SECONDS
    for _ in range(5):
        hub._set_pause(now - 0.04, 0)
    assert hub._pause_seconds == pytest.approx(0.2)
    hub._set_pause(now, 100_000_000)  # to many clients, whose sockets will be at it for a while
    assert hub._pause_seconds == pytest.approx(0.4)
    for _ in range(2):
        hub._set_pause(now - 30, 0)
    assert hub._pause_seconds == LONGEST_PAUSE_SECONDS


async def test_what_holds_the_loop_up_once_makes_nobody_wait_many_times_as_long(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 100.0
    monkeypatch.setattr("goip.realtime.hub.time", SimpleNamespace(thread_time=lambda: now))
    hub._set_pause(now - 0.004, 0)
    hub._set_pause(now - 0.1, 0)  # a collection of garbage, say
    assert hub._pause_seconds == pytest.approx(0.04)
    hub._set_pause(now - 0.004, 0)
    assert hub._pause_seconds == pytest.approx(0.02)


async def test_a_slow_listener_makes_nobody_wait(hub: Hub, stream: Stream) -> None:
    slow, quick = listener(hub, "a"), listener(hub, "a")
    slow.reads = False
    for _ in range(3):
        hub.publish([stream.fact("a"), stream.state("gw-1", "a")])
        hub.flush()
    assert slow.told == []
    assert quick.seqs == [1, 2, 3, 4, 5, 6]


async def test_a_listener_that_reads_again_is_told_by_itself(
    hub: Hub, stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("goip.realtime.hub._CATCH_UP_SECONDS", 0.001)
    slow = listener(hub, "a")
    slow.reads = False
    hub.publish([stream.fact("a"), stream.state("gw-1", "a")])
    hub.flush()
    hub.publish([stream.state("gw-1", "a"), stream.fact("a")])
    hub.flush()
    await asyncio.sleep(0.02)  # looked at in vain, and still looked at
    slow.reads = True
    async with asyncio.timeout(5):
        while not slow.told:
            await asyncio.sleep(0.001)
    assert slow.seqs == [1, 3, 4]
    assert slow.spans == [(0, 4)]


async def test_a_stuck_listener_is_closed_by_itself(
    hub: Hub, stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("goip.realtime.hub._CATCH_UP_SECONDS", 0.001)
    monkeypatch.setattr("goip.realtime.subscriber.STUCK_SECONDS", 0.01)
    stuck = listener(hub, "a")
    stuck.reads = False
    hub.publish([stream.fact("a")])
    hub.flush()
    async with asyncio.timeout(5):
        while not stuck.closed:
            await asyncio.sleep(0.001)
    assert stuck.closed[0] == TOO_SLOW
    hub.unsubscribe(stuck)


async def test_the_end_of_the_hub_closes_everybody_after_the_last_word(hub: Hub, stream: Stream) -> None:
    idle, active = Listener(), listener(hub, "a")
    hub.connect(idle)
    hub.publish([stream.fact("a")])
    hub.close()
    assert active.seqs == [1]
    assert idle.closed == active.closed == ["the server is stopping"]


# ---- no gap between frames ----

ROOMS = ("a", "b", "c")
rooms = st.frozensets(st.sampled_from(ROOMS), max_size=3)
who = st.integers(0, 2)
actions = st.one_of(
    st.tuples(st.just("publish"), rooms.filter(bool), st.sampled_from([None, "gw-1", "gw-2"])),
    st.tuples(st.just("publish"), rooms.filter(bool), st.sampled_from([None, "gw-1", "gw-2"])),
    st.tuples(st.just("publish"), st.just(frozenset({EVERYWHERE})), st.none()),
    st.tuples(st.just("subscribe"), who, rooms),
    st.tuples(st.just("reads"), who, st.booleans()),
    st.tuples(st.just("flush"), st.none(), st.none()),
    st.tuples(st.just("catch up"), st.none(), st.none()),
)


class Expectation:
    """What one listener has to be told, kept the plain way."""

    def __init__(self) -> None:
        self.listener = Listener()
        self.facts: list[int] = []
        self.newest: dict[str, int] = {}
        self.starts: list[tuple[int, int]] = []  # after how many batches the stream starts anew, and where

    def hear(self, event: Event) -> None:
        if not self.listener.rooms or not (self.listener.rooms & {*event.rooms} or EVERYWHERE in event.rooms):
            return
        if event.subject is None:
            self.facts.append(event.seq)
        else:
            self.newest[event.subject] = event.seq

    def check(self) -> None:
        told = [each.event for batch in self.listener.batches for each in batch.envelopes]
        assert [event.seq for event in told if event.subject is None] == self.facts
        newest = {event.subject: event.seq for event in told if event.subject is not None}
        assert newest == self.newest
        assert [event.seq for event in told] == sorted(event.seq for event in told)
        for batch in self.listener.batches:
            places = [each.event.seq for each in batch.envelopes]
            assert batch.after is not None
            assert all(batch.after.seq < place <= batch.cursor.seq for place in places)
        spans = self.listener.spans
        starts = {after for _, after in self.starts}
        for (_, upto), (after, _) in pairwise(spans):
            assert after == upto or (after in starts and after > upto)
        assert not spans or spans[0][0] in starts


async def _run(steps: list[tuple[str, Any, Any]]) -> None:
    stream = Stream()
    hub = Hub(stream.fleet)
    crowd = [Expectation() for _ in range(3)]
    for what, first, second in steps:
        if what == "publish":
            names = sorted(first)
            event = stream.state(second, *names) if second else stream.fact(*names)
            for each in crowd:
                each.hear(event)
            hub.publish([event])
        elif what == "subscribe":
            each = crowd[first]
            is_joining = not second <= each.listener.rooms
            cursor = hub.subscribe(each.listener, second)
            if is_joining:
                assert cursor == stream.cursor
                each.starts.append((len(each.listener.batches), cursor.seq))
        elif what == "reads":
            crowd[first].listener.reads = second
        elif what == "flush":
            hub.flush()
        else:
            hub._catch_up()
    for each in crowd:
        each.listener.reads = True
    hub.flush()
    hub._catch_up()
    for each in crowd:
        each.check()
    hub.close()


@settings(max_examples=300, deadline=None)
@given(st.lists(actions, max_size=40))
def test_whoever_comes_and_goes_frames_follow_each_other_and_hold_all_that_was_told(
    steps: list[tuple[str, Any, Any]],
) -> None:
    asyncio.run(_run(steps))
