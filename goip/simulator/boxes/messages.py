"""What people send to the cards of a fleet, and what became of each message on its way to the server."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from random import Random
from typing import NamedTuple

from goip.simulator.identities import make_phone_number
from goip.simulator.texts import make_text

_CONTACTS = 6


class Outcome(Enum):
    """How the sending of a message ended for the box.

    Only what was acknowledged is certain to be stored. What the box gave up, forgot when it restarted, or was
    refused may have been stored all the same, once: the answer was lost. What is open it would send again.
    """

    ACKNOWLEDGED = "acknowledged"
    GIVEN_UP = "given up"
    FORGOTTEN = "forgotten"
    REFUSED = "refused"
    OPEN = "open"


class Message(NamedTuple):
    """A received SMS: the device as the server is to know it, the number of the line, and what it says."""

    device_id: str
    line: int
    sender: str
    text: str


class Correspondents:
    """Those who write to one box; where there are `numbers`, each text ends with the next of them."""

    def __init__(self, random: Random, numbers: Iterator[int] | None = None) -> None:
        self._random = random
        self._numbers = numbers
        self._contacts = tuple(make_phone_number(random) for _ in range(_CONTACTS))

    def write(self, device_id: str, line: int) -> Message:
        """A new message."""
        text = make_text(self._random, self._contacts)
        number = f" #{next(self._numbers)}" if self._numbers is not None else ""
        return Message(device_id, line, text.sender, text.message + number)

    def pick(self) -> str:
        """One of them, to call or be called."""
        return self._random.choice(self._contacts)
