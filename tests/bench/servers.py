"""The servers side by side: goip, the bare echo and the Node peer, each a process with a scratch database."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from tests.bench import machine
from tests.bench.bodies import bench_key
from tests.bench.node import PEERS, install_peers, node_binary

ENROLLMENT_KEY = "bench-enrolment-key-0123456789"
ADMIN_PASSWORD = "bench-admin-password-0123456789"
_START_SECONDS = 180.0


class StartFailed(Exception):
    """A server did not come up; the message has the end of its log."""


@dataclass
class Server:
    """One running server: where it listens, and the keys that its devices show."""

    name: str
    port: int
    process: subprocess.Popen[bytes]
    folder: Path
    keys: list[str] = field(default_factory=list)
    notes: dict[str, str] = field(default_factory=dict)
    udp_port: int = 0

    @property
    def rss_mb(self) -> float:
        """Resident memory now, with the server's own children."""
        return machine.rss_mb(self.process.pid)

    @property
    def cpu_seconds(self) -> float:
        """Processor time used so far."""
        return machine.cpu_seconds(self.process.pid)

    @cached_property
    def token(self) -> str:
        """An access token of the admin."""
        return str(
            self.post("/api/auth/login", {"username": "admin", "password": ADMIN_PASSWORD})["accessToken"]
        )

    def pause(self) -> None:
        """Stop it where it stands, so that what it does of its own cannot disturb whoever is measured."""
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on; what it has put off it does in its own time."""
        self.process.send_signal(signal.SIGCONT)

    def post(self, path: str, body: object, key: str | None = None) -> dict[str, object]:
        """POST some JSON and read some JSON; for setting up, not for measuring."""
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {})
        url = f"http://127.0.0.1:{self.port}{path}"
        request = urllib.request.Request(url, json.dumps(body).encode(), headers)
        with urllib.request.urlopen(request, timeout=60) as response:
            answer: dict[str, object] = json.load(response)
        return answer


@contextlib.contextmanager
def echo_server(folder: Path, cores: machine.Cores, loop: str = "uvloop") -> Iterator[Server]:
    """The bare aiohttp echo."""
    command = [sys.executable, "-m", "tests.bench.peers.echo", "--loop", loop]
    with _started(f"echo-{loop}", command, folder, cores) as server:
        yield server


@contextlib.contextmanager
def node_server(folder: Path, cores: machine.Cores, n_devices: int = 2000) -> Iterator[Server]:
    """The Express + socket.io + better-sqlite3 peer, with the keys of `n_devices`. Raises NodeMissing."""
    install_peers()
    command = [str(node_binary()), str(PEERS / "server.mjs"), "--devices", str(n_devices)]
    command += ["--database", str(folder / "node.db")]
    with _started("node", command, folder, cores) as server:
        server.keys = [bench_key(index) for index in range(n_devices)]
        yield server


@contextlib.contextmanager
def node_rooms(folder: Path, cores: machine.Cores) -> Iterator[Server]:
    """The peer that only tells rooms: socket.io and ws. Raises NodeMissing."""
    install_peers()
    with _started("node", [str(node_binary()), str(PEERS / "rooms.mjs")], folder, cores) as server:
        yield server


@contextlib.contextmanager
def goip_rooms(folder: Path, cores: machine.Cores) -> Iterator[Server]:
    """goip with a route that publishes: see `tests.bench.peers.rooms`."""
    with goip_server(folder, cores, arguments=("tests.bench.peers.rooms",)) as server:
        yield server


@contextlib.contextmanager
def goip_server(
    folder: Path,
    cores: machine.Cores,
    name: str = "goip",
    settings: dict[str, str] | None = None,
    arguments: Sequence[str] = ("goip", "serve"),
) -> Iterator[Server]:
    """goip itself on the database in `folder`, which it makes when there is none; limits on rate are off."""
    port = _free_port()
    environ = {
        "GOIP_PORT": str(port),
        "GOIP_UDP_PORT": str(_free_port(socket.SOCK_DGRAM)),
        "GOIP_DATABASE_URL": f"sqlite:///{folder / 'goip.db'}",
        "GOIP_ENROLLMENT_KEY": ENROLLMENT_KEY,
        "GOIP_ADMIN_PASSWORD": ADMIN_PASSWORD,
        "GOIP_DEVICE_RATE": "0",
        "GOIP_ADDRESS_RATE": "0",
        "GOIP_CONNECTION_RATE": "0",
        "GOIP_CONNECTIONS_PER_ADDRESS": "0",
        "GOIP_CONNECTIONS_PER_USER": "0",
        "GOIP_LOG_LEVEL": "warning",
        "GOIP_LOG_FORMAT": "json",
    } | (settings or {})
    with _started(name, [sys.executable, "-m", *arguments], folder, cores, environ, port) as server:
        server.udp_port = int(environ["GOIP_UDP_PORT"])
        yield server


@contextlib.contextmanager
def _started(
    name: str,
    command: list[str],
    folder: Path,
    cores: machine.Cores,
    environ: dict[str, str] | None = None,
    port: int | None = None,
) -> Iterator[Server]:
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / f"{name}.log"
    with log.open("ab") as errors, machine.on_cores(cores.server):
        output = subprocess.PIPE if port is None else errors
        process = subprocess.Popen(command, env=os.environ | (environ or {}), stdout=output, stderr=errors)
    try:
        notes = _read_ready_line(process, log) if port is None else {}
        server = Server(name, port or int(notes["port"]), process, folder, notes=notes)
        if port is not None:
            _wait_until_healthy(server, log)
        yield server
    finally:
        _stop(process)


def _read_ready_line(process: subprocess.Popen[bytes], log: Path) -> dict[str, str]:
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise StartFailed(_tail(log))
    notes: dict[str, str] = json.loads(line)
    return notes


def _wait_until_healthy(server: Server, log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        if server.process.poll() is not None:
            break
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/api/health", timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise StartFailed(f"{server.name} did not come up: {_tail(log)}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGCONT)
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    if process.stdout:
        process.stdout.close()


def _free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _tail(log: Path) -> str:
    return log.read_text(errors="replace")[-1500:]
