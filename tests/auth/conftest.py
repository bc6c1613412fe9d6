"""The parts of auth over a fresh store, with a hash that costs nothing."""

import pytest
from argon2 import PasswordHasher

from goip.auth.keys import Keyring
from goip.auth.logins import Grant, Logins
from goip.auth.passwords import Passwords
from goip.config import Config
from goip.store.store import Store
from tests.conftest import FakeClock

PASSWORD = "correct horse battery"
ADDRESS = "192.0.2.7"
ELSEWHERE = "198.51.100.9"


@pytest.fixture
def passwords() -> Passwords:
    return Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


@pytest.fixture
async def logins(store: Store, clock: FakeClock, passwords: Passwords) -> Logins:
    """With the user `admin`, whose password is PASSWORD."""
    logins = Logins(store, Config(), clock, passwords=passwords)
    await logins.open()
    await logins.ensure_admin(PASSWORD)
    return logins


@pytest.fixture
async def keyring(store: Store, clock: FakeClock) -> Keyring:
    keyring = Keyring(store, clock)
    await keyring.open()
    return keyring


async def log_in(
    logins: Logins, username: str = "admin", password: str = PASSWORD, address: str = ADDRESS
) -> Grant:
    return await logins.login(username, password, address, "pytest")
