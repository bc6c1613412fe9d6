"""Memory: the server with 10,000 devices that have all been heard, and what an idle dashboard adds."""

from __future__ import annotations

import time

from tests.bench.bench import Bench, scratch
from tests.bench.dashboards import DashboardSettings
from tests.bench.enrol import enrol
from tests.bench.runs import DashboardWall, prepare_requests, run_load, tell
from tests.bench.servers import goip_server

SECTION = "memory"
N_IDLE = 500
PATH = "/api/socket/io/"


def run(bench: Bench) -> None:
    """Enrol, load for a while, look; then let dashboards sit there and look again."""
    n_devices = bench.plan.n_memory_devices
    with scratch(SECTION) as folder, goip_server(folder, bench.cores) as server:
        bench.figure(SECTION, "resident at start", server.rss_mb, "MB")
        requests = prepare_requests(server, enrol(server, n_devices))
        tell("loaded", run_load(server, requests, bench.cores, bench.plan.seconds * 2))
        resident = server.rss_mb
        bench.figure(
            SECTION,
            f"resident with {n_devices:,} devices",
            resident,
            "MB",
            target=250,
            hoped=150,
            is_at_most=True,
        )
        wall = DashboardWall(
            DashboardSettings(server.port, N_IDLE, 0, server.token, PATH), folder, bench.cores
        )
        try:
            time.sleep(2.0)
            each = (server.rss_mb - resident) * 1024 / N_IDLE
        finally:
            wall.kill()
        bench.figure(SECTION, "an idle dashboard", each, "KB", target=60, hoped=30, is_at_most=True)
