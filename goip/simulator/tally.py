"""Counting while a simulation runs."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from math import ceil, log

from goip.simulator.options import SimulationReport

_STEP = 1.02


class Latencies:
    """A histogram of durations in steps of two per cent: percentiles in bounded memory."""

    def __init__(self) -> None:
        self._counts: Counter[int] = Counter()
        self.total = 0

    def add(self, seconds: float) -> None:
        """Count one duration."""
        self._counts[ceil(log(max(seconds, 1e-6)) / log(_STEP))] += 1
        self.total += 1

    def percentile_ms(self, percent: float) -> float:
        """The duration in ms that `percent` of all stayed within; 0 when nothing was counted."""
        wanted, seen = self.total * percent / 100, 0
        for step in sorted(self._counts):
            seen += self._counts[step]
            if seen >= wanted:
                return float(_STEP**step) * 1000
        return 0.0


@dataclass(slots=True)
class Tally:
    """The running counts of a simulation; the report is made of them."""

    n_devices: int
    n_enrolled: int = 0
    n_heartbeats: int = 0
    n_sms: int = 0
    n_repeats: int = 0
    n_duplicates: int = 0
    n_retries: int = 0
    n_failed: int = 0
    n_refused: int = 0
    n_pending_sms: int = 0
    last_error: str = ""
    seconds: float = 0.0
    latencies: Latencies = field(default_factory=Latencies)

    def report(self) -> SimulationReport:
        """The counts as they stand."""
        return SimulationReport(
            seconds=self.seconds,
            n_devices=self.n_devices,
            n_enrolled=self.n_enrolled,
            n_heartbeats=self.n_heartbeats,
            n_sms=self.n_sms,
            n_repeats=self.n_repeats,
            n_duplicates=self.n_duplicates,
            n_retries=self.n_retries,
            n_failed=self.n_failed,
            n_refused=self.n_refused,
            n_unacknowledged=self.n_pending_sms,
            p50_ms=self.latencies.percentile_ms(50),
            p99_ms=self.latencies.percentile_ms(99),
        )
