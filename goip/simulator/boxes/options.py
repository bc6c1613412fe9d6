"""What a fleet of boxes is asked to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from goip.addresses import BrokerAddress
from goip.simulator.options import MAX_DEVICES, is_loopback, require

BOX_MAKES: Final = (
    "dbl",
    "ejoin",
    "dinstar",
    "dinstar-tcp",
    "yeastar",
    "capcom6",
    "httpsms",
    "forwarder",
    "textbee",
    "smssync",
    "kannel",
    "jasmin",
    "mqtt",
)
ASKED_MAKES: Final = frozenset({"dinstar", "ejoin", "yeastar"})
"""Those that answer who asks, at a port of their own."""
KEYLESS_MAKES: Final = frozenset({"mqtt"})
"""They are let in by somebody else, and show goip no key."""
_OF_ONE_LINE: Final = frozenset({"capcom6", "httpsms", "forwarder", "textbee", "smssync", "kannel", "jasmin"})
_LINES_OF_A_BOX = 8
_MOST_LINES = 64
_MOST_REPEATS = 1_000


@dataclass(frozen=True, slots=True)
class BoxOptions:
    """One fleet of one make.

    `key` is what each box shows: in its address, and over UDP as the password of its lines; those of make `mqtt`
    have a `broker` in its place, and may do there what its user may. `interval_seconds` is
    between keepalives or reports of state, `sms_per_minute` for the whole fleet. `loss`, `repeat` and `reorder`
    are chances, of each packet or request and of each answer. A box restarts `reboot_every` seconds after it came
    up, on average. `repeats` is how often it sends again what is not acknowledged, where not as often as its make
    does; `pace` makes its own clocks run faster: waits between repeats, calls, the time on air. With `numbered`
    each text ends with a number of its own. What is on its way at the end gets `grace_seconds`. The first box can be
    asked at `listen_port` of this machine (0 for any that is free), each further one at the next port.
    Raises ValueError when a number is out of bounds, or for a server on another machine without `allow_remote`.
    """

    url: str
    key: str
    make: str
    devices: int = 1
    lines: int | None = None
    udp_port: int = 44444
    tcp_port: int = 12000
    broker: BrokerAddress | None = None
    interval_seconds: float = 30.0
    sms_per_minute: float = 30.0
    duration_seconds: float | None = None
    seed: int = 1
    loss: float = 0.0
    repeat: float = 0.0
    reorder: float = 0.0
    reboot_every: float | None = None
    repeats: int | None = None
    pace: float = 1.0
    numbered: bool = False
    grace_seconds: float = 15.0
    listen_port: int | None = None
    allow_remote: bool = False

    def __post_init__(self) -> None:
        require(self.make in BOX_MAKES, f"make must be one of {', '.join(BOX_MAKES)}")
        require(1 <= self.devices <= MAX_DEVICES, f"devices must be from 1 to {MAX_DEVICES}")
        require(
            self.lines is None or 1 <= self.lines <= _MOST_LINES, f"lines must be from 1 to {_MOST_LINES}"
        )
        for name in ("udp_port", "tcp_port"):
            require(1 <= getattr(self, name) <= 65_535, f"{name.replace('_', ' ')} must be from 1 to 65535")
        for name in ("interval_seconds", "duration_seconds", "reboot_every", "pace"):
            value = getattr(self, name)
            require(value is None or value > 0, f"{name.replace('_', ' ')} must be positive")
        for name in ("sms_per_minute", "grace_seconds"):
            require(getattr(self, name) >= 0, f"{name.replace('_', ' ')} must not be negative")
        for name in ("loss", "repeat", "reorder"):
            require(0 <= getattr(self, name) <= 1, f"{name} must be from 0 to 1")
        require(self.repeats is None or 0 <= self.repeats <= _MOST_REPEATS, "repeats must be from 0 to 1000")
        if self.listen_port is not None:
            require(
                self.make in ASKED_MAKES,
                f"only {', '.join(sorted(ASKED_MAKES))} have something to listen for",
            )
            require(
                0 <= self.listen_port <= 65_536 - self.devices, "ports to listen on must be from 0 to 65535"
            )
        require(self.make != "mqtt" or self.broker is not None, "make mqtt must have a broker")
        require(urlsplit(self.url).scheme in ("http", "https"), "url must begin with http:// or https://")
        require(
            self.allow_remote or is_loopback(self._target_url),
            f"{self._target_url} is not on this machine: allow it explicitly",
        )

    @property
    def _target_url(self) -> str:
        return self.url if self.broker is None else self.broker.public_address

    @property
    def target(self) -> str:
        """Whom the fleet speaks to, for people."""
        where = {
            "dbl": f"{self.host}:{self.udp_port} (UDP)",
            "dinstar-tcp": f"{self.host}:{self.tcp_port} (TCP)",
            "yeastar": "whoever dials",
        }
        return where.get(self.make, self._target_url)

    @property
    def lines_each(self) -> int:
        """How many lines or SIM cards one box has."""
        return self.lines or (1 if self.make in _OF_ONE_LINE else _LINES_OF_A_BOX)

    @property
    def sms_per_second_per_line(self) -> float:
        """How many messages one line receives, on average."""
        return self.sms_per_minute / 60 / self.devices / self.lines_each

    @property
    def host(self) -> str:
        """The server's host, for what is not HTTP."""
        return urlsplit(self.url).hostname or "127.0.0.1"

    @property
    def address(self) -> str:
        """Where boxes of this make post to."""
        return f"{self.url.rstrip('/')}/in/{self.make}/{self.key}"
