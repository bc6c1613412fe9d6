"""Parts of long messages where the moment counts: unsure commits, a full disk, restarts; without a socket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from goip.errors import Unavailable
from goip.gateways.dbl import long_sms
from goip.gateways.dbl.long_sms import LongSms
from goip.ingest import Enrolment, record_heartbeat
from goip.models import Heartbeat, InboundSms
from goip.store import sms as messages
from goip.store.parts import list_parts
from goip.store.store import Store
from tests.conftest import FakeClock
from tests.gateways.test_dbl_long_sms import CYRILLIC, END, FIRST, SECOND, texts, wait_for_texts


def sms(text: str, number: str = "1") -> InboundSms:
    return InboundSms(device_id="a", sender="BANK", message=text, slot_index=0, sending_id=number)


@pytest.fixture
async def known(store: Store) -> None:
    """The line is known."""
    await record_heartbeat(store, Heartbeat("a"), enrolment=Enrolment(None))


@asynccontextmanager
async def joining(store: Store, patience_seconds: float = 60.0) -> AsyncIterator[LongSms]:
    joiner = LongSms(store, patience_seconds)
    await joiner.resume()
    yield joiner
    await joiner.close()


def is_unsure_at(store: Store, monkeypatch: pytest.MonkeyPatch, name: str, nth: int) -> None:
    """The nth of these commits is on disk, and its answer is lost."""
    plain, numbers = getattr(store.writer, name), count()

    def commit(work: Any) -> Any:
        committing = plain(work)
        return lost(committing) if next(numbers) == nth else committing

    async def lost(committing: Any) -> None:
        await committing
        raise Unavailable("the line to the database broke")

    monkeypatch.setattr(store.writer, name, commit)


@pytest.mark.usefixtures("known")
async def test_a_long_chain_is_gone_on_with(store: Store, clock: FakeClock) -> None:
    async with joining(store) as joiner:
        for number, text in enumerate((FIRST, SECOND, CYRILLIC)):
            await joiner.take(sms(text, str(number)))
            clock.advance(55)
    clock.advance(3_600)
    async with joining(store) as joiner:
        await joiner.take(sms(END, "9"))
    assert await texts(store) == [FIRST + SECOND + CYRILLIC + END]


@pytest.mark.usefixtures("known")
@pytest.mark.parametrize("nth", [0, 1, 2])
async def test_a_part_whose_commit_is_not_sure_is_there_once(
    store: Store, clock: FakeClock, monkeypatch: pytest.MonkeyPatch, nth: int
) -> None:
    is_unsure_at(store, monkeypatch, "transact", nth)
    async with joining(store) as joiner:
        for number, text in enumerate((FIRST, SECOND, END)):
            if number == nth:
                with pytest.raises(Unavailable):
                    await joiner.take(sms(text, str(number)))
            await joiner.take(sms(text, str(number)))
            clock.advance(3)
    async with joining(store, 0.05):
        await asyncio.sleep(0.2)
    assert await texts(store) == [FIRST + SECOND + END]


@pytest.mark.usefixtures("known")
async def test_a_part_that_follows_a_whole_whose_commit_is_not_sure_is_not_lost(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(long_sms, "_AGAIN_SECONDS", 0.05)
    is_unsure_at(store, monkeypatch, "record", 0)
    async with joining(store, 0.05) as joiner:
        await joiner.take(sms(FIRST, "1"))
        await asyncio.sleep(0.1)
        async with asyncio.timeout(10):
            while True:
                try:
                    await joiner.take(sms(END, "2"))
                except Unavailable:
                    await asyncio.sleep(0.01)
                else:
                    break
    assert "".join(await texts(store)) == FIRST + END


@pytest.mark.usefixtures("known")
@pytest.mark.parametrize("n_stored", [0, 1])
async def test_what_is_out_of_order_because_of_us_waits_for_what_was_before(
    store: Store, monkeypatch: pytest.MonkeyPatch, n_stored: int
) -> None:
    async with joining(store) as joiner:
        told = [(FIRST, "1"), (SECOND, "2"), (END, "3")]
        for text, number in told[:n_stored]:
            await joiner.take(sms(text, number))
        with monkeypatch.context() as patch:
            patch.setattr(store.writer, "transact", refuse)
            with pytest.raises(Unavailable):
                await joiner.take(sms(*told[n_stored]))
        with pytest.raises(Unavailable):
            await joiner.take(sms(*told[n_stored + 1]))
        for text, number in told[n_stored:]:
            await joiner.take(sms(text, number))
    assert await texts(store) == [FIRST + SECOND + END]


def refuse(_work: object) -> None:
    raise Unavailable("the disk is full")


@pytest.mark.usefixtures("known")
async def test_what_is_never_said_again_is_not_waited_for(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(long_sms, "_MISSED_SECONDS", 0.05)
    async with joining(store) as joiner:
        with monkeypatch.context() as patch:
            patch.setattr(store.writer, "transact", refuse)
            with pytest.raises(Unavailable):
                await joiner.take(sms(FIRST, "1"))
        await asyncio.sleep(0.1)
        await joiner.take(sms("hello", "2"))
    assert await texts(store) == ["hello"]


@pytest.mark.usefixtures("known")
async def test_a_message_like_the_last_part_is_told(store: Store) -> None:
    async with joining(store) as joiner:
        await joiner.take(sms(FIRST, "1"))
        await joiner.take(sms("ok", "2"))
    async with joining(store) as joiner:
        await joiner.take(sms("ok", "2"))  # again
        await joiner.take(sms("ok", "3"))
        await joiner.take(sms("ok", "4"))
    assert await texts(store) == [FIRST + "ok", "ok", "ok"]


@pytest.mark.usefixtures("known")
async def test_a_clock_that_is_set_back_holds_nothing_up(store: Store, clock: FakeClock) -> None:
    async with joining(store) as joiner:
        await joiner.take(sms(FIRST, "1"))
    clock.advance(-3_600)
    async with joining(store, 0.05):
        assert await wait_for_texts(store, 1) == [FIRST]


@pytest.mark.usefixtures("known")
async def test_a_message_that_is_deleted_leaves_no_parts_and_does_not_come_back(store: Store) -> None:
    async with joining(store) as joiner:
        await joiner.take(sms(FIRST, "1"))
        await joiner.take(sms(END, "2"))

    async def remove(connection: AsyncConnection) -> None:
        page = await messages.list_sms(connection, messages.SmsFilter(), limit=5)
        await messages.delete_sms(connection, page.rows[0])

    await store.transact(remove)
    async with store.reading() as connection:
        assert await list_parts(connection) == []
    async with joining(store, 0.05):
        await asyncio.sleep(0.2)
    assert await texts(store) == []


@pytest.mark.usefixtures("known")
async def test_parts_are_forgotten_when_nobody_repeats_them_any_more(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(long_sms, "_KNOWN_SECONDS", 0.05)
    async with joining(store) as joiner:
        await joiner.take(sms(FIRST, "1"))
        await joiner.take(sms(END, "2"))
        async with asyncio.timeout(10):
            while joiner._stored:
                await asyncio.sleep(0.01)
    async with store.reading() as connection:
        assert await list_parts(connection) == []


@pytest.mark.usefixtures("known")
async def test_a_defect_holds_the_whole_up_and_loses_nothing(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(long_sms, "_AGAIN_SECONDS", 0.05)

    def break_down(_change: object) -> None:
        raise RuntimeError("a defect")

    async with joining(store) as joiner:
        await joiner.take(sms(FIRST, "1"))
        with monkeypatch.context() as patch:
            patch.setattr(store.writer, "record", break_down)
            await joiner.take(sms(END, "2"))
            await asyncio.sleep(0.1)
        assert await wait_for_texts(store, 1) == [FIRST + END]
