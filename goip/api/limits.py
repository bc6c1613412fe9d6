"""Rates: how often a device, or an address, may ask.

A token bucket for each, refilled by the clock. Written here because it stands on the hottest path:
one dictionary look-up and some arithmetic a request.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from goip.errors import TooManyRequests

_BURST_SECONDS = 5
_MOST_BUCKETS = 200_000


class RateLimit:
    """`rate` requests a second on average for each name, with bursts of five seconds' worth; 0 is no limit."""

    def __init__(self, rate: int, what: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._burst = float(rate * _BURST_SECONDS)
        self._what = what
        self._clock = clock
        self._buckets: dict[str, tuple[float, float]] = {}

    def spend(self, name: str, n: int = 1) -> None:
        """Take `n` requests from the bucket of `name`; raises TooManyRequests when it holds fewer."""
        if not self._rate:
            return
        now = self._clock()
        left = self._need(name, n, now)
        self._buckets[name] = (left - n, now)
        if len(self._buckets) > _MOST_BUCKETS:
            self._forget_full(now)

    def check(self, name: str) -> None:
        """Raises TooManyRequests where `spend` would, and takes nothing."""
        if self._rate:
            self._need(name, 1, self._clock())

    def _need(self, name: str, n: int, now: float) -> float:
        """What the bucket of `name` holds, if it is as much as `n`."""
        left, since = self._buckets.get(name, (self._burst, now))
        left = min(self._burst, left + (now - since) * self._rate)
        if left < n:
            wait = max(1, round((n - left) / self._rate))
            raise TooManyRequests(f"too many requests from this {self._what}", retry_after_seconds=wait)
        return left

    def allows(self, name: str) -> bool:
        """Spend one, and say whether there was one to spend."""
        try:
            self.spend(name)
        except TooManyRequests:
            return False
        return True

    def _forget_full(self, now: float) -> None:
        """A bucket that has filled up again says nothing."""
        self._buckets = {
            name: (left, since)
            for name, (left, since) in self._buckets.items()
            if left + (now - since) * self._rate < self._burst
        }
