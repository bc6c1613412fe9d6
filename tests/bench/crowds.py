"""Crowds of clients on a server, from the benchmark's own process: see `tests.bench.crowd`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from itertools import count
from typing import Any

from tests.bench.crowd import CrowdSettings, Expected, Outcome
from tests.bench.machine import Cores, on_cores
from tests.bench.servers import Server
from tests.bench.talk import Talk

_MOST_PROCESSES = 4
_numbers = count()


@dataclass(frozen=True)
class Telling:
    """One run of telling a room: deliveries a second over all clients, and what one cost the server."""

    n_events: int
    n_clients: int
    n_complete: int
    seconds: float
    server_cpu_seconds: float
    crowd_cpu_share: float

    @property
    def n_messages(self) -> int:
        """Events times clients."""
        return self.n_events * self.n_clients

    @property
    def rate(self) -> float:
        """Messages a second; none, unless every client was sent everything in order."""
        return self.n_messages / self.seconds if self.n_complete == self.n_clients else 0.0

    @property
    def server_cpu_us(self) -> float:
        """The server's processor time for one message."""
        return self.server_cpu_seconds / self.n_messages * 1e6


class Companion:
    """A process beside the benchmark that talks in lines of JSON: it says when it is ready, and then answers."""

    def __init__(self, module: str, settings: Any, server: Server, cores: Cores) -> None:
        path = server.folder / f"companion-{next(_numbers)}.json"
        path.write_text(json.dumps(asdict(settings)))
        with on_cores(cores.load):
            self._process = subprocess.Popen(
                [sys.executable, "-m", module, str(path)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )

    def hear(self) -> dict[str, Any]:
        """Its next line. Raises RuntimeError when it has ended."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self._process.args!r} ended with {self._process.wait()}")
        told: dict[str, Any] = json.loads(line)
        return told

    def tell(self, line: dict[str, Any]) -> None:
        """Send it a line."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(line) + "\n")
        self._process.stdin.flush()

    def kill(self) -> None:
        """End the process, whatever it does."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.communicate()


@contextmanager
def companion(module: str, settings: Any, server: Server, cores: Cores) -> Iterator[Companion]:
    """A companion that is ready, until the end of the block."""
    process = Companion(module, settings, server, cores)
    try:
        process.hear()
        yield process
    finally:
        process.kill()


@contextmanager
def crowd(
    server: Server, cores: Cores, talk: Talk, n_clients: int, *, is_idle: bool = False
) -> Iterator[list[Companion]]:
    """A crowd in its room, shared among one process for each core that is not the server's."""
    n_processes = min(len(cores.load or ()) or os.cpu_count() or 1, _MOST_PROCESSES, n_clients)
    shares = [n_clients // n_processes + (index < n_clients % n_processes) for index in range(n_processes)]
    with ExitStack() as stack:
        yield [
            stack.enter_context(
                companion("tests.bench.crowd", CrowdSettings(talk, share, is_idle), server, cores)
            )
            for share in shares
        ]


def tell_room(server: Server, members: list[Companion], talk: Talk, seconds: float, per_turn: int) -> Telling:
    """Let the server tell its room, `per_turn` events in each turn, and ask every client for what it was sent."""
    cpu_before = server.cpu_seconds
    wish = {"protocol": talk.protocol, "seconds": seconds, "perTurn": per_turn}
    told: dict[str, Any] = server.post("/bench/publish", wish)
    expected = Expected(told["firstSeq"], told["lastSeq"])
    for member in members:
        member.tell(asdict(expected))
    outcomes = [Outcome(**member.hear()) for member in members]
    return Telling(
        n_events=expected.last_seq - expected.first_seq + 1,
        n_clients=sum(outcome.n_clients for outcome in outcomes),
        n_complete=sum(outcome.n_complete for outcome in outcomes),
        seconds=max(outcome.last_at for outcome in outcomes) - told["startedAt"],
        server_cpu_seconds=server.cpu_seconds - cpu_before,
        crowd_cpu_share=max(outcome.cpu_share for outcome in outcomes),
    )
