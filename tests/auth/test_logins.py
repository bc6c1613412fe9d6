"""Logging in, staying in, and being thrown out."""

import asyncio

import pytest

from goip.auth.keys import Keyring
from goip.auth.logins import Logins
from goip.auth.passwords import Passwords
from goip.auth.principals import Permission
from goip.auth.tokens import new_refresh_token
from goip.auth.users import UserChanges, add_user, change_user
from goip.config import Config
from goip.errors import StartupError, Unauthorized
from goip.store import users as stored
from goip.store.store import Store
from tests.auth.conftest import ADDRESS, ELSEWHERE, PASSWORD, log_in
from tests.conftest import FakeClock


async def test_a_login_gives_an_access_token_that_proves_the_user(logins: Logins, clock: FakeClock) -> None:
    grant = await log_in(logins)
    principal = logins.authenticate(grant.access_token)
    assert (principal.kind, principal.username, principal.role) == ("user", "admin", "admin")
    assert principal.permissions == frozenset(Permission)
    assert principal.expires_at == clock() // 1000 * 1000 + 900_000
    assert grant.expires_in_seconds == 900


async def test_a_username_is_found_in_any_case(logins: Logins) -> None:
    assert (await log_in(logins, " Admin ")).user.username == "admin"


@pytest.mark.parametrize("username", ["admin", "nobody", "no\x00body", "\ud800", "x" * 5000, ""])
async def test_a_wrong_password_and_an_unknown_user_get_the_same_answer(
    logins: Logins, username: str
) -> None:
    with pytest.raises(Unauthorized) as refusal:
        await log_in(logins, username, "not the password")
    assert (refusal.value.code, refusal.value.message) == ("wrong_credentials", "wrong username or password")


async def test_an_unknown_user_costs_as_many_hashes_as_a_known_one(
    logins: Logins, passwords: Passwords, monkeypatch: pytest.MonkeyPatch
) -> None:
    n_hashes = 0
    hasher = passwords._hasher

    class Counting:
        def __getattr__(self, name: str):
            nonlocal n_hashes
            n_hashes += name in ("hash", "verify")
            return getattr(hasher, name)

    monkeypatch.setattr(passwords, "_hasher", Counting())
    for username, address in (("admin", ADDRESS), ("nobody", ELSEWHERE), ("no\x00body", "192.0.2.8")):
        n_hashes = 0
        with pytest.raises(Unauthorized):
            await log_in(logins, username, "not the password", address)
        assert n_hashes == 1


async def test_an_access_token_ends_at_its_time(logins: Logins, clock: FakeClock) -> None:
    grant = await log_in(logins)
    clock.advance(899)
    logins.authenticate(grant.access_token)
    clock.advance(1)
    with pytest.raises(Unauthorized) as refusal:
        logins.authenticate(grant.access_token)
    assert refusal.value.code == "token_expired"


async def test_logging_out_ends_both_tokens_and_tells_the_listeners(logins: Logins) -> None:
    told: list[str] = []
    logins.add_listener(told.append)
    grant = await log_in(logins)
    session_id = logins.authenticate(grant.access_token).session_id
    assert session_id is not None
    await logins.logout(session_id)
    assert told == [session_id]
    with pytest.raises(Unauthorized) as refusal:
        logins.authenticate(grant.access_token)
    assert refusal.value.code == "session_revoked"
    with pytest.raises(Unauthorized):
        await logins.refresh(grant.refresh_token)


async def test_a_listener_that_fails_does_not_keep_the_others_from_being_told(logins: Logins) -> None:
    told: list[str] = []

    def fail(_session_id: str) -> None:
        raise RuntimeError

    logins.add_listener(fail)
    logins.add_listener(told.append)
    logins.forget(["one"])
    assert told == ["one"]


async def test_a_revoked_session_is_remembered_over_a_restart(
    logins: Logins, store: Store, clock: FakeClock, passwords: Passwords
) -> None:
    grant = await log_in(logins)
    await logins.logout_by(grant.refresh_token)
    clock.advance(600)
    after_restart = Logins(store, Config(), clock, passwords=passwords)
    await after_restart.open()
    with pytest.raises(Unauthorized) as refusal:
        after_restart.authenticate(grant.access_token)
    assert refusal.value.code == "session_revoked"


async def test_tokens_hold_over_a_restart(
    logins: Logins, store: Store, clock: FakeClock, passwords: Passwords
) -> None:
    grant = await log_in(logins)
    after_restart = Logins(store, Config(), clock, passwords=passwords)
    await after_restart.open()
    assert after_restart.authenticate(grant.access_token).username == "admin"
    assert (await after_restart.refresh(grant.refresh_token)).user.username == "admin"


async def test_revoked_sessions_are_forgotten_when_no_token_of_theirs_can_live(
    logins: Logins, clock: FakeClock
) -> None:
    grant = await log_in(logins)
    await logins.logout_by(grant.refresh_token)
    clock.advance(2 * 86_400)
    await logins.catch_up()
    assert not logins._revoked


async def test_a_refresh_gives_a_new_pair_and_uses_the_old_token_up(logins: Logins, clock: FakeClock) -> None:
    first = await log_in(logins)
    clock.advance(600)
    second = await logins.refresh(first.refresh_token)
    assert second.refresh_token != first.refresh_token
    assert (
        logins.authenticate(second.access_token).session_id
        == logins.authenticate(first.access_token).session_id
    )
    clock.advance(600)
    third = await logins.refresh(second.refresh_token)
    assert logins.authenticate(third.access_token).username == "admin"


async def test_a_reused_refresh_token_ends_its_whole_family(logins: Logins, clock: FakeClock) -> None:
    told: list[str] = []
    logins.add_listener(told.append)
    first = await log_in(logins)
    second = await logins.refresh(first.refresh_token)
    clock.advance(31)
    with pytest.raises(Unauthorized) as refusal:
        await logins.refresh(first.refresh_token)
    assert refusal.value.code == "session_revoked"
    assert len(told) == 1
    with pytest.raises(Unauthorized):
        logins.authenticate(second.access_token)
    with pytest.raises(Unauthorized):
        await logins.refresh(second.refresh_token)


async def test_a_token_two_generations_old_ends_the_family_even_at_once(logins: Logins) -> None:
    first = await log_in(logins)
    second = await logins.refresh(first.refresh_token)
    third = await logins.refresh(second.refresh_token)
    with pytest.raises(Unauthorized):
        await logins.refresh(first.refresh_token)
    with pytest.raises(Unauthorized):
        await logins.refresh(third.refresh_token)


async def test_tabs_that_refresh_at_once_end_up_with_the_same_token(logins: Logins, clock: FakeClock) -> None:
    first = await log_in(logins)
    grants = await asyncio.gather(*(logins.refresh(first.refresh_token) for _ in range(5)))
    assert len({grant.refresh_token for grant in grants}) == 1
    clock.advance(29)
    late = await logins.refresh(first.refresh_token)
    assert late.refresh_token == grants[0].refresh_token
    clock.advance(900)
    await logins.refresh(late.refresh_token)


async def test_one_session_of_a_user_ends_without_the_others(logins: Logins) -> None:
    here, there = await log_in(logins), await log_in(logins)
    await logins.logout_by(here.refresh_token)
    assert logins.authenticate(there.access_token).username == "admin"


async def test_a_login_that_is_not_used_runs_out(logins: Logins, clock: FakeClock) -> None:
    grant = await log_in(logins)
    clock.advance(30 * 86_400)
    with pytest.raises(Unauthorized):
        await logins.refresh(grant.refresh_token)


@pytest.mark.parametrize(
    "token",
    ["", "x", "a.b", "\ud800", pytest.param(new_refresh_token(), id="of nobody"), "é" * 22 + "." + "x" * 43],
)
async def test_what_is_no_refresh_token_is_refused(logins: Logins, token: str) -> None:
    with pytest.raises(Unauthorized):
        await logins.refresh(token)


async def test_a_session_that_another_process_ends_is_noticed(
    logins: Logins, store: Store, clock: FakeClock
) -> None:
    grant = await log_in(logins)
    told: list[str] = []
    logins.add_listener(told.append)
    at = clock()
    await store.transact(lambda connection: stored.revoke_sessions(connection, at=at, user_id=grant.user.id))
    logins.authenticate(grant.access_token)
    clock.advance(2)
    await logins.catch_up()
    with pytest.raises(Unauthorized):
        logins.authenticate(grant.access_token)
    await logins.catch_up()
    assert len(told) == 1


async def test_a_user_who_is_shut_out_cannot_log_in(
    logins: Logins, keyring: Keyring, store: Store, passwords: Passwords
) -> None:
    user = await add_user(store, passwords, username="vera", password=PASSWORD, role="viewer")
    await change_user(store, logins, keyring, user.id, UserChanges(is_active=False))
    with pytest.raises(Unauthorized) as refusal:
        await log_in(logins, "vera")
    assert refusal.value.code == "wrong_credentials"


async def test_a_user_who_is_shut_out_while_logging_in_stays_out(
    logins: Logins, keyring: Keyring, store: Store, passwords: Passwords, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = await add_user(store, passwords, username="vera", password=PASSWORD, role="viewer")
    verify = passwords.verify

    async def verify_slowly(password: str, stored_hash: str | None) -> bool:
        is_right = await verify(password, stored_hash)
        await change_user(store, logins, keyring, user.id, UserChanges(is_active=False))
        return is_right

    monkeypatch.setattr(passwords, "verify", verify_slowly)
    with pytest.raises(Unauthorized):
        await log_in(logins, "vera")


async def test_an_old_hash_is_made_again_at_the_next_login(
    logins: Logins, store: Store, clock: FakeClock
) -> None:
    stronger = Logins(store, Config(), clock, passwords=Passwords(_stronger()))
    await stronger.open()
    async with store.reading() as connection:
        before = await stored.find_user(connection, username="admin")
    await log_in(stronger)
    async with store.reading() as connection:
        after = await stored.find_user(connection, username="admin")
    assert before is not None
    assert after is not None
    assert "m=8," in before.password_hash
    assert "m=16," in after.password_hash
    assert after.last_login_at == clock()
    await log_in(stronger)


def _stronger():
    from argon2 import PasswordHasher

    return PasswordHasher(time_cost=1, memory_cost=16, parallelism=1)


async def test_the_first_start_makes_an_admin_whose_password_is_told_once(
    store: Store, clock: FakeClock, passwords: Passwords
) -> None:
    logins = Logins(store, Config(), clock, passwords=passwords)
    await logins.open()
    made_up = await logins.ensure_admin()
    assert made_up is not None
    assert (await log_in(logins, "admin", made_up)).user.role == "admin"
    assert await logins.ensure_admin() is None
    assert await logins.ensure_admin("another password") is None


async def test_a_configured_admin_password_that_is_too_weak_stops_the_start(
    store: Store, clock: FakeClock, passwords: Passwords
) -> None:
    logins = Logins(store, Config(), clock, passwords=passwords)
    await logins.open()
    with pytest.raises(StartupError, match=r"GOIP_ADMIN_PASSWORD.*at least 10 characters"):
        await logins.ensure_admin("short")


async def test_a_short_secret_key_stops_the_start(store: Store, clock: FakeClock) -> None:
    with pytest.raises(StartupError, match="GOIP_SECRET_KEY"):
        await Logins(store, Config(secret_key="short"), clock).open()
