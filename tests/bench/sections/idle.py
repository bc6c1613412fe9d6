"""Idle, stalled and unwanted clients: the memory that each costs, and what the others notice of them.

Memory: 2,000 clients that sit in a room where nothing happens, over Socket.IO and over raw WebSocket, beside the
Node peer's. Then 200 dashboards at 500 heartbeats a second, open loop from POST to client: in turn with nobody else
there, and with one client that never reads (over each protocol), one that reads a byte a second, 2,000 idle ones,
and a flood of connections without credentials. The p99 of the dashboards is compared with the run before.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any

from tests.bench.bench import Bench, scratch
from tests.bench.crowds import Companion, companion, crowd
from tests.bench.enrol import enrol
from tests.bench.node import NodeMissing
from tests.bench.nuisance import Kind, NuisanceSettings
from tests.bench.report import median_ratio
from tests.bench.runs import Run, prepare_requests
from tests.bench.sections.fanout import BESIDE_NODE, p99_ms, run_shape
from tests.bench.sections.rooms import PATHS, PEERS
from tests.bench.servers import Server, goip_rooms, goip_server, node_rooms
from tests.bench.talk import Protocol, Talk

SECTION = "idle"
N_IDLE = 2_000
FLOOD_RATE = 300.0
QUIET_ROOM = "device-quiet"
AS_SERVED = {"GOIP_CONNECTION_RATE": "50", "GOIP_CONNECTIONS_PER_ADDRESS": "200"}
"""The limits that a server has unless it is told otherwise; they are what a flood from one address meets."""
_N_FIRST = 20  # what is loaded once is no client's
_SETTLE_SECONDS = 2.0

Trouble = Callable[[Server], AbstractContextManager[Any]]


def run(bench: Bench) -> None:
    """Memory of the idle, then the others' latency in the presence of each trouble."""
    for protocol in PEERS:
        weigh(bench, protocol, N_IDLE)
    for settings, its_troubles in ({}, troubles(bench, N_IDLE)), (AS_SERVED, floods(bench, FLOOD_RATE)):
        with scratch(SECTION) as folder, goip_server(folder, bench.cores, settings=settings) as server:
            requests = prepare_requests(server, enrol(server, bench.plan.n_devices))
            run_shape(bench, server, requests, BESIDE_NODE)
            for name, trouble in its_troubles.items():
                disturb(bench, server, requests, name, trouble)


def weigh(bench: Bench, protocol: Protocol, n_clients: int) -> None:
    """What an idle client adds to goip's memory, and to the peer's."""
    starters = {"goip": goip_rooms, "node": node_rooms}
    limits = {"goip": {"target": 60.0, "hoped": 30.0}, "node": {}}
    for name, start in starters.items():
        with scratch(SECTION) as folder, ExitStack() as stack:
            try:
                server = stack.enter_context(start(folder, bench.cores))
            except NodeMissing as error:
                bench.report.note(f"no Node peer: {error}")
                continue
            each_kb = _kb_each(bench, server, protocol, n_clients)
            what = f"{protocol}, one of {n_clients:,} idle clients, {name}"
            bench.figure(SECTION, what, each_kb, "KB", is_at_most=True, **limits[name])


def _kb_each(bench: Bench, server: Server, protocol: Protocol, n_clients: int) -> float:
    token = server.token if server.name == "goip" else "nobody asks"
    talk = Talk(server.port, protocol, PATHS[server.name, protocol], QUIET_ROOM, token)
    with crowd(server, bench.cores, talk, _N_FIRST, is_idle=True):
        before = server.rss_mb
        with crowd(server, bench.cores, talk, n_clients, is_idle=True):
            time.sleep(_SETTLE_SECONDS)
            return (server.rss_mb - before) * 1024 / n_clients


def troubles(bench: Bench, n_idle: int) -> dict[str, Trouble]:
    """What clients may do to the others, by name."""

    def idle(server: Server) -> AbstractContextManager[Any]:
        return crowd(
            server, bench.cores, _talk(server, "socketio", QUIET_ROOM, server.token), n_idle, is_idle=True
        )

    return {
        "a stalled client of each protocol": _nuisance(bench, "stalled"),
        "a client of each protocol that reads a byte a second": _nuisance(bench, "slow"),
        f"{n_idle:,} idle clients": idle,
    }


def floods(bench: Bench, rate: float) -> dict[str, Trouble]:
    """What strangers may do to clients: from another address, as the limit is one address's."""
    return {f"{rate:,.0f} connects a second without credentials": _nuisance(bench, "flood", rate)}


def _nuisance(bench: Bench, kind: Kind, flood_rate: float = 0.0) -> Trouble:
    def begin(server: Server) -> AbstractContextManager[Companion]:
        token = None if kind == "flood" else server.token
        talks = [_talk(server, protocol, "dashboard", token) for protocol in PEERS]
        settings = NuisanceSettings(kind, talks, flood_rate)
        return companion("tests.bench.nuisance", settings, server, bench.cores)

    return begin


def _talk(server: Server, protocol: Protocol, room: str, token: str | None) -> Talk:
    return Talk(server.port, protocol, PATHS["goip", protocol], room, token)


def disturb(bench: Bench, server: Server, requests: Path, name: str, trouble: Trouble) -> None:
    """Runs without and with the trouble, in turn."""
    quiet: list[Run] = []
    disturbed: list[Run] = []
    memory = []
    for _ in range(bench.plan.rounds):
        quiet.append(run_shape(bench, server, requests, BESIDE_NODE))
        before = server.rss_mb
        with trouble(server):
            print(f"    with {name}:", flush=True)
            disturbed.append(run_shape(bench, server, requests, BESIDE_NODE))
            memory.append(server.rss_mb - before)
    pairs = [(p99_ms(one), p99_ms(other)) for one, other in zip(disturbed, quiet, strict=True)]
    bench.figure(SECTION, f"{name}: p99 of the others, of that without", median_ratio(pairs), "x")
    bench.figure(
        SECTION, f"{name}: p99 of the others", sorted(p99 for p99, _ in pairs)[len(pairs) // 2], "ms"
    )
    bench.figure(SECTION, f"{name}: memory added", max(memory), "MB")
    for run in disturbed:
        seen = run.dashboards
        if seen is not None and (seen.n_closed or seen.n_resyncs):
            bench.report.note(f"{name}: {seen.n_closed} others were closed, {seen.n_resyncs} told to resync")
