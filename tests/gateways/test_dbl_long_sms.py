"""Long messages that a line hands over part by part, over a real UDP socket and a real database. Fictitious texts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sized
from contextlib import asynccontextmanager
from functools import partial
from itertools import count
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from goip.clock import to_iso
from goip.errors import Unavailable
from goip.gateways.dbl import long_sms
from goip.gateways.dbl.listener import DblListener
from goip.gateways.dbl.long_sms import LongSms, is_full
from goip.ingest import Enrolment, record_heartbeat
from goip.models import Heartbeat, InboundSms
from goip.store import sms as messages
from goip.store.parts import list_parts
from goip.store.store import Store
from tests.conftest import FakeClock
from tests.gateways.dbl_line import KEY, FakeLine, facts, listening, plugged_in, says_nothing, until

FIRST, SECOND, END = "a" * 153, "b" * 152 + "c", "the end"
CYRILLIC = "я" * 67


@pytest.fixture
async def listener(store: Store) -> AsyncIterator[DblListener]:
    async with listening(store) as listener:
        yield listener


@pytest.fixture
async def line(listener: DblListener) -> AsyncIterator[FakeLine]:
    async with plugged_in(listener, "a", says_nothing) as line:
        yield line


async def receive(line: FakeLine, number: int, text: str, sender: str = "BANK") -> str:
    return await line.tell("RECEIVE", number, f"srcnum:{sender};msg:{text}")


async def texts(store: Store) -> list[str]:
    """The messages that were told, oldest first."""
    return [fact["message"] for fact in await facts(store, "sms-received")]


def are_more_than(found: Sized, n: int) -> bool:
    return len(found) > n


async def wait_for_texts(store: Store, n: int) -> list[str]:
    async with asyncio.timeout(10):
        while len(found := await texts(store)) < n:
            await asyncio.sleep(0.01)
    return found


@pytest.mark.parametrize(
    ("text", "is_so"),
    [
        ("a" * 153, True),
        ("a" * 152, True),  # an escaped letter did not fit any more
        ("a" * 151, False),
        ("a" * 160, False),  # a whole message, without the header of a part
        ("€" * 76, True),  # each takes two septets
        ("я" * 67, True),
        ("я" * 66, True),
        ("я" * 65, False),
        ("я" * 70, False),
        ("\N{CAT FACE}" * 33, True),  # of two units each
        ("", False),
    ],
)
def test_a_part_is_full_to_the_last_letter(text: str, is_so: bool) -> None:
    assert is_full(text) is is_so


async def test_parts_become_one_message(line: FakeLine, store: Store, clock: FakeClock) -> None:
    began = clock()
    assert await receive(line, 30, FIRST) == "RECEIVE 30 OK\n"
    clock.advance(30)
    assert await receive(line, 29, SECOND) == "RECEIVE 29 OK\n"
    assert await texts(store) == []
    assert await receive(line, 28, END) == "RECEIVE 28 OK\n"
    [message] = await facts(store, "sms-received")
    assert message["message"] == FIRST + SECOND + END
    assert (message["sender"], message["deviceId"]) == ("BANK", "a")
    assert message["timestamp"] == to_iso(began)


async def test_a_text_in_another_alphabet_is_joined_too(line: FakeLine, store: Store) -> None:
    await receive(line, 2, CYRILLIC)
    await receive(line, 1, "конец")
    assert await texts(store) == [CYRILLIC + "конец"]


async def test_what_is_not_full_is_told_at_once(line: FakeLine, store: Store) -> None:
    await receive(line, 1, "a" * 160)
    await receive(line, 2, END)
    assert await texts(store) == ["a" * 160, END]


async def test_somebody_else_continues_nothing(line: FakeLine, store: Store) -> None:
    await receive(line, 1, FIRST)
    await receive(line, 2, "hello", sender="15550101")
    await receive(line, 3, END)
    assert await texts(store) == ["hello", FIRST + END]


async def test_another_line_continues_nothing(listener: DblListener, line: FakeLine, store: Store) -> None:
    await receive(line, 1, FIRST)
    async with plugged_in(listener, "b", says_nothing) as other:
        await receive(other, 2, END)
    assert await texts(store) == []
    assert [fact["message"] for fact in await facts(store, "sms-received", "b")] == [END]


async def test_what_nothing_follows_is_a_message(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(long_sms.LongSms.__init__, "__defaults__", (0.1,))
    async with listening(store) as listener, plugged_in(listener, "a", says_nothing) as line:
        await receive(line, 1, FIRST)
        assert await wait_for_texts(store, 1) == [FIRST]
        await receive(line, 2, END)
        assert await texts(store) == [FIRST, END]


async def test_a_part_that_comes_again_is_there_once(line: FakeLine, store: Store) -> None:
    for number, text in ((3, FIRST), (2, SECOND), (1, END)):
        for _ in range(2):  # the answer to the first was lost
            assert await receive(line, number, text) == f"RECEIVE {number} OK\n"
    assert await texts(store) == [FIRST + SECOND + END]


async def test_two_parts_of_one_text_are_two(line: FakeLine, store: Store) -> None:
    for number in (3, 2):
        await receive(line, number, FIRST)
    await receive(line, 1, END)
    assert await texts(store) == [FIRST + FIRST + END]


async def test_parts_that_come_together_stay_in_order(line: FakeLine, store: Store) -> None:
    for number, text in ((3, FIRST), (2, SECOND), (1, END)):
        line.say(f"RECEIVE:{number};id:a;password:{KEY};srcnum:BANK;msg:{text}")
    assert await wait_for_texts(store, 1) == [FIRST + SECOND + END]


async def test_a_part_is_on_disk_before_it_is_acknowledged(
    line: FakeLine, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused: list[object] = []

    def fail(change: object) -> None:
        refused.append(change)
        raise Unavailable("the disk is full")

    for n_refused, (number, text) in enumerate(((3, FIRST), (2, SECOND), (1, END))):
        with monkeypatch.context() as patch:
            patch.setattr(store.writer, "transact", fail)
            line.say(f"RECEIVE:{number};id:a;password:{KEY};srcnum:BANK;msg:{text}")
            await until(partial(are_more_than, refused, n_refused))
        assert await receive(line, number, text) == f"RECEIVE {number} OK\n"
    assert await texts(store) == [FIRST + SECOND + END]


async def test_a_server_that_starts_again_goes_on(store: Store) -> None:
    async with listening(store) as listener, plugged_in(listener, "a", says_nothing) as line:
        await receive(line, 3, FIRST)
    async with listening(store) as listener, plugged_in(listener, "a", says_nothing) as line:
        await receive(line, 3, FIRST)  # the answer was lost with the server
        await receive(line, 2, SECOND)
        await receive(line, 1, END)
    assert await texts(store) == [FIRST + SECOND + END]


async def test_the_last_part_that_comes_again_after_a_start_is_no_message(store: Store) -> None:
    async with listening(store) as listener, plugged_in(listener, "a", says_nothing) as line:
        await receive(line, 2, FIRST)
        await receive(line, 1, END)
    async with listening(store) as listener, plugged_in(listener, "a", says_nothing) as line:
        assert await receive(line, 1, END) == "RECEIVE 1 OK\n"
        await receive(line, 9, "something else")
    assert await texts(store) == [FIRST + END, "something else"]


async def test_what_nothing_followed_while_the_server_was_away_is_a_message(
    store: Store, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with listening(store) as listener, plugged_in(listener, "a", says_nothing) as line:
        await receive(line, 1, FIRST)
    clock.advance(300)
    monkeypatch.setattr(long_sms.LongSms.__init__, "__defaults__", (0.1,))
    async with listening(store):
        assert await wait_for_texts(store, 1) == [FIRST]


async def test_a_full_text_to_an_unknown_line_is_refused_as_any(listener: DblListener, store: Store) -> None:
    line = FakeLine(listener, "nobody", says_nothing)
    await line.plug_in()
    assert "ERROR" in await receive(line, 1, FIRST)
    line.close()


# ---- without a socket, where the moment counts ----


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
