"""Saying the same again until it is heard, on lines where an answer names what it answers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from time import monotonic
from typing import Any

from goip.simulator.boxes.fleet import Fleet
from goip.simulator.boxes.posting import Schedule


async def say_until_heard(
    fleet: Fleet, schedule: Schedule, heard: asyncio.Future[Any], say: Callable[[], None]
) -> bool:
    """Say it as often as the make does, until `heard` is done; returns whether it is."""
    for n_try, wait in enumerate(_waits(fleet, schedule)):
        fleet.tally.n_repeated += n_try > 0
        began = monotonic()
        say()
        await asyncio.wait((heard,), timeout=wait)
        if heard.done():
            fleet.tally.latencies.add(monotonic() - began)
            return True
    return False


def _waits(fleet: Fleet, schedule: Schedule) -> Iterator[float]:
    """The wait after each try: after the last as long as after the first."""
    yield from schedule.waits(fleet.options)
    yield schedule.first_seconds / fleet.options.pace
