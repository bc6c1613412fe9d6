"""What a change of a user ends, and what it must not do."""

import pytest

from goip.auth.keys import Keyring
from goip.auth.logins import Logins
from goip.auth.passwords import Passwords
from goip.auth.users import UserChanges, add_user, change_user, list_users
from goip.errors import Conflict, InvalidPayload, NotFound, Unauthorized
from goip.store.store import Store
from goip.store.users import User
from tests.auth.conftest import PASSWORD


@pytest.fixture
async def vera(store: Store, logins: Logins, passwords: Passwords) -> User:
    return await add_user(store, passwords, username="Vera", password=PASSWORD, role="admin")


async def log_in(logins: Logins, password: str = PASSWORD) -> str:
    return (await logins.login("vera", password, "192.0.2.7", "pytest")).access_token


def is_good(logins: Logins, access_token: str) -> bool:
    try:
        logins.authenticate(access_token)
    except Unauthorized:
        return False
    return True


async def test_a_name_is_taken_in_any_case(store: Store, passwords: Passwords, vera: User) -> None:
    assert vera.username == "vera"
    with pytest.raises(Conflict) as refusal:
        await add_user(store, passwords, username="VERA", password=PASSWORD, role="viewer")
    assert "username" in refusal.value.fields
    assert [user.username for user in await list_users(store)] == ["admin", "vera"]


async def test_a_role_that_is_not_known_is_refused(store: Store, passwords: Passwords) -> None:
    with pytest.raises(InvalidPayload, match="role must be one of"):
        await add_user(store, passwords, username="max", password=PASSWORD, role="root")


@pytest.mark.parametrize("changes", [UserChanges(role="viewer"), UserChanges(is_active=False)])
async def test_a_new_role_and_being_shut_out_end_sessions_and_tokens(
    store: Store, logins: Logins, keyring: Keyring, vera: User, changes: UserChanges
) -> None:
    access_token = await log_in(logins)
    session_id = logins.authenticate(access_token).session_id
    _, token = await keyring.add_api_token("vera's script", ["admin"], None, vera.id)
    _, other = await keyring.add_api_token("nobody's script", ["admin"], None, None)
    await change_user(store, logins, keyring, vera.id, changes, own_session_id=session_id)
    assert not is_good(logins, access_token)
    assert keyring.find(token) is None
    assert keyring.find(other) is not None


async def test_a_new_password_ends_the_sessions_but_not_the_tokens(
    store: Store, logins: Logins, keyring: Keyring, vera: User
) -> None:
    access_token = await log_in(logins)
    _, token = await keyring.add_api_token("vera's script", ["read"], None, vera.id)
    await change_user(store, logins, keyring, vera.id, UserChanges(password="another password"))
    assert not is_good(logins, access_token)
    assert keyring.find(token) is not None
    with pytest.raises(Unauthorized):
        await log_in(logins)
    await log_in(logins, "another password")


async def test_who_changes_the_own_password_stays_logged_in_here_and_nowhere_else(
    store: Store, logins: Logins, keyring: Keyring, vera: User
) -> None:
    here, elsewhere = await log_in(logins), await log_in(logins)
    session_id = logins.authenticate(here).session_id
    changes = UserChanges(password="another password")
    await change_user(store, logins, keyring, vera.id, changes, own_session_id=session_id)
    assert is_good(logins, here)
    assert not is_good(logins, elsewhere)


async def test_a_change_to_what_was_there_already_ends_nothing(
    store: Store, logins: Logins, keyring: Keyring, vera: User
) -> None:
    access_token = await log_in(logins)
    await change_user(store, logins, keyring, vera.id, UserChanges(role="admin", is_active=True))
    assert is_good(logins, access_token)


@pytest.mark.parametrize("changes", [UserChanges(role="operator"), UserChanges(is_active=False)])
async def test_the_last_administrator_stays(
    store: Store, logins: Logins, keyring: Keyring, vera: User, changes: UserChanges
) -> None:
    access_token = await log_in(logins)
    (admin,) = [user for user in await list_users(store) if user.username == "admin"]
    await change_user(store, logins, keyring, admin.id, UserChanges(is_active=False))
    with pytest.raises(Conflict) as refusal:
        await change_user(store, logins, keyring, vera.id, changes)
    assert refusal.value.code == "last_admin"
    assert is_good(logins, access_token)
    assert [user.is_active for user in await list_users(store)] == [False, True]


async def test_a_user_who_is_not_there_cannot_be_changed(
    store: Store, logins: Logins, keyring: Keyring
) -> None:
    with pytest.raises(NotFound):
        await change_user(store, logins, keyring, 4711, UserChanges(role="viewer"))
