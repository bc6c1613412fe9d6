"""Registering the benchmark's devices at goip, over HTTP, as real ones would: with the enrolment key.

Each device then beats once with its own key. Both happen once in a device's life, and what they cost must not be
taken for the cost of a heartbeat.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

import aiohttp

from tests.bench.bodies import make_bodies
from tests.bench.loops import run_on
from tests.bench.servers import ENROLLMENT_KEY, Server

_AT_ONCE = 64


def enrol(server: Server, n_devices: int) -> list[str]:
    """Register `n_devices` and return their keys, in order. Raises RuntimeError when one is refused."""
    began = time.monotonic()
    keys = run_on("uvloop", lambda: _enrol(server, n_devices))
    print(f"    {n_devices:,} devices enrolled in {time.monotonic() - began:.1f} s", flush=True)
    return keys


async def _enrol(server: Server, n_devices: int) -> list[str]:
    keys = [""] * n_devices
    numbers = iter(range(n_devices))
    connector = aiohttp.TCPConnector(limit=_AT_ONCE)
    async with aiohttp.ClientSession(connector=connector) as session:

        async def work() -> None:
            for index in numbers:
                keys[index] = await _register(session, server.port, index)

        await asyncio.gather(*(work() for _ in range(_AT_ONCE)))
    return keys


async def _register(session: aiohttp.ClientSession, port: int, index: int) -> str:
    body: dict[str, Any] = make_bodies(index, 1)[0] | {"counter": 1}
    answer = await _post(session, port, body, ENROLLMENT_KEY)
    key = str(answer["deviceKey"])
    await _post(session, port, body | {"counter": 2}, key)
    return key


async def _post(session: aiohttp.ClientSession, port: int, body: dict[str, Any], key: str) -> dict[str, Any]:
    url = f"http://127.0.0.1:{port}/api/device/heartbeat"
    async with session.post(url, json=body, headers={"Authorization": f"Bearer {key}"}) as response:
        answer: dict[str, Any] = await response.json()
        if response.status != 200:
            raise RuntimeError(f"{body['deviceId']} was refused: {response.status} {answer}")
        return answer
