"""The machine under the benchmark: its cores, what runs on which, and what a process costs on it."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_PROC = Path("/proc")


@dataclass(frozen=True)
class Cores:
    """Which cores the server under test has, and which everything that loads and watches it. None: any."""

    server: frozenset[int] | None
    load: frozenset[int] | None

    def __str__(self) -> str:
        return f"server on {_write(self.server)}, load and dashboards on {_write(self.load)}"


def share_cores(pinning: str) -> Cores:
    """`load`: load and dashboards keep off the first core, the server runs where it likes, its store's thread
    beside its loop. `both`: the server has the first core and no other. `none`: the system places everything.
    Nothing is pinned where there is one core only.
    """
    if pinning == "none" or not hasattr(os, "sched_getaffinity"):
        return Cores(None, None)
    first, *others = sorted(os.sched_getaffinity(0))
    if not others:
        return Cores(None, None)
    return Cores(frozenset([first]) if pinning == "both" else None, frozenset(others))


@contextmanager
def on_cores(cores: frozenset[int] | None) -> Iterator[None]:
    """Processes that are started inside inherit these cores."""
    if cores is None:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def describe_machine() -> dict[str, object]:
    """What the numbers were measured on."""
    return {
        "cores": os.cpu_count(),
        "processor": _processor(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
    }


def rss_mb(pid: int) -> float:
    """Resident memory of a process and its children, in MB."""
    return sum(_status_kb(each, "VmRSS") for each in family(pid)) / 1024


def cpu_seconds(pid: int) -> float:
    """Processor time that a process and its children have used."""
    total = 0
    for each in family(pid):
        fields = (_PROC / str(each) / "stat").read_text().rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])
    return total / _TICKS


class Neighbours:
    """How busy the machine is with what is none of ours: on a shared machine the figures need to say so."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._others = _busy_seconds() - _own_seconds()

    def share(self) -> float:
        """The part of all cores that other processes have used since the beginning; 0 where it is unknown."""
        elapsed = (time.monotonic() - self._began) * (os.cpu_count() or 1)
        return max(0.0, (_busy_seconds() - _own_seconds() - self._others) / elapsed)


def _busy_seconds() -> float:
    try:
        fields = (_PROC / "stat").read_text().split("\n", 1)[0].split()[1:]
    except OSError:
        return 0.0
    user, nice, system, _idle, _wait, *interrupts = map(int, fields[:8])
    return (user + nice + system + sum(interrupts)) / _TICKS


def _own_seconds() -> float:
    """All that this process, its children, and those of them that have ended have used."""
    total = 0
    for each in family(os.getpid()):
        fields = (_PROC / str(each) / "stat").read_text().rpartition(")")[2].split()
        total += sum(map(int, fields[11:15]))
    return total / _TICKS


def family(pid: int) -> list[int]:
    """A process and all that it has started and that still live."""
    found = [pid]
    for each in found:
        for task in (_PROC / str(each) / "task").glob("*/children"):
            found.extend(int(child) for child in task.read_text().split())
    return found


def _status_kb(pid: int, name: str) -> int:
    for line in (_PROC / str(pid) / "status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1])
    return 0


def _processor() -> str:
    try:
        for line in (_PROC / "cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor()


def _write(cores: frozenset[int] | None) -> str:
    return "any core" if cores is None else f"core {', '.join(map(str, sorted(cores)))}"
