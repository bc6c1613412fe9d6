"""What every section of the benchmark needs: the plan, the machine, the report."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.bench.machine import Cores
from tests.bench.report import Figure, Report

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
