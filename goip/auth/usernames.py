"""Usernames: one spelling for each, so that no two users look the same."""

from __future__ import annotations

import re
import unicodedata

from goip.errors import InvalidPayload

LONGEST = 64
_ALLOWED = re.compile(r"[\w.@+-]+")


def clean_username(username: str) -> str:
    """The spelling under which a user is kept: lower case, composed, without spaces around it."""
    return unicodedata.normalize("NFKC", username[: 2 * LONGEST]).strip().lower()


def is_username(username: str) -> bool:
    """True for what a user could be called."""
    return len(username) <= LONGEST and _ALLOWED.fullmatch(username) is not None


def check_username(username: str) -> None:
    """Raises InvalidPayload for a cleaned name that cannot be a username."""
    if not is_username(username):
        problem = f"must be 1 to {LONGEST} letters, digits or . _ @ + -"
        raise InvalidPayload(f"username {problem}", fields={"username": [f"{problem.capitalize()}."]})
