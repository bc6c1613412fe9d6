"""What the stream promises, the same on every transport and while changing from one to another."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from tests.following import eventually, split_cursor
from tests.live_fixtures import MakeServer
from tests.live_server import LiveServer
from tests.streams.conftest import NAMES, MakeFollower
from tests.streams.links import Refused
from tests.streams.posting import Box, Pouring, say_many

on_each_database = pytest.mark.parametrize("server", ["sqlite", "postgresql"], indirect=True)
LIMIT = 20
N_DROPS = 6


@on_each_database
async def test_what_happens_comes_once_and_in_order(server: LiveServer, make_follower: MakeFollower) -> None:
    box = Box.enrolled(server)
    follower = make_follower(server)
    await follower.connect(box.room)
    assert list(follower.notebook.devices) == [box.device_id], "the snapshot of one room is that device"
    texts = [f"{n}" for n in range(10)]
    for n, text in enumerate(texts):
        box.beat(batteryLevel=n)
        box.say(text)
    await follower.until(box.say("last"))
    assert follower.notebook.texts == [*texts, "last"]
    await follower.until(lambda notebook: notebook.devices[box.device_id]["batteryLevel"] == 9)
    assert follower.notebook.devices[box.device_id] == server.device(box.device_id)
    assert follower.notebook.n_snapshots == 1


@on_each_database
async def test_a_resume_is_exact(server: LiveServer, make_follower: MakeFollower) -> None:
    box = Box.enrolled(server)
    follower = make_follower(server)
    await follower.connect("dashboard")
    expected = []
    for turn in range(N_DROPS):
        seen, missed = [f"{turn} seen {n}" for n in range(3)], [f"{turn} missed {n}" for n in range(3)]
        expected += seen + missed
        await follower.until(box.say(*seen))
        await follower.drop()
        box.say(*missed)
        for level in (10, 20, 30 + turn):
            box.beat(batteryLevel=level)
        await follower.resume()
        await follower.until(lambda notebook, text=missed[-1]: text in notebook.texts)
        box.beat(batteryLevel=90)
    await follower.until(box.say("last"))
    mine = [text for text in follower.notebook.texts if text in {*expected, "last"}]
    assert mine == [*expected, "last"]
    assert follower.notebook.devices[box.device_id]["batteryLevel"] == 90
    assert follower.notebook.n_snapshots == 1, "every one of them was recovered"


@pytest.mark.parametrize("n_beats", [1, 30])
async def test_of_the_states_missed_the_newest_comes_alone(
    n_beats: int, server: LiveServer, make_follower: MakeFollower
) -> None:
    box = Box.enrolled(server)
    follower = make_follower(server)
    await follower.connect(box.room)
    await follower.drop()
    for level in range(n_beats):
        box.beat(batteryLevel=level)
    n_events = follower.notebook.n_events
    await follower.resume()
    await follower.until(lambda notebook: notebook.devices[box.device_id]["batteryLevel"] == n_beats - 1)
    assert follower.notebook.n_events == n_events + 1


async def test_who_missed_nothing_is_sent_nothing(server: LiveServer, make_follower: MakeFollower) -> None:
    box = Box.enrolled(server)
    follower = make_follower(server)
    await follower.connect(box.room)
    for _ in range(3):
        await follower.drop()
        await follower.resume()
    assert (follower.notebook.n_events, follower.notebook.n_snapshots) == (0, 1)
    await follower.until(box.say("fence"))
    assert follower.notebook.n_events == 1


@pytest.mark.parametrize("kind", ["foreign", "future"])
async def test_a_cursor_that_cannot_be_resumed_gets_the_state_and_no_part_of_what_was_missed(
    kind: str, server: LiveServer, make_follower: MakeFollower
) -> None:
    box = Box.enrolled(server)
    box.say("old")
    epoch, seq = split_cursor(server.state()["cursor"])
    follower = make_follower(server)
    cursor = {"foreign": f"deadbeef0000:{seq}", "future": f"{epoch}:{seq + 1_000_000}"}[kind]
    await follower.connect(box.room, cursor)
    await follower.until(box.say("new"))
    assert follower.notebook.n_snapshots == 1
    assert follower.notebook.texts == ["new"], "the stream goes on behind the snapshot"
    await follower.drop()
    box.say("missed")
    await follower.resume()
    await follower.until(lambda notebook: notebook.texts == ["new", "missed"])
    assert follower.notebook.n_snapshots == 1


@pytest.mark.parametrize("cursor", ["nonsense", ":", "x:y", "0", "x:-1", "x:1.5", "x:" + "9" * 40])
async def test_a_cursor_that_is_none_is_refused_or_answered_with_the_state(
    cursor: str, server: LiveServer, make_follower: MakeFollower
) -> None:
    box = Box.enrolled(server)
    box.say("old")
    follower = make_follower(server)
    with contextlib.suppress(Refused):
        await follower.connect(box.room, cursor)
        assert follower.notebook.n_snapshots == 1, "neither refused nor answered"
    assert follower.notebook.facts == [], "never a partial replay"


async def test_up_to_the_replay_limit_every_fact_comes_and_beyond_it_the_state(
    make_server: MakeServer, make_follower: MakeFollower
) -> None:
    server = make_server(REPLAY_LIMIT=f"{LIMIT}").start()
    box = Box.enrolled(server)
    exact, beyond = make_follower(server), make_follower(server)
    for follower in (exact, beyond):
        await follower.connect("dashboard")
        await follower.drop()
    texts = [f"{n}" for n in range(LIMIT)]
    box.say(*texts)
    await exact.resume()
    await exact.until(lambda notebook: notebook.texts == texts)
    assert exact.notebook.n_snapshots == 1
    box.say("one too many")
    await beyond.resume()
    assert (beyond.notebook.facts, beyond.notebook.n_snapshots) == ([], 2)
    last = box.say("after it")
    for follower in (exact, beyond):
        await follower.until(last)
    assert exact.notebook.texts == [*texts, "one too many", "after it"]
    assert beyond.notebook.texts == ["after it"]


async def test_what_is_published_during_a_replay_comes_after_it(
    server: LiveServer, make_follower: MakeFollower
) -> None:
    box = Box.enrolled(server)
    follower = make_follower(server)
    await follower.connect(box.room)
    await follower.drop()
    backlog = [f"{n}" for n in range(1500)]
    await say_many(box, backlog)
    async with Pouring(box) as pouring:
        for _ in range(N_DROPS):
            n_known = len(follower.notebook.texts)
            await follower.resume()
            await follower.until(lambda notebook, n=n_known: len(notebook.texts) >= n + 5)
            await follower.drop()
    await follower.resume()
    await follower.until(box.say("last"))
    assert follower.notebook.texts == [*backlog, *pouring.texts, "last"]
    assert follower.notebook.n_snapshots == 1


async def test_a_drop_in_the_midst_of_a_replay_loses_and_repeats_nothing(
    server: LiveServer, make_follower: MakeFollower
) -> None:
    box = Box.enrolled(server)
    follower = make_follower(server)
    await follower.connect(box.room)
    await follower.drop()
    texts = [f"{n}" for n in range(1500)]
    last = await say_many(box, texts)
    for _ in range(N_DROPS):
        follower.begin()
        await follower.until(
            lambda notebook, n=follower.notebook.seq: notebook.seq > n or notebook.seq >= last
        )
        await follower.drop()
        if follower.notebook.seq >= last:
            break
    if follower.notebook.seq < last:
        await follower.resume()
        await follower.until(last)
    assert follower.notebook.texts == texts


async def test_a_device_room_hears_its_own_alone(server: LiveServer, make_follower: MakeFollower) -> None:
    box, other = Box.enrolled(server), Box.enrolled(server)
    follower = make_follower(server)
    await follower.connect(box.room)
    for n in range(2):
        other.say(f"not for you {n}")
        other.beat(batteryLevel=n)
        await follower.until(box.say(f"for you {n}"))
        await follower.drop()
        other.say(f"nor this {n}")
        box.say(f"but this {n}")
        await follower.resume()
    await follower.until(box.say("last"))
    assert follower.notebook.texts == ["for you 0", "but this 0", "for you 1", "but this 1", "last"]
    assert {data["deviceId"] for _, _, data in follower.notebook.facts} == {box.device_id}
    assert list(follower.notebook.devices) == [box.device_id]


async def test_a_device_may_listen_to_its_own_room_and_to_no_other(
    server: LiveServer, make_follower: MakeFollower
) -> None:
    box, other = Box.enrolled(server), Box.enrolled(server)
    for room in ("dashboard", other.room, "device-nobody"):
        follower = make_follower(server, box.key)
        with pytest.raises(Refused, match="forbidden"):
            await follower.connect(room)
        assert (follower.notebook.n_snapshots, follower.notebook.n_events) == (0, 0)
    follower = make_follower(server, box.key)
    await follower.connect(box.room)
    await follower.until(box.say("hello"))
    assert follower.notebook.texts == ["hello"]


async def test_nobody_listens_without_proof(server: LiveServer, make_follower: MakeFollower) -> None:
    follower = make_follower(server, "no-token-of-anybody")
    with pytest.raises(Refused, match=r"unauthorized|invalid_token"):
        await follower.connect("dashboard")
    assert follower.notebook.n_snapshots == 0


# A Socket.IO client that polls is missed only when its ping's time is over.
@pytest.mark.parametrize("ways", [n for n in NAMES if not n.startswith("socketio-polling")], indirect=True)
async def test_those_who_left_rudely_are_forgotten(server: LiveServer, make_follower: MakeFollower) -> None:
    box = Box.enrolled(server)

    def n_subscribers() -> int:
        n: int = server.get("/api/health").must()["checks"]["subscribers"]
        return n

    n_before = n_subscribers()
    follower = make_follower(server)
    for _ in range(10):
        await follower.connect(box.room)
        await follower.drop()
    await asyncio.to_thread(eventually, n_subscribers, lambda n: n <= n_before)
