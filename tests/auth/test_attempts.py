"""The limit on tries: it slows down who guesses, and nobody else."""

import asyncio

import pytest

from goip.auth.attempts import Attempts
from goip.auth.logins import Logins
from goip.auth.passwords import Passwords
from goip.auth.users import add_user
from goip.errors import TooManyRequests, Unauthorized, Unavailable
from goip.store.store import Store
from tests.auth.conftest import ADDRESS, ELSEWHERE, PASSWORD, log_in
from tests.conftest import FakeClock


async def fail(logins: Logins, n_times: int, username: str = "admin", address: str = ADDRESS) -> None:
    for _ in range(n_times):
        with pytest.raises(Unauthorized):
            await log_in(logins, username, "not the password", address)


async def test_guessing_at_a_user_is_slowed_down_more_and_more(logins: Logins, clock: FakeClock) -> None:
    await fail(logins, 10)
    waits = []
    for _ in range(8):
        with pytest.raises(TooManyRequests) as refusal:
            await log_in(logins)  # even the right password waits
        assert refusal.value.retry_after_seconds is not None
        waits.append(refusal.value.retry_after_seconds)
        clock.advance(refusal.value.retry_after_seconds)
        await fail(logins, 1)
    assert waits == [5, 10, 20, 40, 80, 160, 300, 300]


async def test_guessing_from_many_addresses_at_one_user_is_slowed_down_too(logins: Logins) -> None:
    for n in range(10):
        await fail(logins, 1, address=f"198.51.100.{n}")
    with pytest.raises(TooManyRequests):
        await log_in(logins)


@pytest.mark.parametrize("address", ["192.0.2.7", "2001:db8::1:{n}"])
async def test_guessing_at_many_users_from_one_network_is_slowed_down_too(
    logins: Logins, address: str
) -> None:
    for n in range(30):
        await fail(logins, 1, username=f"user-{n}", address=address.format(n=n))
    with pytest.raises(TooManyRequests):
        await log_in(logins, address=address.format(n=99))
    await log_in(logins, address=ELSEWHERE)


async def test_guesses_all_at_once_are_counted_before_they_are_judged(logins: Logins) -> None:
    guesses = [log_in(logins, password=f"guess number {n}") for n in range(40)]
    answers = await asyncio.gather(*guesses, return_exceptions=True)
    assert sum(isinstance(answer, Unauthorized) for answer in answers) == 10
    assert sum(isinstance(answer, TooManyRequests) for answer in answers) == 30


async def test_a_right_password_clears_the_count(logins: Logins) -> None:
    await fail(logins, 9)
    await log_in(logins)
    await fail(logins, 9)
    await log_in(logins)


async def test_an_own_account_does_not_clear_the_count_of_its_address(
    logins: Logins, store: Store, passwords: Passwords, clock: FakeClock
) -> None:
    for n in range(4):
        await add_user(store, passwords, username=f"mallory{n}", password=PASSWORD, role="viewer")
    for n in range(29):
        await fail(logins, 1, username=f"user-{n}")
    await log_in(logins, "mallory0")
    await fail(logins, 1, username="user-29")
    with pytest.raises(TooManyRequests):
        await log_in(logins, "user-30", "another guess")


async def test_who_logged_in_from_there_before_is_not_shut_out_by_strangers(logins: Logins) -> None:
    await log_in(logins)
    await fail(logins, 10, address=ELSEWHERE)
    with pytest.raises(TooManyRequests):
        await log_in(logins, address="198.51.100.10")
    await log_in(logins)
    await fail(logins, 10)
    with pytest.raises(TooManyRequests):
        await log_in(logins)


async def test_the_count_is_forgotten_after_a_while(logins: Logins, clock: FakeClock) -> None:
    await fail(logins, 9)
    clock.advance(15 * 60 + 1)
    await fail(logins, 9)
    await log_in(logins)


async def test_trouble_of_our_own_is_not_counted_as_a_wrong_guess(
    logins: Logins, passwords: Passwords, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def verify(_password: str, _stored: str | None) -> bool:
        raise Unavailable("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(passwords, "verify", verify)
        for _ in range(20):
            with pytest.raises(Unavailable):
                await log_in(logins)
    await log_in(logins)


def test_what_is_remembered_is_bounded(clock: FakeClock) -> None:
    attempts = Attempts(clock, free=1, longest_seconds=60)
    for n in range(25_000):
        attempts.count(f"guess {n}")
    assert len(attempts) == 20_000
    assert attempts.seconds_to_wait("guess 24999") == 5
    assert attempts.seconds_to_wait("guess 0") == 0
