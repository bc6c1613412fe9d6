"""Who may send packets at all: an allow-list of source addresses."""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Callable, Sequence

import structlog

log = structlog.get_logger(__name__)

_A_LINE_EVERY_SECONDS = 60


class Strangers:
    """Turns away whoever is in none of the `networks`; of an empty list of them nobody is turned away.

    They are counted in the log: one line at once, then one a minute at most.
    """

    def __init__(self, networks: Sequence[str], monotonic: Callable[[], float] = time.monotonic) -> None:
        self._networks = tuple(ipaddress.ip_network(network, strict=False) for network in networks)
        self._monotonic = monotonic
        self._told_at: float | None = None
        self._n_packets = 0

    def turns_away(self, host: str) -> bool:
        """True for a packet to drop, which is counted."""
        if not self._networks or self._is_known(host):
            return False
        self._n_packets += 1
        now = self._monotonic()
        if self._told_at is None or now - self._told_at >= _A_LINE_EVERY_SECONDS:
            log.warning("dbl.strangers", packets=self._n_packets, newest=host)
            self._told_at, self._n_packets = now, 0
        return True

    def _is_known(self, host: str) -> bool:
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            return False
        return any(address in network for network in self._networks)
