"""A small fleet that goes on over all lives of the server: it beats, delivers, falls silent, is renamed and removed."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import random
from typing import Any

import aiohttp

from tests.following import eventually
from tests.http_calls import bearer
from tests.live_server import ENROLMENT_KEY, LiveServer
from tests.streams.posting import Box

_GONE = (aiohttp.ClientError, ConnectionError, TimeoutError, json.JSONDecodeError)
_PAUSE_SECONDS = 0.06
_SILENCE_SECONDS = 6.0
"""More than the five seconds after which a device that promised a heartbeat each second is offline."""


class Traffic:
    """`async with` it; at its end all that was begun to be told has been acknowledged."""

    def __init__(
        self, server: LiveServer, chance: random.Random, n_steady: int = 4, n_fickle: int = 2
    ) -> None:
        self.acknowledged: set[str] = set()
        self.steady = [Box.enrolled(server) for _ in range(n_steady)]
        self.fickle = [Box.enrolled(server) for _ in range(n_fickle)]
        self._server = server
        self._chance = chance
        self._guests = [server.new_id("guest") for _ in range(3)]
        self._numbers = itertools.count(1)
        self._is_over = asyncio.Event()
        self._workers: list[asyncio.Task[None]] = []
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Traffic:
        self._session = aiohttp.ClientSession(self._server.url, timeout=aiohttp.ClientTimeout(total=20))
        boxes = [(box, False) for box in self.steady] + [(box, True) for box in self.fickle]
        works = [self._live(*box) for box in boxes] + [self._operate()]
        self._workers = [asyncio.create_task(work) for work in works]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._is_over.set()
        try:
            await asyncio.gather(*self._workers)
        finally:
            for worker in self._workers:
                worker.cancel()
            assert self._session is not None
            await self._session.close()

    async def settle(self) -> dict[Box, int]:
        """Once nothing changes by itself any more, a last message of each device, by its seq."""

        def statuses() -> list[str]:
            devices = {device["deviceId"]: device for device in self._server.state()["devices"]}
            return [devices[box.device_id]["status"] for box in self.fickle]

        for box in self.steady:
            box.beat(batteryLevel=1)
        for box in self.fickle:
            box.beat(intervalSeconds=1)
        await asyncio.to_thread(eventually, statuses, lambda found: set(found) == {"offline"}, timeout=30)
        return {box: box.say(f"{box.device_id} has said all") for box in (*self.steady, *self.fickle)}

    async def _live(self, box: Box, is_fickle: bool) -> None:
        counter = 0
        while not self._is_over.is_set():
            what = self._chance.random()
            counter = 0 if what < 0.02 else counter + 1
            if what < 0.55:
                beat = {"counter": counter, "batteryLevel": self._chance.randrange(101)}
                beat |= {"intervalSeconds": 1 if is_fickle else 3600}
                await self._send("POST", "/api/device/heartbeat", box.key, {"deviceId": box.device_id} | beat)
            elif what < 0.97 or not is_fickle:
                await self._deliver(box.device_id, box.key)
            else:
                await self._pause(_SILENCE_SECONDS)
            await self._pause(self._chance.expovariate(1 / _PAUSE_SECONDS))

    async def _deliver(self, device_id: str, key: str) -> None:
        text = f"{device_id} says {next(self._numbers)}"
        body = {"deviceId": device_id, "sender": "BANK", "message": text, "messageId": text}
        await self._send("POST", "/api/sms/receive", key, body)
        self.acknowledged.add(text)

    async def _operate(self) -> None:
        """Rename devices; let one in for one message, and remove it, over and over."""
        while not self._is_over.is_set():
            box = self._chance.choice(self.steady)
            name = f"name {next(self._numbers)}"
            await self._send("PATCH", f"/api/devices/{box.device_id}", self._server.admin, {"name": name})
            guest = self._chance.choice(self._guests)
            await self._send("POST", "/api/device/heartbeat", ENROLMENT_KEY, {"deviceId": guest})
            await self._deliver(guest, ENROLMENT_KEY)
            await self._send("DELETE", f"/api/devices/{guest}", self._server.admin, None)
            await self._pause(self._chance.expovariate(1 / (20 * _PAUSE_SECONDS)))

    async def _pause(self, seconds: float) -> None:
        """The rhythm of the traffic; its end cuts it short."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._is_over.wait()

    async def _send(self, method: str, path: str, key: str, body: Any) -> None:
        """Until it is acknowledged, however often the server goes away; each request may be repeated."""
        assert self._session is not None
        while True:
            try:
                async with self._session.request(method, path, json=body, headers=bearer(key)) as response:
                    await response.read()
            except _GONE:
                response = None
            if response is not None and response.status != 503:
                is_repeat = method == "DELETE" and response.status == 404
                assert response.status == 200 or is_repeat, (method, path, response.status)
                return
            await asyncio.sleep(_PAUSE_SECONDS)  # as a gateway that comes again
