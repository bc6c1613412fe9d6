"""What a box says, taken apart into blocks: answers to commands, and events.

A block is lines of `Key: value` and ends with a blank line; but that of an SMS ends with a mark of its own, and so
does what a command printed, where the mark may stand at the end of a line.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from goip.errors import InvalidPayload

_BANNER = "asterisk call manager"
_END_OF_COMMAND = "--END COMMAND--"
_END_OF_SMS = "--END SMS EVENT--"
_SMS_EVENT = re.compile(r"event:\s*(receivedsms|updatesmssend)\s*", re.IGNORECASE)
_FOLLOWS = re.compile(r"response:\s*follows\s*", re.IGNORECASE)
_BEGINNING = re.compile(r"(event|response):\s", re.IGNORECASE)
_HEADERS = ("response", "privilege", "actionid", "message")
_LARGEST_BLOCK = 262_144


class Block(NamedTuple):
    """An event or an answer: its fields by lower-case names, and the lines that a command printed.

    `said` is all of it as it came.
    """

    fields: Mapping[str, str]
    lines: tuple[str, ...] = ()
    said: bytes = b""

    @property
    def event(self) -> str:
        """The event's name in lower case, empty for an answer."""
        return self.fields.get("event", "").lower()


class Splitter:
    """Makes blocks of bytes, in whatever pieces they arrive."""

    def __init__(self) -> None:
        self._rest = b""
        self._lines: list[str] = []
        self._said = bytearray()

    @property
    def unfinished(self) -> bytes:
        """What came of a block that has no end yet."""
        return bytes(self._said) + self._rest

    def feed(self, data: bytes) -> list[Block]:
        """The blocks that end in these bytes. Raises InvalidPayload when no end is in sight."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        blocks = [block for line in lines for block in self._take(line)]
        if len(self._said) + len(self._rest) > _LARGEST_BLOCK:
            raise InvalidPayload("this is no manager of a TG box: a block without end")
        return blocks

    def _take(self, raw: bytes) -> list[Block]:
        line = raw.decode("utf-8", "replace").rstrip("\r")
        if not self._lines:
            if line.strip() and not line.lower().startswith(_BANNER):
                self._add(raw, line)
            return []
        mark = self._mark()
        if mark is not None and self._lines[-1] == "" and _BEGINNING.match(line) and not line.endswith(mark):
            return self._end() + self._take(raw)  # the mark was left out
        self._add(raw, line if mark is None else line.removesuffix(mark))
        is_last = not line if mark is None else line.endswith(mark)
        return self._end() if is_last else []

    def _mark(self) -> str | None:
        """What ends the block that has begun; None for a blank line."""
        if _SMS_EVENT.fullmatch(self._lines[0]):
            return _END_OF_SMS
        return _END_OF_COMMAND if _FOLLOWS.fullmatch(self._lines[0]) else None

    def _add(self, raw: bytes, line: str) -> None:
        self._lines.append(line)
        self._said += raw + b"\n"

    def _end(self) -> list[Block]:
        lines, self._lines = self._lines, []
        said, self._said = bytes(self._said), bytearray()
        block = _printed(lines) if _FOLLOWS.fullmatch(lines[0]) else _told(lines)
        return [block._replace(said=said)]


def _printed(lines: list[str]) -> Block:
    """An answer that is followed by what the command printed."""
    fields: dict[str, str] = {}
    for place, line in enumerate(lines):
        name, _, value = line.partition(":")
        if name.lower() not in _HEADERS:
            return Block(fields, tuple(line for line in lines[place:] if line))
        fields[name.lower()] = value.strip()
    return Block(fields)


def _told(lines: list[str]) -> Block:
    """An event, or a short answer; `Content` is last, and what follows it is part of it."""
    fields: dict[str, str] = {}
    printed: list[str] = []
    for line in lines:
        name, colon, value = line.partition(":")
        if "content" in fields:
            fields["content"] += f"\n{line}"
        elif colon and name.lower() == "output":
            printed.append(value.strip())
        elif colon:
            fields.setdefault(name.strip().lower(), value.strip())
    if "content" in fields:
        fields["content"] = fields["content"].rstrip("\n")
    return Block(fields, tuple(printed))
