"""What makes a password, and the hash of one."""

import asyncio
import threading
import time

import pytest
from argon2 import PasswordHasher, extract_parameters

from goip.auth.passwords import Passwords, check_password, default_hasher
from goip.auth.usernames import check_username, clean_username
from goip.errors import InvalidPayload, Unavailable


@pytest.mark.parametrize(
    ("password", "problem"),
    [
        ("short", "must have at least 10 characters"),
        ("x" * 257, "must have at most 256 characters"),
        ("aaaaaaaaaabbb", "must have at least 4 different characters"),
        ("Administrator-1", "must not be the username"),
    ],
)
def test_a_weak_password_is_refused_by_the_name_of_its_field(password: str, problem: str) -> None:
    with pytest.raises(InvalidPayload) as refusal:
        check_password(password, "administrator-1", field="newPassword")
    assert refusal.value.message == f"newPassword {problem}"
    assert refusal.value.fields == {"newPassword": [f"{problem.capitalize()}."]}


@pytest.mark.parametrize(
    "password", ["correct horse", "пароль-пароль", "x9" * 60 + "abcd", "🔑🔒🗝🚪 ключ 12"]
)
def test_length_is_all_that_a_password_needs(password: str) -> None:
    check_password(password, "vera")


async def test_only_the_right_password_verifies(passwords: Passwords) -> None:
    stored = await passwords.hash("correct horse")
    assert stored.startswith("$argon2id$")
    assert await passwords.verify("correct horse", stored)
    assert not await passwords.verify("correct Horse", stored)
    assert not await passwords.verify("", stored)
    assert not await passwords.verify("correct horse", None)
    assert not await passwords.verify("correct horse", "not a hash")


async def test_the_same_password_is_right_however_it_was_composed(passwords: Passwords) -> None:
    assert await passwords.verify("cafe\u0301 cre\u0300me", await passwords.hash("café crème"))


async def test_a_password_that_no_codec_takes_is_only_wrong(passwords: Passwords) -> None:
    assert not await passwords.verify("\ud800\udfff\x00", await passwords.hash("correct horse"))


async def test_a_hash_of_other_parameters_is_outdated(passwords: Passwords) -> None:
    stored = await passwords.hash("correct horse")
    assert not passwords.is_outdated(stored)
    assert Passwords(PasswordHasher(time_cost=2, memory_cost=8, parallelism=1)).is_outdated(stored)


def test_the_hash_is_at_least_as_hard_as_owasp_asks_for() -> None:
    parameters = extract_parameters(default_hasher().hash("correct horse"))
    assert parameters.type.name == "ID"
    assert parameters.memory_cost >= 19 * 1024
    assert parameters.time_cost >= 2


class SlowHasher:
    def __init__(self) -> None:
        self.n_now = self.n_most = 0
        self.lock = threading.Lock()

    def hash(self, _password: str) -> str:
        with self.lock:
            self.n_now += 1
            self.n_most = max(self.n_most, self.n_now)
        time.sleep(0.01)
        with self.lock:
            self.n_now -= 1
        return "hash"


async def test_two_are_hashed_at_a_time_and_too_many_are_sent_away() -> None:
    hasher = SlowHasher()
    passwords = Passwords(hasher)  # type: ignore[arg-type]
    answers = await asyncio.gather(*(passwords.hash("x") for _ in range(70)), return_exceptions=True)
    assert hasher.n_most == 2
    assert answers.count("hash") == 64
    assert sum(isinstance(answer, Unavailable) for answer in answers) == 6
    assert await passwords.hash("x") == "hash"


@pytest.mark.parametrize(
    ("typed", "kept"), [(" Vera ", "vera"), ("Ｖera", "vera"), ("VERA@EXAMPLE.COM", "vera@example.com")]
)
def test_a_username_has_one_spelling(typed: str, kept: str) -> None:
    assert clean_username(typed) == kept
    check_username(kept)


@pytest.mark.parametrize("name", ["", "two words", "slash/ed", "x" * 65, "\x00", "\u202egnp", "a\n"])
def test_what_cannot_be_a_username_is_refused(name: str) -> None:
    with pytest.raises(InvalidPayload) as refusal:
        check_username(name)
    assert "username" in refusal.value.fields
