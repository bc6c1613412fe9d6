"""Where each line was heard from last, and the password that it showed: in memory only."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any

Address = tuple[Any, ...]

N_PLACES = 5
"""A line keeps that many sessions at once, and forgets each 90 s after its beginning."""

_MOST_REMEMBERED = 20_000


@dataclass(slots=True, eq=False)
class Line:
    """One line as it spoke last; what is sent to it goes to `address`. `places` are those of its sessions."""

    line_id: str
    address: Address
    password: str = field(repr=False)
    places: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(N_PLACES), repr=False)


class Lines:
    """The lines that proved who they are. Those silent for longest are forgotten when there are too many."""

    def __init__(self) -> None:
        self._lines: OrderedDict[str, Line] = OrderedDict()

    def hear(self, line_id: str, address: Address, password: str) -> None:
        """The line spoke, and what it showed is good."""
        line = self._lines.get(line_id)
        if line is None:
            self._lines[line_id] = Line(line_id, address, password)
            if len(self._lines) > _MOST_REMEMBERED:
                self._lines.popitem(last=False)
            return
        line.address, line.password = address, password
        self._lines.move_to_end(line_id)

    def find(self, line_id: str) -> Line | None:
        """The line of that id, None where it was not heard from since we started."""
        return self._lines.get(line_id)


def host_of(address: Address) -> str:
    """The address without its port; of an IPv4 address that came in over IPv6, that."""
    host = str(address[0])
    return host.removeprefix("::ffff:") if "." in host else host
