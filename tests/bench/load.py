"""The load generator, a process of its own: `python -m tests.bench.load SETTINGS.json` prints its result.

Raw asyncio protocols with prebuilt requests, so that it can be much faster than what it measures.
**Closed loop** (`rate` null): every connection sends its next request when the answer to the last is there:
the throughput. **Open loop**: a request is due every 1/rate s, come what may, and its latency counts from the
moment it was due; a server that stalls cannot make the load wait for it and so hide the stall.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import threading
import time
from array import array
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import asdict, dataclass
from itertools import cycle
from pathlib import Path
from typing import Any

from tests.bench.bodies import NUMBERS, Request, load_requests
from tests.bench.loops import run_on

_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_monotonic = time.monotonic


@dataclass(frozen=True)
class LoadSettings:
    """One run. `start_at` is a moment of the machine's monotonic clock, so that watchers in another process
    know when each request was due: request n at `start_at + n / rate`, with `counter` first_counter + n."""

    port: int
    requests_path: str
    seconds: float
    first_counter: int
    connections: int = 64
    warmup_seconds: float = 1.0
    rate: float | None = None
    start_at: float = 0.0
    loop: str = "uvloop"


@dataclass(frozen=True)
class LoadResult:
    """What came of it: answers within the measured time, and latencies in ms."""

    n_answers: int
    n_errors: int
    seconds: float
    rate: float
    p50_ms: float
    p99_ms: float
    max_ms: float
    late_p99_ms: float
    cpu_share: float
    last_counter: int
    statuses: dict[str, int]


class Connection(asyncio.Protocol):
    """One keep-alive connection; one request on its way at a time."""

    def __init__(self, on_answer: Callable[[Connection, bytes], None], on_lost: Callable[[], None]) -> None:
        self._on_answer = on_answer
        self._transport: Any = None
        self._on_lost = on_lost
        self._buffer = b""
        self.due = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def send(self, request: bytes, due: float) -> None:
        """Send one request, which was due at `due`."""
        self.due = due
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        if self._buffer:
            data = self._buffer + data
        end = data.find(b"\r\n\r\n")
        length = _LENGTH.search(data, 0, end) if end >= 0 else None
        if end >= 0 and length is None:
            raise RuntimeError(f"an answer without Content-Length: {data[:end]!r}")
        if length is None or len(data) < end + 4 + int(length[1]):
            self._buffer = data
            return
        self._buffer = b""
        self._on_answer(self, data)

    def connection_lost(self, exc: Exception | None) -> None:
        self._on_lost()

    def close(self) -> None:
        if self._transport:
            self._transport.close()


class Load:
    """All connections of one run, and what is counted."""

    def __init__(self, settings: LoadSettings, requests: list[Request]) -> None:
        self._settings = settings
        self._requests = cycle(requests)
        self._counter = settings.first_counter
        self._statuses: Counter[str] = Counter()
        self._latencies = array("d")
        self._lateness = array("d")
        self._n_sent = 0
        self._n_answers = 0
        self._idle: deque[Connection] = deque()
        self._overdue: deque[float] = deque()
        self._done = asyncio.Event()
        self._measure_from = float("inf")
        self._until = float("inf")
        self._cpu_before = 0.0
        self._n_lost = 0
        self._is_over = False

    async def run(self) -> LoadResult:
        """Connect, wait for the start, load, and count."""
        settings = self._settings
        loop = asyncio.get_running_loop()
        connections = []
        for _ in range(settings.connections):
            _, protocol = await loop.create_connection(
                lambda: Connection(self._take, self._lose), "127.0.0.1", settings.port
            )
            connections.append(protocol)
        start = max(settings.start_at, _monotonic() + 0.02)
        await asyncio.sleep(start - _monotonic())
        self._measure_from = start + settings.warmup_seconds
        self._until = self._measure_from + settings.seconds
        loop.call_later(self._until - _monotonic(), self._done.set)
        loop.call_later(self._measure_from - _monotonic(), self._mark_cpu)
        self._begin(connections, start, loop)
        await self._done.wait()
        cpu_share = (time.process_time() - self._cpu_before) / settings.seconds
        await self._drain()
        if self._n_lost:
            raise RuntimeError(f"the server closed {self._n_lost} of {settings.connections} connections")
        for connection in connections:
            connection.close()
        return self._result(cpu_share)

    def _mark_cpu(self) -> None:
        self._cpu_before = time.process_time()

    def _begin(self, connections: list[Connection], start: float, loop: asyncio.AbstractEventLoop) -> None:
        self._idle.extend(connections)
        if self._settings.rate is None:
            while self._idle:
                self._send(self._idle.popleft(), _monotonic())
            return
        thread = threading.Thread(target=self._keep_pace, args=(start, loop), daemon=True)
        thread.start()

    def _keep_pace(self, start: float, loop: asyncio.AbstractEventLoop) -> None:
        """Say when the next request is due. A thread, because loops round their timers to milliseconds."""
        assert self._settings.rate is not None
        interval = 1 / self._settings.rate
        for number in range(round((self._until - start) / interval)):
            if self._is_over:
                return
            due = start + number * interval
            delay = due - _monotonic()
            if delay > 0:
                time.sleep(delay)
            loop.call_soon_threadsafe(self._fall_due, due)

    def _fall_due(self, due: float) -> None:
        if self._is_over:
            return
        if self._idle:
            self._send(self._idle.popleft(), due)
        else:
            self._overdue.append(due)

    def _send(self, connection: Connection, due: float) -> None:
        head, tail = next(self._requests)
        request = head + NUMBERS % (self._counter, int(time.time() * 1000)) + tail
        self._counter += 1
        self._n_sent += 1
        connection.send(request, due)
        if due >= self._measure_from:
            self._lateness.append(_monotonic() - due)

    def _take(self, connection: Connection, answer: bytes) -> None:
        now = _monotonic()
        if self._measure_from <= now < self._until:
            self._n_answers += 1
            self._latencies.append(now - connection.due)
            self._statuses[answer[9:12].decode()] += 1
        self._n_sent -= 1
        if self._settings.rate is None:
            if now < self._until:
                self._send(connection, now)
        elif self._overdue:
            self._send(connection, self._overdue.popleft())
        else:
            self._idle.append(connection)

    def _lose(self) -> None:
        """A server that closes connections under load is broken: the run ends at once, without a result."""
        self._n_lost += 1
        self._is_over = True
        self._done.set()

    async def _drain(self) -> None:
        """Wait for the answers that are still on their way, within reason."""
        deadline = _monotonic() + 5
        while self._n_sent > 0 and _monotonic() < deadline:
            await asyncio.sleep(0.01)

    def _result(self, cpu_share: float) -> LoadResult:
        n_good = sum(count for status, count in self._statuses.items() if status.startswith("2"))
        return LoadResult(
            n_answers=n_good,
            n_errors=self._n_answers - n_good,
            seconds=self._settings.seconds,
            rate=n_good / self._settings.seconds,
            p50_ms=percentile_ms(self._latencies, 50),
            p99_ms=percentile_ms(self._latencies, 99),
            max_ms=percentile_ms(self._latencies, 100),
            late_p99_ms=percentile_ms(self._lateness, 99) if self._settings.rate else 0.0,
            cpu_share=cpu_share,
            last_counter=self._counter - 1,
            statuses=dict(self._statuses),
        )


def percentile_ms(seconds: array[float], percent: float) -> float:
    """The value in ms that `percent` of all stay within; 0 of nothing."""
    if not seconds:
        return 0.0
    ordered = sorted(seconds)
    return round(ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))] * 1000, 3)


def main() -> None:
    settings = LoadSettings(**json.loads(Path(sys.argv[1]).read_text()))
    result = run_on(settings.loop, Load(settings, load_requests(settings.requests_path)).run)
    print(json.dumps(asdict(result)))


if __name__ == "__main__":
    main()
