"""Passwords: what makes a good one, and Argon2id over it, beside the event loop."""

from __future__ import annotations

import asyncio
import unicodedata
from collections.abc import Callable
from typing import TypeVar

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

from goip.errors import InvalidPayload, Unavailable

T = TypeVar("T")

SHORTEST = 10
LONGEST = 256
_FEWEST_CHARACTERS = 4
_AT_ONCE = 2
_MOST_WAITING = 64


def default_hasher() -> PasswordHasher:
    """Argon2id at about 50 ms: twice the memory that OWASP asks for, in one thread, as boxes are small."""
    return PasswordHasher(time_cost=2, memory_cost=40_960, parallelism=1, type=Type.ID)


def check_password(password: str, username: str, *, field: str = "password") -> None:
    """Raises InvalidPayload, naming `field`, for a password that is too easy to guess or too long.

    Length is the rule that counts, so there are none about kinds of characters.
    """
    plain = _normal(password)
    if len(plain) < SHORTEST:
        problem = f"must have at least {SHORTEST} characters"
    elif len(plain) > LONGEST:
        problem = f"must have at most {LONGEST} characters"
    elif len(set(plain)) < _FEWEST_CHARACTERS:
        problem = f"must have at least {_FEWEST_CHARACTERS} different characters"
    elif plain.lower() == _normal(username).lower():
        problem = "must not be the username"
    else:
        return
    raise InvalidPayload(f"{field} {problem}", fields={field: [f"{problem.capitalize()}."]})


class Passwords:
    """Hashes and verifies, two at a time: more would only take the processor from the gateways."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or default_hasher()
        self._turns = asyncio.Semaphore(_AT_ONCE)
        self._n_waiting = 0

    async def hash(self, password: str) -> str:
        """The hash to store. Raises Unavailable when too many wait already."""
        return await self._beside(lambda: self._hasher.hash(_normal(password)))

    async def verify(self, password: str, stored: str | None) -> bool:
        """True when `password` is the one that `stored` was made of.

        Without a stored hash (an unknown user) the answer is no, after the same work as with one.
        Raises Unavailable when too many wait already.
        """
        if len(password) > LONGEST:
            return False  # whoever it is: no password is that long
        if stored is None:
            await self.hash(password)
            return False
        return await self._beside(lambda: self._verify(password, stored))

    def is_outdated(self, stored: str) -> bool:
        """True when the hash was made with other parameters than today's, and wants to be made again."""
        return self._hasher.check_needs_rehash(stored)

    def _verify(self, password: str, stored: str) -> bool:
        try:
            return self._hasher.verify(stored, _normal(password))
        except (VerificationError, InvalidHashError):
            return False

    async def _beside(self, work: Callable[[], T]) -> T:
        if self._n_waiting >= _MOST_WAITING:
            raise Unavailable("too many logins at once", code="overloaded", retry_after_seconds=3)
        self._n_waiting += 1
        try:
            async with self._turns:
                return await asyncio.to_thread(work)
        finally:
            self._n_waiting -= 1


def _normal(password: str) -> str:
    """The same characters whichever keyboard composed them, and nothing that cannot be encoded."""
    return unicodedata.normalize("NFKC", password.encode("utf-8", "replace").decode())
