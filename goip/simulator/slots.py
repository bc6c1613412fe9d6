"""The ports of a device: the card in each, and its signal, which wanders."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from random import Random
from typing import Any, Final

from goip.simulator.identities import make_iccid, make_imei, make_imsi, make_phone_number, unit_of
from goip.simulator.makes import CARRIERS

BEST_SIGNAL: Final = 31
_HOUR = 3600.0
_WANDER_PER_MINUTE = 1.2
_FAILURES_PER_HOUR = 0.15
_RECOVERIES_PER_HOUR = 12.0
_WORDS = ((20, "Excellent"), (15, "Good"), (10, "Fair"), (5, "Poor"), (1, "Very Poor"))


def word_for(signal: int) -> str:
    """The contract's word for a CSQ from 0 to 31."""
    return next((word for least, word in _WORDS if signal >= least), "No Signal")


@dataclass(frozen=True, slots=True)
class Sim:
    """A card. Some gateways cannot read a card's own number: then `phone_number` is None."""

    iccid: str
    imsi: str
    carrier_name: str
    phone_number: str | None


class LiveSlot:
    """One port of a device, with its modem and its card."""

    def __init__(self, index: int, imei: str, sim: Sim, random: Random) -> None:
        self.index = index
        self.imei = imei
        self.sim = sim
        self._strength = random.uniform(8, 28)
        self._has_network = True
        self._balance = random.uniform(1, 40)

    @property
    def signal(self) -> int:
        """CSQ, 0 to 31."""
        return round(self._strength) if self._has_network else 0

    @property
    def has_network(self) -> bool:
        """Whether the card is registered."""
        return self._has_network

    @property
    def balance(self) -> float:
        """What is left on the card."""
        return self._balance

    def drift(self, seconds: float, random: Random) -> None:
        """Let the signal wander for that long; now and then the network is lost or found, money spent."""
        step = random.gauss(0, _WANDER_PER_MINUTE * sqrt(seconds / 60))
        self._strength = _reflect(self._strength + step, 2, BEST_SIGNAL)
        per_hour = _FAILURES_PER_HOUR if self._has_network else _RECOVERIES_PER_HOUR
        if random.random() < per_hour * seconds / _HOUR:
            self._has_network = not self._has_network
        self._balance -= seconds / _HOUR * random.uniform(0, 0.2)
        if self._balance < 1:
            self._balance += random.choice((5, 10, 20))

    def describe(self) -> dict[str, Any]:
        """The slot as a member of `simSlots`."""
        return {
            "slotIndex": self.index,
            "carrierName": self.sim.carrier_name,
            "operatorName": self.sim.carrier_name,
            "phoneNumber": self.sim.phone_number or "Unknown",
            "signalStatus": word_for(self.signal),
            "signalStrength": self.signal,
            "iccid": self.sim.iccid,
            "imsi": self.sim.imsi,
            "imei": self.imei,
            "status": "LOGIN" if self._has_network else "LOGOUT",
            "balance": f"{self._balance:.2f}",
        }


def make_slots(
    seed: int, device_index: int, ports: int, first_slot: int, random: Random
) -> tuple[LiveSlot, ...]:
    """The ports of one device, each with a card of its own."""
    slots = []
    for position in range(ports):
        unit = unit_of(device_index, position)
        network = random.randrange(len(CARRIERS))
        has_number = random.random() < 0.85
        sim = Sim(
            iccid=make_iccid(seed, unit, network),
            imsi=make_imsi(seed, unit, network),
            carrier_name=CARRIERS[network],
            phone_number=make_phone_number(random) if has_number else None,
        )
        slots.append(LiveSlot(first_slot + position, make_imei(seed, unit), sim, random))
    return tuple(slots)


def _reflect(value: float, low: float, high: float) -> float:
    """Keep a walk between two walls: beyond one, it comes back by as much."""
    if value < low:
        return min(high, 2 * low - value)
    if value > high:
        return max(low, 2 * high - value)
    return value
