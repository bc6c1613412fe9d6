"""After a commit whose answer was lost: memory follows the disk, whole and at once, before anything is written."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from goip.errors import Unavailable
from goip.models import Device
from goip.store import load
from goip.store import tables as t
from goip.store.engine import Database
from goip.store.store import Store
from tests.store.lives import PATIENCE_SECONDS, Ear, all_rows, beat, enrol, opened, receive

pytestmark = pytest.mark.timeout(60)


@pytest.fixture
def loses_the_next_answer(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Of the next commit, the database's answer does not come through."""
    real = Database.commit

    async def lossy(*arguments: Any) -> None:
        monkeypatch.setattr(Database, "commit", real)
        await real(*arguments)
        raise ConnectionResetError("the link was cut")

    return lambda: monkeypatch.setattr(Database, "commit", lossy)


def fleet_of(store: Store) -> dict[str, Device]:
    return {device.device_id: device for device in store.fleet}


async def lose(store: Store, lose_answer: Callable[[], None], message: str) -> None:
    """A message that is stored, whose sender is told to come again."""
    lose_answer()
    with pytest.raises(Unavailable):
        await receive(store, message, message_id=message)


async def test_what_was_stored_unseen_is_told_and_its_repeat_is_known(
    store: Store, loses_the_next_answer: Callable[[], None]
) -> None:
    await enrol(store)
    ear = Ear(store)
    await lose(store, loses_the_next_answer, "one")
    assert (await receive(store, "one", message_id="one")).is_repeat
    await receive(store, "two", message_id="two")
    told = ear.named("sms-received")
    assert [event.data["message"] for event in told] == ["one", "two"]  # type: ignore[index]
    assert [event.seq for event in told] == [row["seq"] for row in await all_rows(store, t.events)][-2:]
    assert store.fleet.sms.received == 2


async def test_a_heartbeat_that_was_stored_unseen_is_told_and_counted_once(
    store: Store, loses_the_next_answer: Callable[[], None]
) -> None:
    await enrol(store, battery_level=1)
    ear = Ear(store)
    loses_the_next_answer()
    with pytest.raises(Unavailable):
        await beat(store, battery_level=2)
    await beat(store, battery_level=3)
    levels = [event.data.battery_level for event in ear.named("device-heartbeat")]  # type: ignore[union-attr]
    assert levels == [2, 3]
    before = fleet_of(store)
    await store.close()
    async with opened(store) as again:
        assert fleet_of(again) == before
        assert sum(row["n_beats"] for row in await all_rows(again, t.heartbeat_rollups)) == 3


async def test_a_commit_that_really_failed_changes_nothing(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    await enrol(store)
    before = fleet_of(store), store.fleet.seq
    real = Database.commit

    async def failing(*_: Any) -> None:
        monkeypatch.setattr(Database, "commit", real)
        raise ConnectionResetError("the link was cut")

    monkeypatch.setattr(Database, "commit", failing)
    with pytest.raises(Unavailable):
        await receive(store, "one", message_id="one")
    assert (fleet_of(store), store.fleet.seq) == before
    assert not (await receive(store, "one", message_id="one")).is_repeat


async def test_a_catch_up_that_fails_half_way_is_done_again(
    store: Store, loses_the_next_answer: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("gw-1", "gw-2"):
        await enrol(store, name)
    ear = Ear(store)
    before = fleet_of(store)
    await lose(store, loses_the_next_answer, "one")
    real = load._load_devices

    async def failing(*_: Any) -> None:
        monkeypatch.setattr(load, "_load_devices", real)
        raise ConnectionResetError("the link was cut again")

    monkeypatch.setattr(load, "_load_devices", failing)
    with pytest.raises(Unavailable):
        await receive(store, "two", message_id="two")
    assert fleet_of(store) == before
    assert not (await receive(store, "two", message_id="two")).is_repeat
    assert fleet_of(store) == before
    assert [event.data["message"] for event in ear.named("sms-received")] == ["one", "two"]  # type: ignore[index]


async def test_nobody_sees_an_empty_fleet_while_memory_catches_up(
    store: Store, loses_the_next_answer: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    await enrol(store)
    await lose(store, loses_the_next_answer, "one")
    seen: list[int] = []
    real = load._load_devices

    async def watched(*arguments: Any) -> None:
        seen.append(len(store.fleet))
        await real(*arguments)

    monkeypatch.setattr(load, "_load_devices", watched)
    await receive(store, "two", message_id="two")
    assert seen == [1]


async def test_what_was_folded_unseen_is_counted_once(
    store: Store, loses_the_next_answer: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    await enrol(store, battery_level=1)
    await beat(store, battery_level=2)
    loses_the_next_answer()
    monkeypatch.setattr("goip.store.fold.FOLD_AFTER_SECONDS", 0.0)

    async def n_counted() -> int:
        return sum(row["n_beats"] for row in await all_rows(store, t.heartbeat_rollups))

    async with asyncio.timeout(PATIENCE_SECONDS):
        while await n_counted() < 2 or store.writer.trouble is not None:
            await asyncio.sleep(0.01)
    await beat(store, battery_level=3)
    await store.close()
    async with opened(store) as again:
        assert sum(row["n_beats"] for row in await all_rows(again, t.heartbeat_rollups)) == 3
