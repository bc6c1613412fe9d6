"""The dashboards, a process of their own: `python -m tests.bench.dashboards SETTINGS.json`.

Raw WebSocket clients that speak EIO4 and Socket.IO as a stock client does, each in the room `dashboard`. They
say `{"ready": n}` when all have joined, then take one line of JSON on standard input: a `Watch` begins to
measure, an empty line or the end of input ends it, and the result is printed.

A heartbeat is known by its `counter`; the open-loop load says when request n was due, so a dashboard knows
how long the event took from there, on the one monotonic clock of the machine.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import re
import sys
import time
from array import array
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tests.bench.load import percentile_ms
from tests.bench.loops import run_on

_COUNTER = re.compile(rb'"counter": ?(\d{10})\b')
_PING_FRAME = b"\x81\x012"
_monotonic = time.monotonic


@dataclass(frozen=True)
class DashboardSettings:
    """How many dashboards to open, and how. `n_measuring` of them read every event; the others read what they
    are sent as cheaply as can be, and answer pings, as what they cost must not be taken for the server's."""

    port: int
    n_dashboards: int
    n_measuring: int
    token: str | None = None
    path: str = "/socket.io/"
    frames: bool = False


@dataclass(frozen=True)
class Watch:
    """What to measure: counters from `first_counter` on, of which number n was due at `start_at + n / rate`;
    those from `first_measured` on count. A `rate` of 0 counts events only."""

    start_at: float
    first_counter: int
    first_measured: int
    rate: float


@dataclass(frozen=True)
class DashboardResult:
    """What the dashboards saw."""

    n_dashboards: int
    n_events: int
    least_events: int
    p50_ms: float
    p99_ms: float
    max_ms: float
    mb_received: float
    n_closed: int
    n_resyncs: int
    cpu_share: float


class Wall:
    """All dashboards of the process, and what they measured."""

    def __init__(self, settings: DashboardSettings) -> None:
        self.settings = settings
        self.watch: Watch | None = None
        self.latencies = array("d")
        self.n_bytes = 0
        self.n_closed = 0
        self.n_resyncs = 0
        self.n_joined = 0
        self.all_joined = asyncio.Event()

    def note_joined(self) -> None:
        """One more dashboard is in its room."""
        self.n_joined += 1
        if self.n_joined == self.settings.n_dashboards:
            self.all_joined.set()


class Dashboard(asyncio.Protocol):
    """One dashboard: upgrades, connects, joins, and measures."""

    def __init__(self, wall: Wall, is_measuring: bool) -> None:
        self._wall = wall
        self._is_measuring = is_measuring
        self._transport: Any = None
        self._buffer = b""
        self._is_upgraded = False
        self.n_events = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        settings = self._wall.settings
        key = base64.b64encode(os.urandom(16)).decode()
        self._transport.write(
            f"GET {settings.path}?EIO=4&transport=websocket HTTP/1.1\r\nHost: 127.0.0.1:{settings.port}\r\n"
            f"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: {key}\r\n"
            f"Sec-WebSocket-Version: 13\r\nOrigin: http://127.0.0.1:{settings.port}\r\n\r\n".encode()
        )

    def data_received(self, data: bytes) -> None:
        now = _monotonic()
        self._wall.n_bytes += len(data)
        self._buffer = self._buffer + data if self._buffer else data
        if not self._is_upgraded and not self._upgrade():
            return
        buffer, at = self._buffer, 0
        while True:
            bounds = find_payload(buffer, at)
            if bounds is None:
                break
            opcode = buffer[at] & 0x0F
            self._take(opcode, buffer[bounds[0] : bounds[1]], now)
            at = bounds[1]
        self._buffer = buffer[at:]

    def connection_lost(self, exc: Exception | None) -> None:
        self._wall.n_closed += 1

    def _upgrade(self) -> bool:
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return False
        if not self._buffer.startswith(b"HTTP/1.1 101"):
            raise RuntimeError(f"no upgrade: {self._buffer[:300]!r}")
        self._buffer = self._buffer[end + 4 :]
        self._is_upgraded = True
        return True

    def _take(self, opcode: int, payload: bytes, now: float) -> None:
        if opcode == 9:
            self._write(payload, opcode=10)
        elif opcode == 1 and payload.startswith(b'42["resync"'):
            self._wall.n_resyncs += 1
        elif opcode == 1 and payload.startswith(b"42"):
            self._measure(payload, now)
        elif opcode == 1:
            self._shake_hands(payload)

    def _shake_hands(self, payload: bytes) -> None:
        if payload == b"2":
            self._write(b"3")
        elif payload.startswith(b"0{"):
            token = self._wall.settings.token
            self._write(b"40" + (json.dumps({"token": token}).encode() if token else b""))
        elif payload.startswith(b"40"):
            wish = b',{"frames":true}' if self._wall.settings.frames else b""
            self._write(b'420["join-dashboard"' + wish + b"]")
        elif payload.startswith(b"430"):
            if b'"ok":true' not in payload.replace(b" ", b""):
                raise RuntimeError(f"the room was refused: {payload!r}")
            self._wall.note_joined()
            if not self._is_measuring:
                self._transport.set_protocol(Discard(self._wall, self._transport))
        elif payload.startswith(b"44"):
            raise RuntimeError(f"the connection was refused: {payload!r}")

    def _measure(self, payload: bytes, now: float) -> None:
        watch = self._wall.watch
        if watch is None or payload.startswith(b'42["state"'):
            return
        for found in _COUNTER.findall(payload):
            number = int(found) - watch.first_counter
            if int(found) < watch.first_measured:
                continue
            self.n_events += 1
            if watch.rate:
                self._wall.latencies.append(now - watch.start_at - number / watch.rate)

    def _write(self, payload: bytes, opcode: int = 1) -> None:
        self._transport.write(client_frame(payload, opcode))


class Discard(asyncio.BufferedProtocol):
    """A dashboard that only reads: no parsing, no new memory, but pings are answered."""

    _shared = bytearray(1 << 20)

    def __init__(self, wall: Wall, transport: Any) -> None:
        self._wall = wall
        self._transport = transport

    def get_buffer(self, sizehint: int) -> bytearray:
        return self._shared

    def buffer_updated(self, nbytes: int) -> None:
        self._wall.n_bytes += nbytes
        if self._shared.find(_PING_FRAME, 0, nbytes) >= 0:
            self._transport.write(client_frame(b"3"))

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._wall.n_closed += 1


def find_payload(buffer: bytes, at: int) -> tuple[int, int] | None:
    """Where the payload of the server's frame at `at` begins and ends; None when it is not all there."""
    have = len(buffer) - at
    if have < 2:
        return None
    length, head = buffer[at + 1], 2
    if length == 126:
        length, head = int.from_bytes(buffer[at + 2 : at + 4], "big"), 4
    elif length == 127:
        length, head = int.from_bytes(buffer[at + 2 : at + 10], "big"), 10
    if have < head + length:
        return None
    return at + head, at + head + length


def client_frame(payload: bytes, opcode: int = 1) -> bytes:
    """A client's frame. It has to be masked; a mask of zeros leaves the payload as it is."""
    size = len(payload)
    length = bytes([0x80 | size]) if size < 126 else bytes([0x80 | 126]) + size.to_bytes(2, "big")
    return bytes([0x80 | opcode]) + length + bytes(4) + payload


async def _read_line(reader: asyncio.StreamReader) -> str:
    return (await reader.readline()).decode().strip()


async def run(settings: DashboardSettings) -> None:
    """Open the dashboards, say so, measure while told to, print the result."""
    loop = asyncio.get_running_loop()
    wall = Wall(settings)
    commands = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
    dashboards: list[Dashboard] = []
    for index in range(settings.n_dashboards):
        is_measuring = index < settings.n_measuring
        _, dashboard = await loop.create_connection(
            lambda m=is_measuring: Dashboard(wall, m),  # type: ignore[misc]
            "127.0.0.1",
            settings.port,
        )
        dashboards.append(dashboard)
    await asyncio.wait_for(wall.all_joined.wait(), 60)
    print(json.dumps({"ready": wall.n_joined}), flush=True)
    while line := await _read_line(commands):
        wall.watch = Watch(**json.loads(line))
        began, cpu_before, wall.n_bytes = _monotonic(), time.process_time(), 0
    cpu_share = (time.process_time() - cpu_before) / max(_monotonic() - began, 1e-9)
    result = summarise(
        wall, [dashboard.n_events for dashboard in dashboards[: settings.n_measuring]], cpu_share
    )
    print(json.dumps(asdict(result)), flush=True)


def summarise(wall: Wall, n_events: list[int], cpu_share: float) -> DashboardResult:
    """The result of one watch."""
    return DashboardResult(
        n_dashboards=wall.settings.n_dashboards,
        n_events=sum(n_events),
        least_events=min(n_events, default=0),
        p50_ms=percentile_ms(wall.latencies, 50),
        p99_ms=percentile_ms(wall.latencies, 99),
        max_ms=percentile_ms(wall.latencies, 100),
        mb_received=round(wall.n_bytes / 1e6, 1),
        n_closed=wall.n_closed,
        n_resyncs=wall.n_resyncs,
        cpu_share=cpu_share,
    )


def main() -> None:
    settings = DashboardSettings(**json.loads(Path(sys.argv[1]).read_text()))
    run_on("uvloop", lambda: run(settings))


if __name__ == "__main__":
    main()
