"""The road between boxes and server, on which packets get lost, come twice, and overtake each other."""

from __future__ import annotations

from random import Random
from typing import Final

from goip.simulator.boxes.options import BoxOptions
from goip.simulator.boxes.tally import BoxTally

LONGEST_DELAY_SECONDS: Final = 0.5


class Road:
    """One for a whole fleet; it counts what it does."""

    def __init__(self, options: BoxOptions, tally: BoxTally) -> None:
        self._options = options
        self._tally = tally
        self._random = Random(f"{options.seed}:road")  # noqa: S311 - weather, not a secret

    def copies(self) -> tuple[float, ...]:
        """After how many seconds each copy of one packet arrives; none of one that is lost."""
        if self.loses():
            return ()
        first = self._delay(self._options.reorder)
        if self._random.random() >= self._options.repeat:
            return (first,)
        self._tally.n_doubled += 1
        return (first, self._random.uniform(0, LONGEST_DELAY_SECONDS))

    def loses(self) -> bool:
        """Whether one packet gets lost."""
        is_lost = self._random.random() < self._options.loss
        self._tally.n_lost += is_lost
        return is_lost

    def _delay(self, chance: float) -> float:
        if self._random.random() >= chance:
            return 0.0
        self._tally.n_delayed += 1
        return self._random.uniform(0, LONGEST_DELAY_SECONDS)
