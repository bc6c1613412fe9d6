"""A fleet over HTTP: every life on its own clock, all of them over one pool of connections."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Final

import aiohttp

from goip.simulator.calls import Caller, OnAnswer
from goip.simulator.keys import load_keys, save_keys
from goip.simulator.life import HEARTBEAT_PATH, Fate, Life, Post
from goip.simulator.options import SimulationOptions, SimulationReport
from goip.simulator.tally import Tally

PROGRESS_SECONDS: Final = 0.25
GRACE_SECONDS: Final = 5.0
_GOLDEN_RATIO = 0.6180339887498949

OnProgress = Callable[[Tally], None]


async def simulate(
    options: SimulationOptions,
    *,
    on_progress: OnProgress | None = None,
    on_answer: OnAnswer | None = None,
    stop: asyncio.Event | None = None,
) -> SimulationReport:
    """Let a fleet live for the time that `options` give, or until `stop` is set, and tell how it went.

    `on_progress` is called several times a second with the running counts, `on_answer` with every post that
    the server acknowledged. Messages on their way at the end get a few seconds more; those that the server
    has not taken by then are reported as unacknowledged.
    """
    keys = load_keys(options.keys_path, options.url)
    tally = Tally(n_devices=options.devices)
    connector = aiohttp.TCPConnector(limit=options.concurrency)
    try:
        async with aiohttp.ClientSession(connector=connector) as session:
            caller = Caller(session, options, keys, tally, on_answer)
            await _Fleet(options, caller, tally).run(stop or asyncio.Event(), on_progress)
    finally:
        save_keys(options.keys_path, options.url, keys)
    return tally.report()


class _Fleet:
    def __init__(self, options: SimulationOptions, caller: Caller, tally: Tally) -> None:
        self._options = options
        self._caller = caller
        self._tally = tally
        self._fate = Fate(
            seed=options.seed,
            started_at=datetime.now(UTC),
            interval_seconds=options.beat_seconds,
            sms_per_second=options.sms_per_second_per_device,
            make=options.make,
            ports=options.ports,
            pace=options.pace,
        )
        self._clock = asyncio.get_running_loop().time
        self._started = self._clock()
        self._messages: set[asyncio.Task[None]] = set()

    async def run(self, stop: asyncio.Event, on_progress: OnProgress | None) -> None:
        lives = asyncio.gather(*(self._live(index) for index in range(self._options.devices)))
        progress = asyncio.create_task(self._tell_progress(on_progress))
        stopped = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait((lives, stopped), return_when=asyncio.FIRST_COMPLETED)
            if lives.done():
                lives.result()  # a fault of the simulator itself is not swallowed
            lives.cancel()
            await self._finish_messages()
        finally:
            lives.cancel()
            open_tasks = (progress, stopped, *self._messages)
            for task in open_tasks:
                task.cancel()
            await asyncio.gather(lives, *open_tasks, return_exceptions=True)
            self._count_time(on_progress)

    async def _live(self, index: int) -> None:
        """One device, from its first heartbeat to the end of the simulation."""
        life = Life(self._fate, index)
        beat_seconds = self._options.beat_seconds
        end = self._options.duration_seconds or float("inf")
        at = beat_seconds * (index * _GOLDEN_RATIO % 1)
        later: list[Post] = []
        while at < end:
            await self._sleep_until(at)
            posts = sorted(later + life.live(at, beat_seconds), key=lambda post: post.at)
            at += beat_seconds
            later = [post for post in posts if post.at >= at]
            for post in posts:
                if post.at < min(at, end):
                    await self._sleep_until(post.at)
                    await self._send(life.device_id, post)

    async def _send(self, device_id: str, post: Post) -> None:
        """Heartbeats go one by one; a message that has to be tried again must not hold them up."""
        if post.path == HEARTBEAT_PATH:
            await self._caller.send_beat(device_id, post)
            return
        task = asyncio.create_task(self._caller.send_sms(device_id, post))
        self._messages.add(task)
        task.add_done_callback(self._messages.discard)

    async def _finish_messages(self) -> None:
        if self._messages:
            await asyncio.wait(set(self._messages), timeout=GRACE_SECONDS)

    async def _sleep_until(self, at: float) -> None:
        await asyncio.sleep(max(0.0, self._started + at - self._clock()))

    async def _tell_progress(self, on_progress: OnProgress | None) -> None:
        while True:
            self._count_time(on_progress)
            await asyncio.sleep(PROGRESS_SECONDS)

    def _count_time(self, on_progress: OnProgress | None) -> None:
        self._tally.seconds = self._clock() - self._started
        if on_progress:
            with suppress(OSError):  # a terminal that went away does not end the fleet
                on_progress(self._tally)
