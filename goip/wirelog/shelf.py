"""Shelves: frames by whose they are, bounded for each owner and in all."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterable, Iterator

from goip.wirelog.frames import Frame


class Shelf:
    """Keeps the newest frames of each owner; past the bounds, those of the owner silent for longest go first."""

    def __init__(self, most_each: int, most_owners: int, most_bytes: int) -> None:
        self._most_each = most_each
        self._most_owners = most_owners
        self._most_bytes = most_bytes
        self._by_owner: OrderedDict[str, deque[Frame]] = OrderedDict()
        self._by_id: dict[int, Frame] = {}
        self.n_bytes = 0

    def __iter__(self) -> Iterator[Frame]:
        """Every frame, in the order in which they were put here."""
        return iter(self._by_id.values())

    def put(self, owner: str, frame: Frame) -> None:
        """Keep a frame, newer than all before."""
        frames = self._by_owner.setdefault(owner, deque())
        self._by_owner.move_to_end(owner)
        frames.append(frame)
        self._by_id[frame.id] = frame
        self.n_bytes += frame.weight
        if len(frames) > self._most_each:
            self._drop_oldest(owner)
        if len(self._by_owner) > self._most_owners:
            self.forget(next(iter(self._by_owner)))
        while self.n_bytes > self._most_bytes:
            self._drop_oldest(next(iter(self._by_owner)))

    def frames_of(self, owner: str) -> Iterable[Frame]:
        """The owner's frames, oldest first."""
        return tuple(self._by_owner.get(owner, ()))

    def find(self, frame_id: int) -> Frame | None:
        """The frame of that id, if it is still here."""
        return self._by_id.get(frame_id)

    def forget(self, owner: str) -> None:
        """Let go of all that is the owner's."""
        while owner in self._by_owner:
            self._drop_oldest(owner)

    def _drop_oldest(self, owner: str) -> None:
        frames = self._by_owner[owner]
        dropped = frames.popleft()
        del self._by_id[dropped.id]
        self.n_bytes -= dropped.weight
        if not frames:
            del self._by_owner[owner]
