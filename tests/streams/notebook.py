"""What one client of the stream knows, however it hears; it refuses whatever the contract rules out."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.contract.shapes import EVENT, FRAME, must_have_the_shape
from tests.following import FACTS, split_cursor

Json = Any
Fact = tuple[int, str, Json]
STATES = frozenset({"device-heartbeat", "stats-update"})


class Notebook:
    """Facts in their order, the newest state of each subject, and the cursor: nothing is written down twice.

    Every event must be newer than the cursor held, and every frame begin at it.
    """

    def __init__(self) -> None:
        self.cursor: str | None = None
        self.facts: list[Fact] = []
        self.devices: dict[str, Json] = {}
        self.stats: Json = None
        self.begun_at = -1
        self.n_snapshots = 0
        self.n_events = 0
        self._news = asyncio.Event()

    @property
    def seq(self) -> int:
        """Up to where it knows all; -1 before it knows anything."""
        return -1 if self.cursor is None else split_cursor(self.cursor)[1]

    @property
    def texts(self) -> list[str]:
        """The messages received, in their order."""
        return [data["message"] for _, name, data in self.facts if name == "sms-received"]

    def frame(self, frame: Json) -> None:
        """A frame of the contract: vouched for from the cursor held on, or with a snapshot to begin with."""
        assert set(frame) - {"state"} == FRAME, f"no frame: {sorted(frame)}"
        assert frame["after"] == self.cursor, f"a frame after {frame['after']} for who holds {self.cursor}"
        if not frame["recovered"]:
            assert frame["events"] == [], "never a partial replay"
            assert frame["cursor"] == frame["state"]["cursor"]
            self.snapshot(frame["state"])
            return
        assert "state" not in frame, "a frame that recovers needs no snapshot"
        for event in frame["events"]:
            self.event(event)
        self.move(frame["cursor"])

    def event(self, event: Json) -> None:
        """One event object of a frame or of an SSE stream."""
        assert set(event) == EVENT, f"no event object: {sorted(event)}"
        assert event["seq"] == event["data"]["seq"]
        self.single(event["event"], event["data"])

    def single(self, name: str, data: Json) -> None:
        """One event by its name and data, as Socket.IO tells it."""
        assert self.cursor is not None, f"{name} came before anything else"
        assert name in FACTS | STATES, f"{name} is neither a fact nor a state"
        assert data["seq"] > self.seq, f"{name} {data['seq']} came to who holds {self.cursor}"
        must_have_the_shape(name, data)
        if name in FACTS:
            self.facts.append((data["seq"], name, data))
        if name == "stats-update":
            self.stats = data
        elif name in ("device-heartbeat", "device-updated"):
            self.devices[data["deviceId"]] = data
        elif name == "device-removed":
            self.devices.pop(data["deviceId"], None)
        self.n_events += 1
        self.move(f"{split_cursor(self.cursor)[0]}:{data['seq']}")

    def snapshot(self, state: Json) -> None:
        """The state to begin with; what was known before it is worth nothing."""
        must_have_the_shape("state", state)
        self.n_snapshots += 1
        self.devices = {device["deviceId"]: device for device in state["devices"]}
        self.stats = state["stats"]
        self.cursor = state["cursor"]
        self.begun_at = self.seq
        self._news.set()

    def move(self, cursor: str) -> None:
        """The server vouches for all up to this cursor; it never goes back, nor into another epoch."""
        assert self.cursor is not None
        epoch, seq = split_cursor(cursor)
        assert epoch == split_cursor(self.cursor)[0], f"{self.cursor} became {cursor} without a snapshot"
        assert seq >= self.seq, f"the cursor went back from {self.cursor} to {cursor}"
        self.cursor = cursor
        self._news.set()

    async def news(self) -> None:
        """Until something was written down since the last call."""
        await self._news.wait()
        self._news.clear()
