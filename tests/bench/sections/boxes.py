"""GoIP boxes: 2,000 lines at their pace of 30 s, 5,000 keepalives in one second, and what HTTP feels of it."""

from __future__ import annotations

import asyncio
import time
from contextlib import ExitStack
from pathlib import Path

from tests.bench.bench import Bench, scratch
from tests.bench.datagrams import Answers, Lines
from tests.bench.enrol import enrol
from tests.bench.load import LoadResult, LoadSettings
from tests.bench.machine import on_cores
from tests.bench.runs import START_SECONDS, finish_load, next_counter, prepare_requests, start_load
from tests.bench.servers import ENROLLMENT_KEY, Server, goip_server

SECTION = "boxes"
N_LINES = 2_000
N_AT_ONCE = 5_000
PACE_SECONDS = 30.0
_ENROL_PER_SECOND = 500
_HTTP_RATE = 300.0


def run(bench: Bench) -> None:
    """Enrol the lines, then measure them alone and beside HTTP."""
    with scratch(SECTION) as folder, ExitStack() as stack:
        server = stack.enter_context(goip_server(folder / "goip", bench.cores))
        requests = prepare_requests(server, enrol(server, bench.plan.n_devices))
        with on_cores(bench.cores.load):
            asyncio.run(_measure(bench, server, requests))


async def _measure(bench: Bench, server: Server, requests: Path) -> None:
    lines = Lines(server.udp_port, N_AT_ONCE, ENROLLMENT_KEY)
    await lines.open()
    try:
        enrolled = await lines.beat(N_AT_ONCE, N_AT_ONCE / _ENROL_PER_SECOND)
        if enrolled.n_unanswered:
            bench.report.note(f"{enrolled.n_unanswered} lines had no answer when they enrolled")
        share = min(1.0, bench.plan.seconds * 2 / PACE_SECONDS)
        steady = await lines.beat(round(N_LINES * share), PACE_SECONDS * share)
        _report(bench, f"{N_LINES:,} lines at {PACE_SECONDS:.0f} s", steady)
        alone = await _http(bench, server, requests, None)
        bursts: list[Answers] = []
        for _ in range(bench.plan.rounds):
            beside = await _http(bench, server, requests, lines, bursts)
        worst = max(bursts, key=lambda each: (each.n_unanswered, each.p99_ms))
        _report(bench, f"{N_AT_ONCE:,} keepalives in a second", worst)
        bench.figure(SECTION, "HTTP p99 without them", alone.p99_ms, "ms")
        bench.figure(SECTION, "HTTP p99 in the run of the burst", beside.p99_ms, "ms")
        bench.figure(
            SECTION, "HTTP requests that failed", float(beside.n_errors), "", target=0, is_at_most=True
        )
    finally:
        lines.close()


async def _http(
    bench: Bench, server: Server, requests: Path, lines: Lines | None, bursts: list[Answers] | None = None
) -> LoadResult:
    """Heartbeats over HTTP at a fixed rate; with `lines`, all of them beat in the middle of it."""
    seconds = max(4.0, bench.plan.seconds)
    settings = LoadSettings(
        port=server.port,
        requests_path=str(requests),
        seconds=seconds,
        first_counter=next_counter(),
        start_at=time.monotonic() + START_SECONDS,
        rate=_HTTP_RATE,
    )
    load = start_load(settings, server.folder, bench.cores)
    if lines is not None and bursts is not None:
        await asyncio.sleep(START_SECONDS + settings.warmup_seconds + seconds / 3)
        bursts.append(await lines.beat(N_AT_ONCE, 1.0))
    return await asyncio.to_thread(finish_load, load)


def _report(bench: Bench, what: str, answers: Answers) -> None:
    bench.figure(SECTION, f"{what}: not answered", answers.n_unanswered, "", target=0, is_at_most=True)
    bench.figure(SECTION, f"{what}: p50 of the answer", answers.p50_ms, "ms")
    bench.figure(SECTION, f"{what}: p99 of the answer", answers.p99_ms, "ms", target=100.0, is_at_most=True)
