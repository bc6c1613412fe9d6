"""Which events of a line were taken already, so that a repeat is answered again and not recorded again.

In memory: a box repeats for nine seconds, and its numbers begin anew when it does.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

KEPT_SECONDS = 600
MOST_OF_ONE_LINE = 1_000
MOST = 100_000


@dataclass(slots=True, eq=False)
class Seen:
    """One event: being recorded since then, or recorded."""

    since: float
    is_done: bool = False


class Repeats:
    """Remembers each event for ten minutes. The oldest of a busy line, and the lines silent for longest, go first."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._lines: OrderedDict[str, dict[str, Seen]] = OrderedDict()
        self._n = 0

    def __len__(self) -> int:
        return self._n

    def see(self, line_id: str, event: str) -> tuple[Seen, bool]:
        """The event of that name, and whether it is new; whoever records it says so by `is_done`."""
        now = self._monotonic()
        events = self._lines.setdefault(line_id, {})
        self._lines.move_to_end(line_id)
        self._drop_old(events, now)
        seen = events.get(event)
        if seen is not None:
            return seen, False
        seen = events[event] = Seen(now)
        self._n += 1
        if len(events) > MOST_OF_ONE_LINE:
            self._drop_oldest(events)
        while self._n > MOST:
            self._n -= len(self._lines.popitem(last=False)[1])
        return seen, True

    def undo(self, line_id: str, event: str, seen: Seen) -> None:
        """It could not be recorded: the next one of that name is new."""
        events = self._lines.get(line_id, {})
        if events.get(event) is seen:
            del events[event]
            self._n -= 1

    def forget(self, line_id: str) -> None:
        """The line numbers its events anew."""
        self._n -= len(self._lines.pop(line_id, {}))

    def _drop_old(self, events: dict[str, Seen], now: float) -> None:
        while events and now - next(iter(events.values())).since >= KEPT_SECONDS:
            self._drop_oldest(events)

    def _drop_oldest(self, events: dict[str, Seen]) -> None:
        del events[next(iter(events))]
        self._n -= 1
