"""Ingest: a heartbeat validated, committed with `synchronous=FULL`, published, then acknowledged.

64 connections, two SIM slots, 2,000 devices with a key each; as a part of what a bare aiohttp echo can do on
the same event loop, and as a multiple of the Node server that does the same job. Runs alternate, and each
ratio is of runs side by side.
"""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

from tests.bench.bench import Bench, scratch
from tests.bench.enrol import enrol
from tests.bench.loops import has_uvloop
from tests.bench.node import NodeMissing
from tests.bench.report import median_ratio
from tests.bench.runs import Run, prepare_requests, take_turns
from tests.bench.servers import Server, echo_server, goip_server, node_server

SECTION = "ingest"


def run(bench: Bench) -> None:
    """Measure goip, the echo and the Node peer in turn."""
    with scratch(SECTION) as folder, ExitStack() as stack:
        servers = _start(bench, folder, stack)
        keys = enrol(servers["goip"], bench.plan.n_devices)
        requests = {name: prepare_requests(server, server.keys or keys) for name, server in servers.items()}
        runs = take_turns(servers, requests, bench.cores, bench.plan.seconds, bench.plan.rounds)
    _report(bench, runs)


def _start(bench: Bench, folder: Path, stack: ExitStack) -> dict[str, Server]:
    loop = "uvloop" if has_uvloop() else "asyncio"
    servers = {"echo": stack.enter_context(echo_server(folder, bench.cores, loop))}
    servers["goip"] = stack.enter_context(goip_server(folder / "goip", bench.cores))
    try:
        servers["node"] = stack.enter_context(node_server(folder, bench.cores, bench.plan.n_devices))
    except NodeMissing as error:
        bench.report.note(f"no Node peer: {error}")
    else:
        driver = servers["node"].notes["driver"]
        bench.report.machine["node"] = f"{servers['node'].notes['node']}, {driver}"
        if driver != "better-sqlite3":
            bench.report.note(f"the Node peer uses {driver}: better-sqlite3 could not be compiled here")
    return servers


def _report(bench: Bench, runs: dict[str, list[Run]]) -> None:
    rates = {name: [each.rate for each in measured] for name, measured in runs.items()}
    of_echo = median_ratio(list(zip(rates["goip"], rates["echo"], strict=True)))
    bench.figure(SECTION, "of a bare aiohttp echo", of_echo, "x", target=0.45, hoped=0.60)
    if "node" in rates:
        of_node = median_ratio(list(zip(rates["goip"], rates["node"], strict=True)))
        bench.figure(SECTION, "of Express + socket.io + better-sqlite3", of_node, "x", target=4.0, hoped=6.0)
    for name, measured in runs.items():
        middle = sorted(measured, key=lambda each: each.rate)[len(measured) // 2]
        bench.figure(SECTION, f"{name}: heartbeats a second", middle.rate, "/s")
        bench.figure(SECTION, f"{name}: p99 at saturation", middle.load.p99_ms, "ms")
        bench.figure(SECTION, f"{name}: server CPU per heartbeat", middle.server_cpu_us, "µs")
