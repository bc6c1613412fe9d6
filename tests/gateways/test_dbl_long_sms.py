"""Long messages that a line hands over part by part, over a real UDP socket and a real database. Fictitious texts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sized
from functools import partial

import pytest

from goip.clock import to_iso
from goip.errors import Unavailable
from goip.gateways.dbl import long_sms
from goip.gateways.dbl.listener import DblListener
from goip.gateways.dbl.long_sms import is_full
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
