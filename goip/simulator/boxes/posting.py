"""How boxes post: over the road, again and again by their make's schedule, until they are answered."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from time import monotonic
from typing import Final, NamedTuple

import aiohttp

from goip.simulator.boxes.fleet import Fleet
from goip.simulator.boxes.messages import Outcome
from goip.simulator.boxes.options import BoxOptions
from goip.simulator.boxes.tally import Count

_TIMEOUT = aiohttp.ClientTimeout(total=30)


class Schedule(NamedTuple):
    """How often a make sends again what is not acknowledged, and how long it waits each time."""

    first_seconds: float
    factor: float
    repeats: int

    def waits(self, options: BoxOptions) -> Iterator[float]:
        """The wait after each try but the last, as the options have it."""
        seconds = self.first_seconds / options.pace
        for _ in range(self.repeats if options.repeats is None else options.repeats):
            yield seconds
            seconds *= self.factor


@dataclass(frozen=True, slots=True)
class Request:
    """One try, to the byte."""

    url: str
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    method: str = "POST"


MakeRequest = Callable[[], Request]
"""Builds each try anew, for makes that stamp or sign it."""

ONCE: Final = Schedule(0, 1, 0)


class Answer(NamedTuple):
    """What the server said."""

    status: int
    body: bytes


def is_fine(answer: Answer) -> bool:
    """Any 2xx: all that most makes look at."""
    return 200 <= answer.status < 300


class Poster:
    """Posts for one box until it is answered so that `is_taken`. With `minds_refusals` a 4xx is final, too."""

    def __init__(
        self,
        fleet: Fleet,
        schedule: Schedule,
        *,
        is_taken: Callable[[Answer], bool] = is_fine,
        minds_refusals: bool = False,
    ) -> None:
        self._fleet = fleet
        self._schedule = schedule
        self._is_taken = is_taken
        self._minds_refusals = minds_refusals

    async def deliver(self, make_request: MakeRequest) -> Outcome:
        """Post until it is acknowledged, refused for good, or given up."""
        return await self._follow(self._schedule.waits(self._fleet.options), make_request)

    def tell(self, count: Count, make_request: MakeRequest, *, once: bool = False) -> None:
        """Post news that is no message, beside what else goes on; what is told `once` is not repeated."""
        waits = iter(()) if once else self._schedule.waits(self._fleet.options)
        count.n_sent += 1
        self._fleet.begin(self._tell(count, waits, make_request))

    async def _tell(self, count: Count, waits: Iterator[float], make_request: MakeRequest) -> None:
        if await self._follow(waits, make_request) is Outcome.ACKNOWLEDGED:
            count.n_acknowledged += 1

    async def _follow(self, waits: Iterator[float], make_request: MakeRequest) -> Outcome:
        while True:
            answer = await self._try(make_request())
            if answer is not None and self._is_taken(answer):
                return Outcome.ACKNOWLEDGED
            if answer is not None and 400 <= answer.status < 500 and self._minds_refusals:
                return Outcome.REFUSED
            wait = next(waits, None)
            if wait is None:
                return Outcome.GIVEN_UP
            await asyncio.sleep(wait)
            self._fleet.tally.n_repeated += 1

    async def _try(self, request: Request) -> Answer | None:
        """The answer; None where the request or the answer got lost."""
        road = self._fleet.road
        copies = road.copies()
        for delay in copies[1:]:
            self._fleet.run_errand(self._post(request, delay))
        if not copies:
            return None
        answer = await self._post(request, copies[0])
        return None if answer is None or road.loses() else answer

    async def _post(self, request: Request, delay: float) -> Answer | None:
        await asyncio.sleep(delay)
        tally, began = self._fleet.tally, monotonic()
        try:
            async with self._fleet.session.request(
                request.method,
                request.url,
                data=request.body,
                headers=request.headers,
                params=request.query,
                timeout=_TIMEOUT,
            ) as response:
                answer = Answer(response.status, await response.read())
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            tally.last_error = f"{type(error).__name__}: {error}"
            return None
        tally.latencies.add(monotonic() - began)
        if not self._is_taken(answer):
            tally.refuse(f"{answer.status} {answer.body.decode(errors='replace')[:200]}")
        return answer
