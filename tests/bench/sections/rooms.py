"""Rooms: messages a second to one room of stock clients, beside Node's socket.io and ws.

Both servers publish as fast as they can tell, from within: goip into its real hub, without a database (see
`tests.bench.peers.rooms`), Node by `io.to(room).emit` and by `ws.send` of one encoded buffer. Once with every
event written alone, the next only when nothing is queued any more, and once with a burst of events in a turn.
Every client is checked to have been sent every event, in order. Servers have the first core, clients the others;
the runs alternate, one server paused while the other is measured, and a ratio is of runs side by side. On a machine
that others use, the ratio of what a message cost each server in processor time tells more than that of the rates.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from tests.bench.bench import Bench, scratch
from tests.bench.crowds import Telling, crowd, tell_room
from tests.bench.machine import Cores, share_cores
from tests.bench.node import NodeMissing
from tests.bench.report import median_ratio
from tests.bench.servers import Server, goip_rooms, node_rooms
from tests.bench.talk import Protocol, Talk

SECTION = "rooms"
SIZES = (100, 500, 1_000)
BURST = 20
_MOST_SECONDS = 2.0  # of one run: a crowd has to be gone before the first ping
_BUSY_CROWD = 0.9
PATHS: dict[tuple[str, Protocol], str] = {
    ("goip", "socketio"): "/api/socket/io/",
    ("goip", "websocket"): "/api/ws",
    ("node", "socketio"): "/socket.io/",
    ("node", "websocket"): "/ws",
}
PEERS: dict[Protocol, str] = {"socketio": "Node socket.io", "websocket": "Node ws"}


@dataclass(frozen=True)
class Shape:
    """What is measured in one figure."""

    protocol: Protocol
    n_clients: int
    per_turn: int

    def __str__(self) -> str:
        turn = "one a turn" if self.per_turn == 1 else f"{self.per_turn} a turn"
        return f"{self.protocol}, {self.n_clients:,} clients, {turn}"


Tellings = dict[Shape, dict[str, list[Telling]]]


def run(bench: Bench) -> None:
    """Measure both protocols with rooms of every size."""
    cores = share_cores("both")
    with scratch(SECTION) as folder, ExitStack() as stack:
        servers = start(bench, folder, cores, stack)
        for protocol in PEERS:
            for n_clients in SIZES:
                seconds = min(bench.plan.seconds, _MOST_SECONDS)
                tellings = measure(servers, cores, protocol, n_clients, seconds, bench.plan.rounds)
                report(bench, tellings)


def start(bench: Bench, folder: Path, cores: Cores, stack: ExitStack) -> dict[str, Server]:
    """The servers, paused."""
    servers = {"goip": stack.enter_context(goip_rooms(folder / "goip", cores))}
    assert servers["goip"].token
    try:
        servers["node"] = stack.enter_context(node_rooms(folder, cores))
    except NodeMissing as error:
        bench.report.note(f"no Node peer: {error}")
    for server in servers.values():
        server.pause()
    return servers


def measure(
    servers: dict[str, Server], cores: Cores, protocol: Protocol, n_clients: int, seconds: float, rounds: int
) -> Tellings:
    """Alternating runs with one room; who begins alternates too."""
    shapes = [Shape(protocol, n_clients, per_turn) for per_turn in (1, BURST)]
    tellings: Tellings = {shape: {name: [] for name in servers} for shape in shapes}
    for number in range(rounds):
        for name in sorted(servers, reverse=bool(number % 2)):
            server = servers[name]
            server.resume()
            talk = Talk(server.port, protocol, PATHS[name, protocol], token=_token(server))
            with crowd(server, cores, talk, n_clients) as members:
                for shape in shapes:
                    telling = tell_room(server, members, talk, seconds, shape.per_turn)
                    tellings[shape][name].append(telling)
                    tell(name, shape, telling)
            server.pause()
    return tellings


def _token(server: Server) -> str:
    return server.token if server.name == "goip" else "nobody asks"


def tell(name: str, shape: Shape, telling: Telling) -> None:
    """One run in one line."""
    lost = telling.n_clients - telling.n_complete
    print(
        f"    {name:<5} {shape!s:<44} {telling.rate:>11,.0f}/s, server {telling.server_cpu_us:5.2f} µs CPU each, "
        f"clients {telling.crowd_cpu_share:4.0%} of a core"
        + (f", NOT ALL IN ORDER AT {lost} CLIENTS" if lost else ""),
        flush=True,
    )


def report(bench: Bench, tellings: Tellings) -> None:
    """The ratios, and what they are made of."""
    for shape, by_server in tellings.items():
        if "node" in by_server:
            pairs = list(zip(by_server["goip"], by_server["node"], strict=True))
            peer = PEERS[shape.protocol]
            ratio = median_ratio([(ours.rate, theirs.rate) for ours, theirs in pairs])
            limits = {"target": 1.0} if shape.per_turn == 1 else {"target": 5.0, "hoped": 8.0}
            bench.figure(SECTION, f"{shape}: of {peer}", ratio, "x", **limits)
            cost = median_ratio([(ours.server_cpu_us, theirs.server_cpu_us) for ours, theirs in pairs])
            bench.figure(SECTION, f"{shape}: CPU a message, of {peer}", cost, "x")
        for name, runs in by_server.items():
            middle = sorted(runs, key=lambda each: each.rate)[len(runs) // 2]
            bench.figure(SECTION, f"{shape}: {name}", middle.rate, "messages/s")
            bench.figure(SECTION, f"{shape}: {name}, server CPU each", middle.server_cpu_us, "µs")
            if any(each.n_complete < each.n_clients for each in runs):
                bench.report.note(f"{shape}: {name} did not tell every client everything in order")
            if max(each.crowd_cpu_share for each in runs) > _BUSY_CROWD:
                bench.report.note(f"{shape}: with {name} the clients were as busy as the server")
