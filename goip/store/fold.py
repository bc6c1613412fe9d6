"""Folding: what the heartbeat log says, brought into the rows of devices and rollups.

A heartbeat's commit only appends. Its device's row, slots and rollups are written later, little and
often, and then hold everything up to the row's `seq`; a start replays the log after that. A fold and
its `seq` are one transaction, so each heartbeat is counted in the rollups exactly once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from goip.models import Heartbeat
from goip.store.statements import Row

STEP_SECONDS = 300
"""The width of the buckets that heartbeats are folded into."""

DEVICE_ITSELF = -1
"""The `slot_index` of what is not of any slot."""

FOLD_AFTER_SECONDS = 20.0
FOLD_AT_ONCE = 64
"""Devices folded beside one commit; more only when the log runs away from the rows."""


class Beat(NamedTuple):
    """A heartbeat on its way into the rollups; `at` is the time that its values are of."""

    seq: int
    device_pk: int
    device_id: str
    heartbeat: Heartbeat
    at: int


class Span:
    """How often a value was told, and its sum and bounds; made with the first one."""

    __slots__ = ("high", "low", "n", "total")

    def __init__(self, value: int) -> None:
        self.n = 1
        self.total = self.low = self.high = value

    def add(self, value: int) -> None:
        """One more value."""
        self.n += 1
        self.total += value
        if value < self.low:
            self.low = value
        elif value > self.high:
            self.high = value

    def columns(self) -> Row:
        """As a row of the rollups has it."""
        return (self.n, self.total, self.low, self.high)


_NOTHING: Row = (0, 0, None, None)


class Bucket:
    """What the beats of one device or slot add to one row of the rollups."""

    __slots__ = ("battery", "n_beats", "signal")

    def __init__(self) -> None:
        self.n_beats = 0
        self.battery: Span | None = None
        self.signal: Span | None = None

    def add(self, battery: int | None, signal: int | None) -> None:
        """One more beat, and what it told."""
        self.n_beats += 1
        if battery is not None:
            if self.battery is None:
                self.battery = Span(battery)
            else:
                self.battery.add(battery)
        if signal is not None:
            if self.signal is None:
                self.signal = Span(signal)
            else:
                self.signal.add(signal)

    def row(self, device_pk: int, slot_index: int, bucket_at: int) -> Row:
        """A row of `heartbeat_rollups`."""
        battery = _NOTHING if self.battery is None else self.battery.columns()
        signal = _NOTHING if self.signal is None else self.signal.columns()
        return (device_pk, slot_index, STEP_SECONDS, bucket_at, self.n_beats, *battery, *signal)


Buckets = dict[tuple[int, int], Bucket]
"""By slot and time of bucket."""


class Waiting(NamedTuple):
    """The first beat of a device that is not folded yet, and when it came (monotonic, in seconds).

    `since` is when the database refused the device's rows, where it did: it is tried again, after others.
    """

    seq: int
    since: float
    was_refused: bool = False


class Folder:
    """What is committed to the log but not yet folded into rows."""

    def __init__(self) -> None:
        self._buckets: dict[int, Buckets] = {}
        self._waiting: dict[str, Waiting] = {}  # in the order of their seq

    def __len__(self) -> int:
        return len(self._waiting)

    def take_over(self, other: Folder) -> None:
        """Become what `other` is, which was read from disk again."""
        self._buckets, self._waiting = other._buckets, other._waiting

    def add(self, beats: Iterable[Beat], now: float) -> None:
        """Committed beats that wait for their fold; `now` is monotonic, in seconds."""
        for beat in beats:
            if beat.device_id not in self._waiting:
                self._waiting[beat.device_id] = Waiting(beat.seq, now)
            add_beat(self._buckets.setdefault(beat.device_pk, {}), beat)

    def done(self, device_pk: int, device_id: str) -> None:
        """The rows of that device hold everything now."""
        self._buckets.pop(device_pk, None)
        self._waiting.pop(device_id, None)

    def foldable(self, now: float, *, everything: bool = False) -> list[str]:
        """The devices whose turn it is, those that waited longest first."""
        if everything:
            return list(self._waiting)
        at_once = max(FOLD_AT_ONCE, len(self._waiting) // 64)
        due: list[str] = []
        for device_id, waiting in self._waiting.items():
            is_due = now - waiting.since >= FOLD_AFTER_SECONDS
            if len(due) >= at_once or not (is_due or waiting.was_refused):
                break
            if is_due:
                due.append(device_id)
        return due

    def postpone(self, device_ids: Iterable[str], now: float) -> None:
        """The database refused these devices' rows: they keep their place in the log, and wait their turn anew."""
        for device_id in device_ids:
            if device_id in self._waiting:
                self._waiting[device_id] = Waiting(self._waiting[device_id].seq, now, was_refused=True)

    def folded_seq(self, folded: set[str], beats: Iterable[Beat], seq: int) -> int:
        """The place up to which all is folded once `folded` devices are, in a commit that ends at `seq`."""
        for device_id, waiting in self._waiting.items():
            if device_id not in folded:
                return waiting.seq - 1
        return next((beat.seq - 1 for beat in beats if beat.device_id not in folded), seq)

    def rollup_rows(self, pks: set[int], beats: Iterable[Beat]) -> Iterator[Row]:
        """What to add to the rollups of those devices: what waited, and `beats` of the commit itself."""
        fresh: dict[int, Buckets] = {}
        for beat in beats:
            if beat.device_pk in pks:
                add_beat(fresh.setdefault(beat.device_pk, {}), beat)
        for pk in sorted(pks):
            for buckets in (self._buckets.get(pk, {}), fresh.get(pk, {})):
                for (slot_index, bucket_at), bucket in buckets.items():
                    yield bucket.row(pk, slot_index, bucket_at)


def add_beat(buckets: Buckets, beat: Beat) -> None:
    """Count a beat in the buckets of its device and of its slots."""
    width = STEP_SECONDS * 1000
    bucket_at = beat.at - beat.at % width
    heartbeat = beat.heartbeat
    _bucket(buckets, DEVICE_ITSELF, bucket_at).add(heartbeat.battery_level, heartbeat.signal_strength)
    for slot in heartbeat.sim_slots or ():
        if slot.signal_strength is not None:
            _bucket(buckets, slot.slot_index, bucket_at).add(None, slot.signal_strength)


def _bucket(buckets: Buckets, slot_index: int, bucket_at: int) -> Bucket:
    key = (slot_index, bucket_at)
    bucket = buckets.get(key)
    if bucket is None:
        bucket = buckets[key] = Bucket()
    return bucket
