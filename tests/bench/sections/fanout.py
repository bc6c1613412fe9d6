"""Fan-out: from a device's POST to the dashboards, and what watching costs the devices.

At 1,000 heartbeats a second, open loop: how long an event takes from the moment its request was due until a
stock Socket.IO client (EIO4 over WebSocket, single events) has it, with 20 and with 100 dashboards. And at
saturation: the ingest with 100 dashboards watching as a part of the ingest with none.
"""

from __future__ import annotations

from pathlib import Path

from tests.bench.bench import Bench, scratch
from tests.bench.dashboards import DashboardSettings
from tests.bench.enrol import enrol
from tests.bench.report import median_ratio
from tests.bench.runs import Run, prepare_requests, run_load, tell
from tests.bench.servers import Server, goip_server

SECTION = "fan-out"
RATE = 1000.0
PATH = "/api/socket/io/"


def run(bench: Bench) -> None:
    """Latency at a fixed rate, then throughput with and without dashboards, in turn."""
    with scratch(SECTION) as folder, goip_server(folder, bench.cores) as server:
        requests = prepare_requests(server, enrol(server, bench.plan.n_devices))
        run_load(server, requests, bench.cores, 2.0)
        for n_dashboards, target, hoped in ((20, 50.0, 20.0), (100, None, None)):
            wall = DashboardSettings(server.port, n_dashboards, n_dashboards, server.token, PATH)
            measured = run_load(
                server, requests, bench.cores, bench.plan.seconds * 2, wall, rate=RATE, connections=32
            )
            tell(f"{n_dashboards} dashboards", measured)
            _report_latency(bench, measured, target, hoped)
        watched, alone = [], []
        for _ in range(bench.plan.rounds):
            alone.append(run_load(server, requests, bench.cores, bench.plan.seconds))
            tell("unwatched", alone[-1])
            watched.append(_run_watched(bench, server, requests))
    ratio = median_ratio([(one.rate, other.rate) for one, other in zip(watched, alone, strict=True)])
    bench.figure(
        SECTION, "ingest with 100 dashboards, of itself with none", ratio, "x", target=0.70, hoped=0.85
    )


def _run_watched(bench: Bench, server: Server, requests: Path) -> Run:
    wall = DashboardSettings(server.port, 100, 1, server.token, PATH)
    measured = run_load(server, requests, bench.cores, bench.plan.seconds, wall)
    tell("100 dashboards", measured)
    seen = measured.dashboards
    assert seen is not None
    print(
        f"    a dashboard saw {seen.n_events:,} events, {seen.mb_received:,.0f} MB went to all, "
        f"{seen.n_resyncs} resyncs, {seen.cpu_share:.0%} of a core"
    )
    return measured


def _report_latency(bench: Bench, measured: Run, target: float | None, hoped: float | None) -> None:
    seen = measured.dashboards
    assert seen is not None
    name = f"POST to {seen.n_dashboards} dashboards at {RATE:,.0f}/s"
    bench.figure(SECTION, f"{name}, p50", seen.p50_ms, "ms")
    limits = {} if target is None or hoped is None else {"target": target, "hoped": hoped}
    bench.figure(SECTION, f"{name}, p99", seen.p99_ms, "ms", is_at_most=True, **limits)
    expected = int(RATE * bench.plan.seconds * 2)
    if seen.least_events < expected or seen.n_closed or seen.n_resyncs:
        bench.report.note(
            f"{name}: a dashboard saw {seen.least_events} of {expected} events, "
            f"{seen.n_closed} were closed, {seen.n_resyncs} resyncs"
        )
    if measured.load.rate < RATE * 0.99:
        bench.report.note(f"{name}: the server took only {measured.load.rate:,.0f}/s")
