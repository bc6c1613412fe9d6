"""What every section of the benchmark needs: the plan, the machine, the report."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.bench.machine import Cores
from tests.bench.report import Figure, Report
from tests.bench.runs import Run

QUIET_SHARE = 0.05  # below it the machine is ours

SCRATCH = Path("build") / "bench"


@dataclass(frozen=True)
class Plan:
    """How much to measure."""

    seconds: float = 5.0
    rounds: int = 3
    n_devices: int = 2_000
    n_many_devices: int = 100_000
    n_memory_devices: int = 10_000
    n_samples: int = 10_000_000


@dataclass(frozen=True)
class Bench:
    """One run of the benchmark."""

    plan: Plan
    cores: Cores
    report: Report

    def figure(self, section: str, what: str, value: float, unit: str = "", **target: float | bool) -> None:
        """Report one figure."""
        self.report.add(Figure(section, what, value, unit, **target))  # type: ignore[arg-type]


@contextmanager
def scratch(name: str) -> Iterator[Path]:
    """An empty folder for one section; it goes away afterwards, logs and all, unless the section failed."""
    folder = SCRATCH / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    yield folder.resolve()
    shutil.rmtree(folder, ignore_errors=True)


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
