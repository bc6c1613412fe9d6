"""Runs of the load generator and of the dashboards against a server, from the benchmark's own process."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from itertools import count
from pathlib import Path
from typing import Any

from tests.bench.bodies import FIRST_COUNTER, build_requests, save_requests
from tests.bench.dashboards import DashboardResult, DashboardSettings, Watch
from tests.bench.load import LoadResult, LoadSettings
from tests.bench.machine import Cores, Neighbours, on_cores
from tests.bench.servers import Server

START_SECONDS = 1.5  # the load generator has to load its requests first
QUIET_SHARE = 0.05  # below it the machine is ours
SETTLE_SECONDS = 0.5  # the last events have to reach the dashboards

_numbers = count()
_counters = count(FIRST_COUNTER, 1_000_000)


@dataclass(frozen=True)
class Run:
    """One run against one server: what the load generator saw, the server's processor time for it, and how much
    of the machine others used meanwhile."""

    load: LoadResult
    server_cpu_us: float
    dashboards: DashboardResult | None = None
    others_share: float = 0.0

    @property
    def rate(self) -> float:
        """Acknowledged requests per second."""
        return self.load.rate


def next_counter() -> int:
    """The first counter of a new run; every run has a million of its own, so that counters never fall."""
    return next(_counters)


def prepare_requests(server: Server, keys: list[str], n_variants: int = 4) -> Path:
    """Build the requests of the devices with these keys for this server."""
    path = server.folder / f"{server.name}-{len(keys)}.requests"
    return save_requests(path, build_requests(keys, server.port, n_variants))


def start_load(settings: LoadSettings, folder: Path, cores: Cores) -> subprocess.Popen[bytes]:
    """Start the load generator; its result is the one line that it prints."""
    path = folder / f"load-{next(_numbers)}.json"
    path.write_text(json.dumps(asdict(settings)))
    with on_cores(cores.load):
        return subprocess.Popen([sys.executable, "-m", "tests.bench.load", str(path)], stdout=subprocess.PIPE)


def finish_load(process: subprocess.Popen[bytes]) -> LoadResult:
    """Wait for a load generator. Raises RuntimeError when it failed."""
    output, _ = process.communicate(timeout=900)
    if process.returncode:
        raise RuntimeError(f"the load generator failed with {process.returncode}")
    return LoadResult(**json.loads(output))


class DashboardWall:
    """Dashboards that are open on a server, in a process of their own."""

    def __init__(self, settings: DashboardSettings, folder: Path, cores: Cores) -> None:
        path = folder / f"dashboards-{next(_numbers)}.json"
        path.write_text(json.dumps(asdict(settings)))
        with on_cores(cores.load):
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.bench.dashboards", str(path)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
        assert self._process.stdout is not None
        if not self._process.stdout.readline():
            raise RuntimeError("the dashboards could not join")

    def begin(self, watch: Watch) -> None:
        """Measure from now on."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(asdict(watch)) + "\n")
        self._process.stdin.flush()

    def end(self) -> DashboardResult:
        """Close the dashboards and read what they measured."""
        output, _ = self._process.communicate("\n", timeout=120)
        return DashboardResult(**json.loads(output))

    def kill(self) -> None:
        """End the process, whatever it does."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.communicate()


def run_load(
    server: Server,
    requests: Path,
    cores: Cores,
    seconds: float,
    dashboards: DashboardSettings | None = None,
    **changes: Any,
) -> Run:
    """One run of the load generator against `server`, with dashboards open on it where they are wanted."""
    wall = DashboardWall(dashboards, server.folder, cores) if dashboards else None
    try:
        return _run_load(server, requests, cores, seconds, wall, changes)
    finally:
        if wall:
            wall.kill()


def take_turns(
    servers: dict[str, Server], requests: dict[str, Path], cores: Cores, seconds: float, rounds: int
) -> dict[str, list[Run]]:
    """Runs against each server in turn, `rounds` times, after one that warms all up.

    Only the one that is measured runs; the others are paused, or what one has put off (folding, collecting
    garbage) would be paid by the next.
    """
    runs: dict[str, list[Run]] = {name: [] for name in servers}
    for server in servers.values():
        server.pause()
    for number in range(rounds + 1):
        for name, server in servers.items():
            server.resume()
            measured = run_load(server, requests[name], cores, seconds)
            server.pause()
            if number:
                runs[name].append(measured)
                tell(name, measured)
    return runs


def tell(name: str, run: Run) -> None:
    """One run in one line."""
    load = run.load
    parts = [
        f"    {name:<16} {load.rate:>8,.0f}/s  p50 {load.p50_ms:6.2f}  p99 {load.p99_ms:6.2f} ms",
        f"server {run.server_cpu_us:5.0f} µs CPU each, load {load.cpu_share:4.0%} of a core",
    ]
    if run.others_share > QUIET_SHARE:
        parts.append(f"others {run.others_share:.0%} of the machine")
    if load.n_errors:
        parts.append(f"ERRORS {load.n_errors} {load.statuses}")
    if run.dashboards and run.dashboards.p99_ms:
        seen = run.dashboards
        parts.append(f"dashboards p50 {seen.p50_ms:.2f} p99 {seen.p99_ms:.2f} max {seen.max_ms:.1f} ms")
    print(", ".join(parts), flush=True)


def _run_load(
    server: Server,
    requests: Path,
    cores: Cores,
    seconds: float,
    wall: DashboardWall | None,
    changes: dict[str, Any],
) -> Run:
    settings = LoadSettings(
        port=server.port,
        requests_path=str(requests),
        seconds=seconds,
        first_counter=next_counter(),
        start_at=time.monotonic() + START_SECONDS,
        **changes,
    )
    if wall:
        first_measured = settings.first_counter + int((settings.rate or 0) * settings.warmup_seconds)
        wall.begin(Watch(settings.start_at, settings.first_counter, first_measured, settings.rate or 0.0))
    before, neighbours = server.cpu_seconds, Neighbours()
    result = finish_load(start_load(settings, server.folder, cores))
    spent = server.cpu_seconds - before
    time.sleep(SETTLE_SECONDS if wall else 0)
    n_all = result.rate * (settings.seconds + settings.warmup_seconds)
    others = neighbours.share()
    return Run(result, spent / n_all * 1e6 if n_all else 0.0, wall.end() if wall else None, others)
