"""Memory: the server with 10,000 devices that have all been heard, and what an idle dashboard adds."""

from __future__ import annotations

import time

from tests.bench.bench import Bench, scratch
from tests.bench.dashboards import DashboardSettings
from tests.bench.enrol import enrol
from tests.bench.runs import DashboardWall, prepare_requests, run_load, tell
from tests.bench.servers import Server, goip_server

SECTION = "memory"
N_IDLE = 500
N_FEW_DEVICES = 100
PATH = "/api/socket/io/"


def run(bench: Bench) -> None:
    """Enrol, load for a while, look; and on a small server let dashboards sit there and look again."""
    n_devices = bench.plan.n_memory_devices
    with scratch(SECTION) as folder, goip_server(folder, bench.cores) as server:
        bench.figure(SECTION, "resident at start", server.rss_mb, "MB")
        requests = prepare_requests(server, enrol(server, n_devices))
        tell("loaded", run_load(server, requests, bench.cores, bench.plan.seconds * 2))
        what = f"resident with {n_devices:,} devices"
        bench.figure(SECTION, what, server.rss_mb, "MB", target=250, hoped=150, is_at_most=True)
        seconds, _ = _open_dashboards(bench, server, 1)
        bench.figure(SECTION, f"a dashboard joins, {n_devices:,} devices", seconds * 1000, "ms")
        bench.figure(SECTION, "resident after that", server.rss_mb, "MB")
    with scratch(SECTION) as folder, goip_server(folder, bench.cores) as server:
        enrol(server, N_FEW_DEVICES)
        _open_dashboards(bench, server, 10)  # what is loaded once is no dashboard's
        _, each_kb = _open_dashboards(bench, server, N_IDLE)
        bench.figure(SECTION, "an idle dashboard", each_kb, "KB", target=60, hoped=30, is_at_most=True)


def _open_dashboards(bench: Bench, server: Server, n_dashboards: int) -> tuple[float, float]:
    """How long it takes until all have joined, and how much memory each of them holds, in KB."""
    before, began = server.rss_mb, time.monotonic()
    settings = DashboardSettings(server.port, n_dashboards, 0, server.token, PATH)
    wall = DashboardWall(settings, server.folder, bench.cores)
    try:
        seconds = time.monotonic() - began
        time.sleep(2.0)
        return seconds, (server.rss_mb - before) * 1024 / n_dashboards
    finally:
        wall.kill()
