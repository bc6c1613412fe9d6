"""Following the stream by polling, as a careful client does: every frame must start where the last one ended."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar

from tests.live_server import LiveServer

Event = dict[str, Any]
Value = TypeVar("Value")

FACTS = frozenset(
    {"sms-received", "device-status-change", "device-reboot", "device-removed", "device-updated"}
)


def split_cursor(cursor: str) -> tuple[str, int]:
    """The epoch and the seq of a cursor."""
    epoch, _, seq = cursor.rpartition(":")
    return epoch, int(seq)


def cursor_at(cursor: str, seq: int) -> str:
    """The cursor of this epoch at another seq: what a client of single events builds from the last one it saw."""
    return f"{split_cursor(cursor)[0]}:{seq}"


class Follower:
    """One subscription, by `GET /api/events`; starts at the end of the stream unless told where."""

    def __init__(
        self, server: LiveServer, rooms: str = "dashboard", after: str | None = None, token: str | None = None
    ) -> None:
        self._server = server
        self._rooms = rooms
        self._token = token
        self.cursor = after or str(server.state(rooms, token)["cursor"])
        self.events: list[Event] = []

    def poll(self, wait: float = 0) -> list[Event]:
        """Take one more frame; returns its events. Fails when the server does not vouch for it."""
        asked = self.cursor
        frame = self._server.frame(self._rooms, asked, wait, self._token)
        assert frame["recovered"] is True, f"the server lost the thread at {asked}: {frame}"
        assert frame["after"] == asked, f"asked for what is after {asked}, got a frame after {frame['after']}"
        seqs = [split_cursor(asked)[1], *(event["seq"] for event in frame["events"])]
        assert seqs == sorted(set(seqs)), f"seq does not increase strictly: {seqs}"
        assert seqs[-1] <= split_cursor(frame["cursor"])[1], (
            f"the frame ends at {frame['cursor']}, before {seqs[-1]}"
        )
        self.cursor = frame["cursor"]
        self.events += frame["events"]
        return list(frame["events"])

    def until(self, is_so: Callable[[Event], bool], timeout: float = 10.0) -> Event:
        """The first event that is so, of those already taken and those to come."""
        deadline = time.monotonic() + timeout
        n_seen = 0
        while True:
            for event in self.events[n_seen:]:
                if is_so(event):
                    return event
            n_seen = len(self.events)
            left = deadline - time.monotonic()
            assert left > 0, (
                f"no such event within {timeout} s: {[(e['seq'], e['event']) for e in self.events]}"
            )
            self.poll(wait=min(5.0, max(0.1, left)))

    def of(self, event: str, **fields: object) -> list[Any]:
        """The data of the events of this name taken so far whose data has these fields."""
        return [e["data"] for e in self.events if e["event"] == event and fields.items() <= e["data"].items()]


def eventually(
    get: Callable[[], Value],
    is_so: Callable[[Value], bool] = bool,
    timeout: float = 10.0,
    pause: float = 0.05,
) -> Value:
    """What `get` returns once it is so, asked again after each `pause`; fails when it is not so in time."""
    deadline = time.monotonic() + timeout
    while True:
        value = get()
        if is_so(value):
            return value
        assert time.monotonic() < deadline, f"still not so after {timeout} s: {value!r:.2000}"
        time.sleep(pause)


def walk(server: LiveServer, path: str, name: str) -> list[Any]:
    """Every item of a list."""
    items: list[Any] = []
    query: dict[str, Any] = {"limit": 500}
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        page = server.get(path, server.admin, **query).must()
        items += page[name]
        if page["nextCursor"] is None:
            return items
        query["cursor"] = page["nextCursor"]
    raise AssertionError(f"{path} has no end")
