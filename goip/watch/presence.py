"""Presence: every device against its own deadline.

A heap holds one good entry a device: a moment not after the one at which its silence means something.
When it comes up, the device's real deadline is looked at: most of the time a beat has moved it, and the
entry goes back. Deadlines run on the monotonic clock, so a wall clock that is set does not make devices late.
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog

from goip import rhythm, transitions
from goip.errors import GoipError
from goip.models import Device, Event, Status, device_room
from goip.store.draft import Draft
from goip.store.store import Store

log = structlog.get_logger(__name__)

_LOOK_EVERY_SECONDS = 0.25
_TRY_AGAIN_SECONDS = 1.0
_AT_ONCE = 500
"""Flips recorded together, so that a storm of them shares commits without filling the queue."""

Monotonic = Callable[[], float]


@dataclass(frozen=True, slots=True)
class SilenceChange:
    """A deadline passed; void when a beat came before this could be written."""

    device_id: str
    last_seen_at: int | None
    previous: Status
    status: Status
    reason: str

    def repeat_keys(self) -> tuple[str, ...]:
        """Silence is no message."""
        return ()

    def decide(self, draft: Draft) -> Device | None:
        """Flip the status, unless the device spoke meanwhile."""
        device = draft.find_device(self.device_id)
        if device is None or device.status != self.previous or device.last_seen_at != self.last_seen_at:
            return None
        step = transitions.silence(device, self.status, self.reason, draft.at, draft.next_seq())
        draft.put_device(step.device)
        for fact in step.facts:
            draft.fact(fact.name, fact.data, device_room(device.device_id))
        return step.device


class Presence:
    """Watches deadlines, from `start` to `stop`."""

    def __init__(self, store: Store, monotonic: Monotonic = time.monotonic) -> None:
        self._store = store
        self._monotonic = monotonic
        self._heard: dict[str, float] = {}
        self._due: dict[str, float] = {}
        self._heap: list[tuple[float, str]] = []
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Doubt every device that was thought to be online, and begin to watch.

        We do not know who fell silent while we were down, so every device has its full deadline from now.
        """
        now = self._monotonic()
        doubted = [
            SilenceChange(d.device_id, d.last_seen_at, d.status, "unknown", "the server started")
            for d in self._store.fleet
            if d.status in ("online", "late")
        ]
        for device in self._store.fleet:
            self._watch(device, now)
        await self._record(doubted)
        self._store.subscribe(self.on_events)
        self._task = asyncio.create_task(self._run(), name="presence")

    async def stop(self) -> None:
        """Stop watching."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    def on_events(self, events: Sequence[Event]) -> None:
        """Something was committed: deadlines move with heartbeats, and with intervals that an operator sets."""
        now = self._monotonic()
        for event in events:
            if isinstance(event.data, Device):
                self._watch(event.data, now)
            elif event.name == "device-removed":
                self._heard.pop(event.data["deviceId"], None)  # another of that id has not been heard yet
                self._due.pop(event.data["deviceId"], None)
            elif event.name == "device-updated":
                device = self._store.fleet.find(event.data["deviceId"])
                if device is not None and device.device_id in self._heard:
                    self._watch(device, self._heard[device.device_id])

    def _watch(self, device: Device, heard: float) -> None:
        """The device was heard from at `heard`: see that the heap has an entry in time."""
        if device.last_seen_at is None or device.status == "offline":
            return
        self._heard[device.device_id] = heard
        deadline = heard + _silence_seconds(device)
        due = self._due.get(device.device_id)
        if due is None or deadline < due:
            self._push(deadline, device.device_id)

    def _push(self, deadline: float, device_id: str) -> None:
        self._due[device_id] = deadline
        heapq.heappush(self._heap, (deadline, device_id))

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_EVERY_SECONDS)
            try:
                await self.look()
            except GoipError as trouble:
                log.warning("presence.waits", reason=trouble.message)
            except Exception:
                log.exception("presence.defect")

    async def look(self) -> None:
        """Flip whoever's deadline has passed by now."""
        now = self._monotonic()
        changes: list[SilenceChange] = []
        while self._heap and self._heap[0][0] <= now:
            due, device_id = heapq.heappop(self._heap)
            if self._due.get(device_id) != due:
                continue  # a nearer deadline took its place
            del self._due[device_id]
            change = self._judge(device_id, now)
            if change is not None:
                changes.append(change)
        await self._record(changes)

    def _judge(self, device_id: str, now: float) -> SilenceChange | None:
        """What the device's silence means now; its next deadline goes onto the heap."""
        device = self._store.fleet.find(device_id)
        heard = self._heard.get(device_id)
        if device is None or heard is None or device.status == "offline":  # it said goodbye before
            self._heard.pop(device_id, None)
            return None
        deadline = heard + _silence_seconds(device)
        if deadline > now:
            self._push(deadline, device_id)
            return None
        if device.status == "online":
            # Not at once, when both deadlines have passed: `look` would come here again before it is late.
            self._push(max(heard + rhythm.offline_seconds(device), now + _TRY_AGAIN_SECONDS), device_id)
            return _change(device, "late", "a heartbeat is overdue")
        del self._heard[device_id]
        return _change(device, "offline", _offline_reason(device, now - heard))

    async def _record(self, changes: Sequence[SilenceChange]) -> None:
        """Record all of them; what cannot be stored now is as due as before, in a second."""
        for start in range(0, len(changes), _AT_ONCE):
            waiting: list[tuple[SilenceChange, asyncio.Future[Device | None]]] = []
            for change in changes[start : start + _AT_ONCE]:
                try:
                    waiting.append((change, self._store.record(change)))
                except GoipError:  # the queue is full
                    self._try_again(change)
            await asyncio.gather(*(done for _, done in waiting), return_exceptions=True)
            for change, done in waiting:
                if done.exception() is not None:
                    self._try_again(change)

    def _try_again(self, change: SilenceChange) -> None:
        """The disk would not take it now: the deadline is as passed as before."""
        now = self._monotonic()
        device = self._store.fleet.find(change.device_id)
        if device is not None:
            self._heard.setdefault(change.device_id, now - rhythm.offline_seconds(device))
            self._push(now + _TRY_AGAIN_SECONDS, change.device_id)


def _silence_seconds(device: Device) -> float:
    """The silence after which the status of the device is no longer true."""
    return rhythm.late_seconds(device) if device.status == "online" else rhythm.offline_seconds(device)


def _change(device: Device, status: Status, reason: str) -> SilenceChange:
    return SilenceChange(device.device_id, device.last_seen_at, device.status, status, reason)


def _offline_reason(device: Device, silent_seconds: float) -> str:
    expected = round(rhythm.expected_seconds(device))
    if device.status == "unknown":
        return f"no heartbeat since the server started, {round(silent_seconds)} s ago; one is due every {expected} s"
    return f"no heartbeat for {round(silent_seconds)} s; one is due every {expected} s"
