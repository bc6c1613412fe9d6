"""Repeats within a while are done once."""

from __future__ import annotations

import asyncio

import pytest

from goip.errors import Unavailable
from goip.once import Once


class Doing:
    """What was begun, to be ended by the test."""

    def __init__(self) -> None:
        self.begun: list[asyncio.Future[None]] = []

    def __call__(self) -> asyncio.Future[None]:
        self.begun.append(asyncio.get_running_loop().create_future())
        return self.begun[-1]


@pytest.fixture
def doing() -> Doing:
    return Doing()


def ended() -> asyncio.Future[None]:
    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    future.set_result(None)
    return future


class Counting:
    """Things that are done at once."""

    def __init__(self) -> None:
        self.calls: list[None] = []

    def __call__(self) -> asyncio.Future[None]:
        self.calls.append(None)
        return ended()


async def test_a_repeat_waits_for_the_first(doing: Doing) -> None:
    once = Once()
    both = [asyncio.create_task(once.do("a", doing)) for _ in range(2)]
    await asyncio.sleep(0)
    assert not any(task.done() for task in both)
    [first] = doing.begun
    first.set_result(None)
    await asyncio.gather(*both)
    await once.do("a", doing)
    assert len(doing.begun) == 1


async def test_what_failed_fails_for_both_and_begins_anew(doing: Doing) -> None:
    once = Once()
    both = [asyncio.create_task(once.do("a", doing)) for _ in range(2)]
    await asyncio.sleep(0)
    doing.begun[0].set_exception(Unavailable("the disk is full"))
    assert [type(each) for each in await asyncio.gather(*both, return_exceptions=True)] == [Unavailable] * 2
    await once.do("a", ended)
    assert len(once) == 1


async def test_what_cannot_even_begin_is_not_remembered() -> None:
    once = Once()

    def full() -> asyncio.Future[None]:
        raise Unavailable("too much waits")

    with pytest.raises(Unavailable):
        await once.do("a", full)
    assert len(once) == 0


async def test_one_who_waits_no_more_takes_nothing_from_the_others(doing: Doing) -> None:
    once = Once()
    first, second = (asyncio.create_task(once.do("a", doing)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    doing.begun[0].set_result(None)
    await second
    assert len(doing.begun) == 1


async def test_a_failure_that_nobody_waits_for_is_forgotten_in_silence(doing: Doing) -> None:
    once = Once()
    only = asyncio.create_task(once.do("a", doing))
    await asyncio.sleep(0)
    only.cancel()
    await asyncio.gather(only, return_exceptions=True)
    doing.begun.pop().set_exception(Unavailable("the disk is full"))
    await asyncio.sleep(0)
    assert len(once) == 0


@pytest.mark.parametrize(
    ("seconds", "n_times"),
    [(599.9, 1), (600.0, 2)],
)
async def test_it_is_known_for_a_while(seconds: float, n_times: int) -> None:
    now = 0.0
    once = Once(monotonic=lambda: now)
    times = Counting()
    await once.do("a", times)
    now = seconds
    await once.do("a", times)
    assert len(times.calls) == n_times


async def test_of_too_many_the_newest_are_known() -> None:
    once, times = Once(most=3), Counting()
    for key in ("a", "b", "c", "d", "d", "c", "b", "a"):
        await once.do(key, times)
    assert len(once) == 3
    assert len(times.calls) == 5
