"""Doing a thing once, however often it is asked for within a while.

In memory: it is for repeats that come soon because an answer was lost, not for those that outlive a restart.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

SECONDS = 600.0
MOST = 10_000


class _Begun(NamedTuple):
    since: float
    outcome: asyncio.Future[None]


class Once:
    """Knows the newest `most` things by their keys, each for so many seconds."""

    def __init__(
        self, seconds: float = SECONDS, most: int = MOST, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._seconds = seconds
        self._most = most
        self._monotonic = monotonic
        self._begun: dict[str, _Begun] = {}

    def __len__(self) -> int:
        return len(self._begun)

    async def do(self, key: str, begin: Callable[[], asyncio.Future[None]]) -> None:
        """Begin it, unless that was done; returns when it is done, and raises what becomes of it.

        A repeat waits for the first and shares its outcome; what failed begins anew.
        """
        now = self._monotonic()
        self._forget_old(now)
        begun = self._begun.get(key)
        if begun is None:
            if len(self._begun) >= self._most:
                del self._begun[next(iter(self._begun))]
            begun = self._begun[key] = _Begun(now, begin())
            begun.outcome.add_done_callback(partial(self._look_at, key))
        await asyncio.shield(begun.outcome)  # one who waits no more is not the only one

    def _look_at(self, key: str, outcome: asyncio.Future[None]) -> None:
        has_failed = outcome.cancelled() or outcome.exception() is not None
        if has_failed and key in self._begun and self._begun[key].outcome is outcome:
            del self._begun[key]

    def _forget_old(self, now: float) -> None:
        while self._begun:
            oldest = next(iter(self._begun))
            if now - self._begun[oldest].since < self._seconds:
                return
            del self._begun[oldest]
