"""Fan-out: from a device's POST to the dashboards, and what watching costs the devices.

Open loop: how long an event takes from the moment its request was due until a stock Socket.IO client (EIO4 over
WebSocket, single events) has it; the validation and the commit are in it. At 1,000 heartbeats a second with 20 and
with 100 dashboards, and at 500 with 200, in turn with the Node peer that does the same job. And at saturation: the
ingest with 100 dashboards watching as a part of the ingest with none.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from tests.bench.bench import Bench, scratch
from tests.bench.dashboards import DashboardSettings
from tests.bench.enrol import enrol
from tests.bench.node import NodeMissing
from tests.bench.report import median_ratio
from tests.bench.runs import Run, prepare_requests, run_load, tell
from tests.bench.servers import Server, goip_server, node_server

SECTION = "fan-out"
PATH = "/api/socket/io/"
NODE_PATH = "/socket.io/"
_CONNECTIONS = 32
_MOST_MEASURING = 100


@dataclass(frozen=True)
class Shape:
    """So many heartbeats a second, and so many dashboards."""

    rate: float
    n_dashboards: int

    def __str__(self) -> str:
        return f"POST to {self.n_dashboards} dashboards at {self.rate:,.0f}/s"


BESIDE_NODE = Shape(500, 200)


def run(bench: Bench) -> None:
    """Latency at a fixed rate, then throughput with and without dashboards, in turn."""
    with scratch(SECTION) as folder, ExitStack() as stack:
        server = stack.enter_context(goip_server(folder / "goip", bench.cores))
        requests = prepare_requests(server, enrol(server, bench.plan.n_devices))
        run_load(server, requests, bench.cores, 2.0)
        for shape, limits in (
            (Shape(1_000, 20), {"target": 50.0, "hoped": 20.0}),
            (Shape(1_000, 100), {}),
        ):
            measured = run_shape(bench, server, requests, shape)
            report_latency(bench, shape, [measured], **limits)
        _run_beside_node(bench, server, requests, folder, stack)
        watched, alone = [], []
        for _ in range(bench.plan.rounds):
            alone.append(run_load(server, requests, bench.cores, bench.plan.seconds))
            tell("unwatched", alone[-1])
            watched.append(_run_watched(bench, server, requests))
    ratio = median_ratio([(one.rate, other.rate) for one, other in zip(watched, alone, strict=True)])
    bench.figure(
        SECTION, "ingest with 100 dashboards, of itself with none", ratio, "x", target=0.70, hoped=0.85
    )


def run_shape(bench: Bench, server: Server, requests: Path, shape: Shape) -> Run:
    """One run at a fixed rate."""
    token, path = (server.token, PATH) if server.name == "goip" else (None, NODE_PATH)
    n_measuring = min(shape.n_dashboards, _MOST_MEASURING)
    wall = DashboardSettings(server.port, shape.n_dashboards, n_measuring, token, path)
    measured = run_load(
        server,
        requests,
        bench.cores,
        bench.plan.seconds * 2,
        wall,
        rate=shape.rate,
        connections=_CONNECTIONS,
    )
    tell(f"{server.name}, {shape.n_dashboards} watch", measured)
    return measured


def _run_beside_node(bench: Bench, server: Server, requests: Path, folder: Path, stack: ExitStack) -> None:
    """The shape of a busy control room, in turn with Node's."""
    servers, bodies = {"goip": server}, {"goip": requests}
    try:
        node = stack.enter_context(node_server(folder, bench.cores, bench.plan.n_devices))
    except NodeMissing as error:
        bench.report.note(f"no Node peer: {error}")
    else:
        servers["node"], bodies["node"] = node, prepare_requests(node, node.keys)
        node.pause()
    runs: dict[str, list[Run]] = {name: [] for name in servers}
    for _ in range(bench.plan.rounds):
        for name, each in servers.items():
            each.resume()
            runs[name].append(run_shape(bench, each, bodies[name], BESIDE_NODE))
            each.pause()
    server.resume()
    report_latency(bench, BESIDE_NODE, runs["goip"], target=50.0, hoped=20.0)
    if "node" in runs:
        p99 = {name: [p99_ms(run) for run in measured] for name, measured in runs.items()}
        bench.figure(SECTION, f"{BESIDE_NODE}, p99 of the Node peer", median(p99["node"]), "ms")
        ratio = median_ratio(list(zip(p99["goip"], p99["node"], strict=True)))
        bench.figure(SECTION, f"{BESIDE_NODE}, p99 of that of the Node peer", ratio, "x")


def p99_ms(run: Run) -> float:
    """The p99 of what the dashboards saw."""
    assert run.dashboards is not None
    return run.dashboards.p99_ms


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


def report_latency(bench: Bench, shape: Shape, runs: list[Run], **limits: float) -> None:
    """The middle of the runs, and what went wrong in any."""
    seen = [run.dashboards for run in runs if run.dashboards is not None]
    bench.figure(SECTION, f"{shape}, p50", median(each.p50_ms for each in seen), "ms")
    bench.figure(
        SECTION, f"{shape}, p99", median(each.p99_ms for each in seen), "ms", is_at_most=True, **limits
    )
    expected = int(shape.rate * bench.plan.seconds * 2)
    for each in seen:
        if each.least_events < expected or each.n_closed or each.n_resyncs:
            bench.report.note(
                f"{shape}: a dashboard saw {each.least_events} of {expected} events, "
                f"{each.n_closed} were closed, {each.n_resyncs} resyncs"
            )
    slowest = min(run.load.rate for run in runs)
    if slowest < shape.rate * 0.99:
        bench.report.note(f"{shape}: the server took only {slowest:,.0f}/s")
