"""Counting what a fleet of boxes sends, and what comes of it."""

from __future__ import annotations

from dataclasses import dataclass, field

from goip.simulator.boxes.messages import Outcome
from goip.simulator.tally import Latencies


@dataclass(slots=True)
class Count:
    """Of one kind of news: how many there were, not counting repeats, and how many the server acknowledged."""

    n_sent: int = 0
    n_acknowledged: int = 0


@dataclass(slots=True)
class BoxTally:
    """The counts of a fleet, as they run and at its end.

    `n_repeated` counts what boxes sent again for want of an answer; the road lost `n_lost` packets (requests and
    answers) on purpose, doubled `n_doubled` and held up `n_delayed`.
    """

    n_boxes: int
    n_lines: int
    heartbeats: Count = field(default_factory=Count)
    messages: Count = field(default_factory=Count)
    events: Count = field(default_factory=Count)
    outcomes: dict[Outcome, int] = field(default_factory=lambda: dict.fromkeys(Outcome, 0))
    n_repeated: int = 0
    n_lost: int = 0
    n_doubled: int = 0
    n_delayed: int = 0
    n_reboots: int = 0
    n_refused: int = 0
    n_texts_out: int = 0
    n_ussd: int = 0
    n_asked_again: int = 0
    last_error: str = ""
    seconds: float = 0.0
    latencies: Latencies = field(default_factory=Latencies)

    @property
    def n_sent(self) -> int:
        """All news of all kinds."""
        return self.heartbeats.n_sent + self.messages.n_sent + self.events.n_sent

    @property
    def n_acknowledged(self) -> int:
        """What the server said it has."""
        return self.heartbeats.n_acknowledged + self.messages.n_acknowledged + self.events.n_acknowledged

    @property
    def n_unacknowledged(self) -> int:
        """Messages that the server has not said it has; some of them are still on their way."""
        return self.messages.n_sent - self.messages.n_acknowledged

    def refuse(self, reason: str) -> None:
        """Count an answer that was a refusal."""
        self.n_refused += 1
        self.last_error = reason
