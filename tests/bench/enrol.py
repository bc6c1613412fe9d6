"""Registering the benchmark's devices at goip, over HTTP, as real ones would: with the enrolment key."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp

from tests.bench.bodies import make_bodies
from tests.bench.loops import run_on
from tests.bench.servers import ENROLLMENT_KEY, Server

_AT_ONCE = 64


def enrol(server: Server, n_devices: int) -> list[str]:
    """Register `n_devices` and return their keys, in order. Raises RuntimeError when one is refused."""
    return run_on("uvloop", lambda: _enrol(server, n_devices))


async def _enrol(server: Server, n_devices: int) -> list[str]:
    keys = [""] * n_devices
    numbers = iter(range(n_devices))
    connector = aiohttp.TCPConnector(limit=_AT_ONCE)
    headers = {"Authorization": f"Bearer {ENROLLMENT_KEY}"}
    async with aiohttp.ClientSession(connector=connector, headers=headers) as session:

        async def work() -> None:
            for index in numbers:
                keys[index] = await _register(session, server.port, index)

        await asyncio.gather(*(work() for _ in range(_AT_ONCE)))
    return keys


async def _register(session: aiohttp.ClientSession, port: int, index: int) -> str:
    body: dict[str, Any] = make_bodies(index, 1)[0] | {"counter": 1}
    async with session.post(f"http://127.0.0.1:{port}/api/device/heartbeat", json=body) as response:
        answer = await response.json()
        if response.status != 200 or "deviceKey" not in answer:
            raise RuntimeError(f"device {index} was not registered: {response.status} {answer}")
        return str(answer["deviceKey"])
