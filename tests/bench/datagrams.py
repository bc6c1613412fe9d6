"""GoIP lines for the benchmark: keepalives over UDP, each with a count of its own, and when its answer came."""

from __future__ import annotations

import asyncio
import re
import time
from dataclasses import dataclass
from itertools import count
from typing import Any

_ANSWER = re.compile(rb"reg:(\d+);status:200;")
_N_SOCKETS = 64
_PATIENCE_SECONDS = 3.0
_monotonic = time.monotonic


@dataclass(frozen=True)
class Answers:
    """How many keepalives were sent, how many never answered, and within how many ms 99 of 100 were."""

    n_sent: int
    n_unanswered: int
    p50_ms: float
    p99_ms: float


class _Socket(asyncio.DatagramProtocol):
    """One socket; many lines share it, as a box's do its address."""

    def __init__(self, sent_at: dict[int, float], latencies: list[float]) -> None:
        self._sent_at = sent_at
        self._latencies = latencies

    def datagram_received(self, data: bytes, addr: Any) -> None:
        answer = _ANSWER.match(data)
        sent_at = self._sent_at.pop(int(answer[1]), None) if answer else None
        if sent_at is not None:
            self._latencies.append(_monotonic() - sent_at)


class Lines:
    """So many lines of GoIP boxes, which prove themselves by the enrolment key."""

    def __init__(self, port: int, n_lines: int, password: str) -> None:
        self._address = ("127.0.0.1", port)
        self._ids = [f"line-{number:05d}" for number in range(n_lines)]
        self._password = password
        self._counts = count(1)
        self._transports: list[asyncio.DatagramTransport] = []
        self._sent_at: dict[int, float] = {}
        self._latencies: list[float] = []

    async def open(self) -> None:
        """Open the sockets."""
        loop = asyncio.get_running_loop()
        for _ in range(_N_SOCKETS):
            transport, _ = await loop.create_datagram_endpoint(
                lambda: _Socket(self._sent_at, self._latencies), remote_addr=self._address
            )
            self._transports.append(transport)

    def close(self) -> None:
        """Close the sockets."""
        for transport in self._transports:
            transport.close()

    async def beat(self, n_lines: int, seconds: float) -> Answers:
        """A keepalive of each of the first lines, spread evenly over so many seconds."""
        self._sent_at.clear()
        self._latencies.clear()
        started = _monotonic()
        for number in range(n_lines):
            due = started + seconds * number / n_lines
            if due > _monotonic():
                await asyncio.sleep(due - _monotonic())
            elif number % 16 == 0:
                await asyncio.sleep(0)  # answers are to be seen when they come
            self._send(number)
        await self._wait_for_answers()
        ordered = sorted(self._latencies) or [float("nan")]
        return Answers(
            n_lines,
            len(self._sent_at),
            ordered[len(ordered) // 2] * 1000,
            ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)] * 1000,
        )

    async def _wait_for_answers(self) -> None:
        until = _monotonic() + _PATIENCE_SECONDS
        while self._sent_at and _monotonic() < until:
            await asyncio.sleep(0.01)

    def _send(self, number: int) -> None:
        counter = next(self._counts)
        packet = (
            f"req:{counter};id:{self._ids[number]};pass:{self._password};num:;signal:{number % 32};"
            f"gsm_status:LOGIN;voip_status:LOGIN;voip_state:IDLE;remain_time:-1;imei:{860_000_000_000_000 + number};"
            f"imsi:{1_010_000_000_000 + number:015d};iccid:{8_900_000_000_000_000_000 + number};pro:Example;idle:1;"
            "disable_status:0;SMS_LOGIN:Y;SMB_LOGIN:;CELLINFO:LAC:7E5,CELL ID:5E5B;CGATT:Y;"
        )
        self._sent_at[counter] = _monotonic()
        self._transports[number % _N_SOCKETS].sendto(packet.encode())
