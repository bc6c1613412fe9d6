"""What is read from the memory of a box: stored once, told as recovered, and read on after a crash."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from goip.errors import NotFound
from goip.ingest import record_note
from goip.models import DeliveryReport, InboundSms
from goip.recovery import Piece, place_in_memory, record_piece
from goip.store import tables as t
from goip.store.places import Place
from goip.store.store import Store
from tests.conftest import FakeClock
from tests.store.lives import Ear, all_rows, crash, enrol, opened, receive

REPORT = DeliveryReport("gw-1", None, 0, "0 250820064536A8", "123", 101, 1_755_697_537_000)


def sms(n: int, device_id: str = "gw-1") -> InboundSms:
    return InboundSms(device_id, "BANK", f"message {n}", sent_at=1_700_000_000_000 + n, slot_index=101)


async def take(
    store: Store,
    told: Sequence[InboundSms | DeliveryReport],
    *,
    next_id: int = 2,
    is_last: bool = True,
    pushed_since: int | None = None,
) -> Place:
    """A piece of the memory of gw-1, after what was read of it before."""
    known = await place_in_memory(store, "gw-1")
    return await record_piece(store, Piece("gw-1", "a", next_id, told, is_last), known, pushed_since)


def recovered(ear: Ear) -> list[int]:
    told: list[Any] = [event.data for event in ear.named("sms-recovered")]
    return [each["nMessages"] for each in told]


@pytest.fixture
async def ear(store: Store) -> Ear:
    await enrol(store)
    return Ear(store)


async def test_what_was_not_known_is_stored_and_told_in_one_sum(store: Store, ear: Ear) -> None:
    assert await take(store, [sms(1), sms(2), sms(3)], next_id=4) == Place("a", 4)
    assert await place_in_memory(store, "gw-1") == Place("a", 4)
    assert recovered(ear) == [3]
    assert len(ear.named("sms-received")) == 3
    [fact] = ear.named("sms-recovered")
    assert set(fact.rooms) == {"device-gw-1", "dashboard"}
    assert [row["event"] for row in await all_rows(store, t.events)][-1] == "sms-recovered"


async def test_what_was_pushed_is_not_stored_again(store: Store, ear: Ear) -> None:
    pushed = sms(1)
    await receive(store, pushed.message, sent_at=pushed.sent_at, slot_index=101)
    await take(store, [pushed])
    assert len(await all_rows(store, t.sms)) == 1
    assert recovered(ear) == []


async def test_what_was_read_is_not_stored_again_when_it_is_pushed(store: Store, ear: Ear) -> None:
    read = sms(1)
    await take(store, [read])
    assert (await receive(store, read.message, sent_at=read.sent_at, slot_index=101)).is_repeat
    assert len(await all_rows(store, t.sms)) == 1


async def test_the_sum_is_told_with_the_last_piece(store: Store, ear: Ear) -> None:
    assert await take(store, [sms(1), sms(2)], next_id=3, is_last=False) == Place("a", 3, n_recovered=2)
    assert recovered(ear) == []
    await take(store, [sms(3)], next_id=4)
    await take(store, [sms(4)], next_id=5)
    assert recovered(ear) == [3, 1]


async def test_the_sum_outlives_a_crash_between_two_pieces(store: Store, ear: Ear) -> None:
    await take(store, [sms(1), sms(2)], next_id=3, is_last=False)
    await crash(store)
    async with opened(store) as again:
        listener = Ear(again)
        await take(again, [], next_id=3)
        assert recovered(listener) == [2]


async def test_a_piece_that_comes_again_after_a_crash_is_stored_once(store: Store, ear: Ear) -> None:
    await take(store, [sms(1), sms(2)], next_id=3)
    await take(store, [sms(1), sms(2), sms(2)], next_id=3)
    assert len(await all_rows(store, t.sms)) == 2
    assert recovered(ear) == [2]


async def test_what_a_push_may_be_under_way_with_is_stored_and_not_called_recovered(
    store: Store, ear: Ear
) -> None:
    boundary = sms(2).sent_at
    await take(store, [sms(1), sms(2), sms(3)], pushed_since=boundary)
    assert len(await all_rows(store, t.sms)) == 3
    assert recovered(ear) == [1]


async def test_a_report_that_was_told_is_not_told_again(store: Store, ear: Ear, clock: FakeClock) -> None:
    await record_note(store, REPORT)
    clock.advance(90_000)
    await take(store, [REPORT, sms(1)])
    assert len(ear.named("delivery-report")) == 1
    other = DeliveryReport("gw-1", None, 64, "64 250820064536A8", "123", 101, REPORT.sent_at)
    await take(store, [REPORT, other])
    assert len(ear.named("delivery-report")) == 2
    assert recovered(ear) == [1]


async def test_a_piece_of_an_unknown_box_is_refused_whole(store: Store, ear: Ear) -> None:
    with pytest.raises(NotFound):
        await record_piece(store, Piece("gw-9", "a", 2, [sms(1, "gw-9")], is_last=True), None)
    assert await place_in_memory(store, "gw-9") is None
    assert await all_rows(store, t.sms) == []


async def test_equal_messages_of_one_second_of_the_sms_centre_are_told_apart_by_the_boxs_times(
    store: Store, ear: Ear
) -> None:
    centre_at = 1_700_000_000_000
    for _ in range(2):
        for delay in (2_000, 3_000):
            await receive(store, sent_at=centre_at + delay, centre_at=centre_at)
        assert len(await all_rows(store, t.sms)) == 2
    assert (await receive(store, centre_at=centre_at)).is_repeat
