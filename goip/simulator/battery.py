"""A phone's battery: it drains, and somebody charges it, mostly in time."""

from __future__ import annotations

from random import Random

_HOUR = 3600.0


class Battery:
    """The charge of one phone, in percent, and whether it hangs on a charger."""

    def __init__(self, random: Random) -> None:
        self._charge = random.uniform(15, 100)
        self._drain_per_hour = random.uniform(4, 14)
        self._gain_per_hour = random.uniform(35, 70)
        self._plugs_in_at = random.uniform(2, 30)
        self._unplugs_at = random.choice((80.0, 95.0, 100.0, 100.0))
        self.is_charging = random.random() < 0.25

    @property
    def level(self) -> int:
        """What the phone shows, 0 to 100."""
        return round(self._charge)

    @property
    def is_empty(self) -> bool:
        """Whether the phone goes off now."""
        return self._charge <= 0

    def pass_time(self, seconds: float, random: Random) -> None:
        """Drain or charge for that long."""
        hours = seconds / _HOUR
        if self.is_charging:
            self._charge = min(100.0, self._charge + self._gain_per_hour * hours)
            self.is_charging = self._charge < self._unplugs_at
            return
        self._charge = max(0.0, self._charge - self._drain_per_hour * hours * random.uniform(0.6, 1.4))
        self.is_charging = 0 < self._charge <= self._plugs_in_at and random.random() < min(1.0, 2.5 * hours)

    def revive(self, random: Random) -> None:
        """Come back from being off: on the charger, with a little in it already."""
        if self._charge < 10:
            self._charge = random.uniform(10, 40)
            self.is_charging = True
