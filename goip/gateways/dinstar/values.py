"""Single values out of a box's JSON, as models have them; None where the box has nothing to say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from goip.fields import without_controls

LONGEST_TEXT = 10_000
LONGEST_WORD = 64
NOBODY = "unknown"
"""The sender of a message that came without one: it is kept all the same."""

_LAST_PORT = 511
_MOST_SIGNAL = 31
_ABSENT = frozenset({"", "<NULL>", "NULL", "(NULL)"})

Row = Mapping[str, Any]


def word_of(row: Row, name: str) -> str | None:
    """A word or a name; a whole number is taken for its digits."""
    value = row.get(name)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str):
        return None
    word = without_controls(value)[:LONGEST_WORD]
    return None if word.upper() in _ABSENT else word


def whole_of(row: Row, name: str, high: int) -> int | None:
    """A number from 0 to `high`, also as text."""
    word = word_of(row, name)
    if word is None or not word.isascii() or not word.isdigit():
        return None
    number = int(word)
    return number if number <= high else None


def port_of(row: Row) -> int | None:
    """The port, which boxes number from 0."""
    return whole_of(row, "port", _LAST_PORT)


def signal_of(csq: int | None) -> int | None:
    """CSQ, 0 to 31; what is beyond says that the signal is not known."""
    return None if csq is None or csq > _MOST_SIGNAL else csq
