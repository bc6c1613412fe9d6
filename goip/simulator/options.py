"""What a simulation is asked to do, and what it did."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from goip.simulator.makes import MAKE_CHOICES, MIXED

MAX_PORTS: Final = 32
MAX_DEVICES: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class SimulationOptions:
    """One simulation.

    `rate` is heartbeats per second of the whole fleet; where it is given it decides the interval of a device,
    else `interval_seconds` does. `duration_seconds` of None goes on until it is stopped. `sms_per_minute` is
    for the whole fleet, not counting bursts. `pace` makes lives pass faster than the clock. With `keys_path`
    the devices' keys are kept in a file, so that the same fleet can come back to the same server.
    Raises ValueError when a number is out of bounds, or when the server is not on this machine and
    `allow_remote` is not set: a load test must not hit somebody else's host by a typing error.
    """

    url: str
    enrollment_key: str
    devices: int = 20
    ports: int | None = None
    rate: float | None = None
    interval_seconds: float = 30.0
    duration_seconds: float | None = None
    seed: int = 1
    sms_per_minute: float = 30.0
    make: str = MIXED
    pace: float = 1.0
    concurrency: int = 64
    keys_path: Path | None = None
    allow_remote: bool = False

    def __post_init__(self) -> None:
        require(1 <= self.devices <= MAX_DEVICES, f"devices must be from 1 to {MAX_DEVICES}")
        require(self.ports is None or 1 <= self.ports <= MAX_PORTS, f"ports must be from 1 to {MAX_PORTS}")
        require(self.rate is None or self.rate > 0, "rate must be positive")
        require(self.interval_seconds > 0, "interval must be positive")
        require(self.duration_seconds is None or self.duration_seconds > 0, "duration must be positive")
        require(self.sms_per_minute >= 0, "sms per minute must not be negative")
        require(self.pace > 0, "pace must be positive")
        require(self.concurrency >= 1, "concurrency must be at least 1")
        require(self.make in MAKE_CHOICES, f"make must be one of {', '.join(MAKE_CHOICES)}")
        require(urlsplit(self.url).scheme in ("http", "https"), "url must begin with http:// or https://")
        require(
            self.allow_remote or is_loopback(self.url),
            f"{self.url} is not on this machine: allow it explicitly",
        )

    @property
    def beat_seconds(self) -> float:
        """How long one device waits between two heartbeats."""
        return self.devices / self.rate if self.rate else self.interval_seconds

    @property
    def sms_per_second_per_device(self) -> float:
        """How many messages one device receives, on average."""
        return self.sms_per_minute / 60 / self.devices


@dataclass(frozen=True, slots=True)
class SimulationReport:
    """What a simulation did. `n_repeats` messages were sent again on purpose, and `n_duplicates` answers said
    `duplicate`; `n_retries` requests were sent again because the server could not take them at first."""

    seconds: float
    n_devices: int
    n_enrolled: int
    n_heartbeats: int
    n_sms: int
    n_repeats: int
    n_duplicates: int
    n_retries: int
    n_failed: int
    n_refused: int
    n_unacknowledged: int
    p50_ms: float
    p99_ms: float

    @property
    def requests_per_second(self) -> float:
        """Acknowledged requests per second, over the whole time."""
        return (self.n_heartbeats + self.n_sms) / self.seconds if self.seconds else 0.0


def is_loopback(url: str) -> bool:
    """Whether the host of `url` is this machine."""
    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def require(is_met: bool, message: str) -> None:
    """Raise ValueError with `message` where a number is out of bounds."""
    if not is_met:
        raise ValueError(message)
