"""From what a sender wrote to what it means, or to a refusal that says which field is wrong."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from marshmallow import ValidationError
from marshmallow.exceptions import SCHEMA

from goip.errors import InvalidPayload

_MOST_FIELDS_NAMED = 20
_LONGEST_NAME = 100


def refusal(error: ValidationError) -> InvalidPayload:
    """What to tell the sender: the first problem in words, and in `fields` each bad field's messages.

    A field inside another is named by its path, as `simSlots.1.slotIndex`.
    """
    problems: dict[str, list[str]] = {}
    for path, message in _problems((), error.messages):
        name = ".".join(path)
        if name in problems or len(problems) < _MOST_FIELDS_NAMED:
            problems.setdefault(name, []).append(message)
    name, messages = next(iter(problems.items()))
    return InvalidPayload(_sentence(name, messages[0]), fields={n: m for n, m in problems.items() if n})


def _problems(path: tuple[str, ...], messages: Any) -> Iterator[tuple[tuple[str, ...], str]]:
    if isinstance(messages, Mapping):
        for key, inner in messages.items():
            yield from _problems(path if key == SCHEMA else (*path, _readable(key)), inner)
    elif isinstance(messages, list):
        for inner in messages:
            yield from _problems(path, inner)
    else:
        yield path, str(messages)


def _readable(key: object) -> str:
    """A sender may have chosen the key: whatever it is, an answer can carry it."""
    return str(key)[:_LONGEST_NAME].encode("utf-8", "replace").decode()


def _sentence(name: str, message: str) -> str:
    """`deviceId is required` from `deviceId` and `Is required.`"""
    return f"{name or 'the body'} {message[:1].lower()}{message[1:].rstrip('.')}"
