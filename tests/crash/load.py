"""Senders and a watcher that outlive the server, and remember what they were told."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import aiohttp

from tests.following import FACTS, split_cursor
from tests.live_server import LiveServer

Json = Any

_GONE = (aiohttp.ClientError, ConnectionError, TimeoutError, json.JSONDecodeError)


@dataclass
class Device:
    """A gateway as it remembers itself; it keeps its clock and its counter over every crash of ours."""

    device_id: str
    key: str
    counter: int = 0
    acknowledged_counter: int = 0


@dataclass
class Ledger:
    """All that was acknowledged and all that was told, over all lives of the server."""

    message_ids: dict[str, str] = field(default_factory=dict)
    """The id that each acknowledged text was given."""
    events: dict[int, tuple[str, Json]] = field(default_factory=dict)
    """Every event that a client saw: its name and data by its seq."""
    n_refused: int = 0

    def acknowledge(self, text: str, message_id: str) -> None:
        known = self.message_ids.setdefault(text, message_id)
        assert known == message_id, f"{text!r} was acknowledged as {known} and as {message_id}"

    def see(self, event: Json) -> None:
        seen = (event["event"], event["data"])
        known = self.events.setdefault(event["seq"], seen)
        assert known == seen, f"seq {event['seq']} was {known} and is {seen}"

    def facts(self) -> Iterator[tuple[int, str, Json]]:
        """Those that have to be in the log."""
        for seq, (name, data) in self.events.items():
            if name in FACTS:
                yield seq, name, data


class Load:
    """Devices that beat and deliver as fast as they are answered, and a watcher of the dashboard."""

    def __init__(self, server: LiveServer, devices: list[Device], cursor: str) -> None:
        self.ledger = Ledger()
        self.devices = devices
        self.cursor = cursor
        self._server = server
        self._token = server.admin
        self._unanswered: dict[str, list[Json]] = {device.device_id: [] for device in devices}
        self._numbers = itertools.count(1)

    async def run(self) -> None:
        """Until it is cancelled, or the server is gone."""
        timeout = aiohttp.ClientTimeout(total=20)
        async with aiohttp.ClientSession(self._server.url, timeout=timeout) as session:
            workers = [self._watch(session)]
            for n, device in enumerate(self.devices):
                workers += [self._beat(session, device), self._deliver(session, device, n % 3)]
            await asyncio.gather(*workers)

    async def deliver_the_rest(self) -> None:
        """Send what was never answered until it is: then every text has been acknowledged."""
        async with aiohttp.ClientSession(self._server.url) as session:
            for device in self.devices:
                assert await self._send(session, device)
            while await self._take_frame(session, wait=0):
                pass

    async def _beat(self, session: aiohttp.ClientSession, device: Device) -> None:
        while True:
            device.counter += 1
            counter = device.counter
            body = {
                "deviceId": device.device_id,
                "counter": counter,
                "batteryLevel": counter % 101,
                "sentAt": now(),
            }
            answer = await self._post(session, "/api/device/heartbeat", body, device)
            if answer is None:
                return
            if answer:
                device.acknowledged_counter = counter

    async def _deliver(self, session: aiohttp.ClientSession, device: Device, kind: int) -> None:
        """One by one with an id, one by one without, or several at once."""
        while True:
            waiting = self._unanswered[device.device_id]
            if not waiting:
                waiting += [self._sms(device, has_id=kind != 1) for _ in range(5 if kind == 2 else 1)]
            if not await self._send(session, device):
                return

    async def _send(self, session: aiohttp.ClientSession, device: Device) -> bool:
        """Send what waits, as one request; keep it unless it is acknowledged. False when the server is gone."""
        waiting = self._unanswered[device.device_id]
        if not waiting:
            return True
        answers = await self._post(session, "/api/sms/receive", list(waiting), device)
        if answers is None:
            return False
        if answers:
            for sms, answer in zip(waiting, answers, strict=True):
                assert answer["success"], answer
                self.ledger.acknowledge(sms["message"], answer["messageId"])
            waiting.clear()
        return True

    def _sms(self, device: Device, *, has_id: bool) -> Json:
        text = f"{device.device_id} says {next(self._numbers)}"
        sms = {
            "deviceId": device.device_id,
            "sender": "BANK",
            "message": text,
            "slotIndex": 0,
            "timestamp": now(),
        }
        return sms | ({"messageId": text} if has_id else {})

    async def _post(
        self, session: aiohttp.ClientSession, path: str, body: Json, device: Device
    ) -> Json | None:
        """The answer; None when the server is gone, nothing when it said to come again."""
        headers = {"Authorization": f"Bearer {device.key}"}
        try:
            async with session.post(path, json=body, headers=headers) as response:
                answer = await response.json()
        except _GONE:
            return None
        if response.status == 503:
            assert response.headers["Retry-After"]
            self.ledger.n_refused += 1
            await asyncio.sleep(0.05)
            return {}
        assert response.status == 200, (response.status, answer)
        return answer

    async def _watch(self, session: aiohttp.ClientSession) -> None:
        try:
            while True:
                await self._take_frame(session, wait=5)
        except _GONE:
            return

    async def _take_frame(self, session: aiohttp.ClientSession, wait: float) -> list[Json]:
        query = {"rooms": "dashboard", "after": self.cursor, "wait": wait}
        headers = {"Authorization": f"Bearer {self._token}"}
        async with session.get("/api/events", params=query, headers=headers) as response:
            frame = await response.json()
        if response.status == 503:
            assert response.headers["Retry-After"]
            await asyncio.sleep(0.05)
            return []
        assert response.status == 200, frame
        assert frame["recovered"] is True, (
            f"{self.cursor} was vouched for, and is not known any more: {frame['cursor']}"
        )
        assert frame["after"] == self.cursor
        for event in frame["events"]:
            assert event["seq"] > split_cursor(self.cursor)[1]
            self.ledger.see(event)
        self.cursor = frame["cursor"]
        events: list[Json] = frame["events"]
        return events


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
